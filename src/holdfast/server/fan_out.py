"""Commands on their way to all workers: sent, waited for with a limit, their results merged to one reply."""

import time
from collections.abc import Mapping

from holdfast.server.channel import WorkerChannel
from holdfast.server.commands import UNAVAILABLE, Command, CommandError
from holdfast.server.control_socket import Reply
from holdfast.server.lines import Values


class FanOut:
    """One command that workers are busy with; workers are known by their process numbers."""

    def __init__(self, command: Command, reply: Reply, waiting: set[int]) -> None:
        self.command = command
        self.reply = reply
        self.waiting = waiting
        self.results: list[Values] = []
        self.errors: list[str] = []
        self.kind = UNAVAILABLE  # of the errors
        self.deadline_s = time.monotonic() + command.answer_s


class FanOuts:
    """All commands in progress."""

    def __init__(self) -> None:
        self._open: dict[int, FanOut] = {}
        self._last = 0

    def start(self, command: Command, values: Values, channels: Mapping[int, WorkerChannel], reply: Reply) -> None:
        """Send a command to all workers."""
        self._last += 1
        fan_out = FanOut(command, reply, set(channels))
        self._open[self._last] = fan_out
        for pid, channel in channels.items():
            if not channel.send(self._last, values):
                self._miss(fan_out, pid)
        self._end_if_complete(self._last, fan_out)

    def take(self, pid: int, message: Values) -> None:
        """Take a worker's result."""
        number = message.get("number")
        fan_out = self._open.get(number) if isinstance(number, int) else None
        if number is None or fan_out is None or pid not in fan_out.waiting:
            return
        fan_out.waiting.discard(pid)
        if "error" in message:
            fan_out.errors.append(str(message["error"]))
            fan_out.kind = message.get("kind", UNAVAILABLE)
        else:
            fan_out.results.append(message["result"])
        self._end_if_complete(number, fan_out)

    def lose(self, pid: int) -> None:
        """A worker is gone: nobody needs to wait for it."""
        for number, fan_out in list(self._open.items()):
            if pid in fan_out.waiting:
                self._miss(fan_out, pid)
                self._end_if_complete(number, fan_out)

    def expire(self) -> None:
        """End what has taken too long."""
        for number, fan_out in list(self._open.items()):
            if fan_out.deadline_s <= time.monotonic():
                for pid in sorted(fan_out.waiting):
                    self._miss(fan_out, pid)
                self._end_if_complete(number, fan_out)

    def deadlines_s(self) -> list[float]:
        """Return until when results are waited for, in monotonic seconds."""
        return [fan_out.deadline_s for fan_out in self._open.values()]

    def _miss(self, fan_out: FanOut, pid: int) -> None:
        fan_out.waiting.discard(pid)
        fan_out.errors.append(f"worker process {pid} did not answer")

    def _end_if_complete(self, number: int, fan_out: FanOut) -> None:
        """Reply when every worker has answered or is given up; a part of them is not enough to call it done."""
        if fan_out.waiting or fan_out.command.merge is None:
            return
        del self._open[number]
        if fan_out.errors:
            fan_out.reply(CommandError("; ".join(fan_out.errors), fan_out.kind).reply())
        elif not fan_out.results:
            fan_out.reply(CommandError("no worker is running", UNAVAILABLE).reply())
        else:
            fan_out.reply({"ok": True, "result": fan_out.command.merge(fan_out.results)})
