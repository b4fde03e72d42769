"""What clients asked within the last hour, for rehearsing a rule: a sample, so that it costs the same however many ask.

On the way of every query stands one comparison: is it the next one to be noted? Of the first questions of a minute all
are noted, then every second, every fourth, and so on, each with the number of questions that it stands for. Which of
them is random: clients ask in rhythms. What is known of the minute before sets where to begin.
"""

from typing import Final

from holdfast.base.entropy import EntropyStream
from holdfast.dns.reader import name_end, u16

MINUTE_US: Final = 60_000_000
MINUTES: Final = 60
NOTES_PER_MINUTE: Final = 400  # all questions of up to 6 a second; of more, enough to tell what 1 % of them is about
NOTES: Final = 30_000  # in all: some 7 MB for each worker; the oldest minute goes first
STRIDE_MAXIMUM: Final = 32_768  # questions that one note stands for: half of what an entropy stream can tell apart


class NotedQuestion:
    """A question of a client, and how many like it were asked, as far as the sample tells."""

    def __init__(self, name: bytes, rtype: int, service: int, address: bytes, count: int) -> None:
        self.name: Final = name
        self.rtype: Final = rtype
        self.service: Final = service
        self.address: Final = address
        self.count: Final = count


class Minute:
    """The notes of one minute: a question with its client, to how often it was asked."""

    def __init__(self, number: int) -> None:
        self.number: Final = number
        self.notes: Final[dict[bytes, int]] = {}


class RecentQuestions:
    """``due`` is the number of the query, counted from 1, that is noted next."""

    def __init__(self, chance: EntropyStream) -> None:
        self.chance: Final = chance
        self.due: int = 1
        self.stride: int = 1  # mean distance between noted queries
        self.left: int = NOTES_PER_MINUTE  # notes until the stride doubles
        self.began: int = 0  # number of the first query of the present minute
        self.size: int = 0
        self.minutes: Final[list[Minute]] = []

    def note(self, number: int, name: bytes, rtype: int, service: int, address: bytes, now_us: int) -> None:
        """Note the query with a number, and decide which one is next."""
        minute = self.present(number, now_us)
        key = name + bytes([rtype >> 8, rtype & 255, service]) + address
        known = minute.notes.get(key)
        if known is None:
            self.size += 1
            if self.size > NOTES:
                self.forget_oldest()
            known = 0
        minute.notes[key] = known + self.stride
        self.left -= 1
        if self.left <= 0 and self.stride < STRIDE_MAXIMUM:
            self.stride *= 2
            self.left = NOTES_PER_MINUTE // 2
        gap = 1
        if self.stride > 1:
            gap += self.chance.below(2 * self.stride - 1)
        self.due = number + gap

    def look_at_clock(self, number: int, now_us: int) -> None:
        """Note the next query if a minute has begun: after a busy one, the one that is due may be hours away.

        Called with the latest query for every one that is not answered from whole packets.
        """
        if self.due > number + 1 and self.minutes and self.minutes[-1].number != now_us // MINUTE_US:
            self.due = number + 1

    def present(self, number: int, now_us: int) -> Minute:
        """Return the present minute, a new one if need be."""
        at = now_us // MINUTE_US
        if self.minutes:
            last = self.minutes[-1]
            if last.number == at:
                return last
            asked = number - self.began if last.number == at - 1 else 0
            self.stride = 1
            while self.stride < STRIDE_MAXIMUM and self.stride * NOTES_PER_MINUTE < asked:
                self.stride *= 2
        self.left = NOTES_PER_MINUTE
        self.began = number
        self.forget_before(at - MINUTES + 1)
        self.minutes.append(Minute(at))
        return self.minutes[-1]

    def forget_before(self, number: int) -> None:
        """Forget minutes that are too long ago."""
        while self.minutes and self.minutes[0].number < number:
            self.size -= len(self.minutes.pop(0).notes)

    def forget_oldest(self) -> None:
        """Make room; a single minute that fills everything is begun anew."""
        if len(self.minutes) > 1:
            self.size -= len(self.minutes.pop(0).notes)
        else:
            self.minutes[0].notes.clear()
            self.size = 1

    def all(self, now_us: int) -> list[NotedQuestion]:
        """Return what was asked within the last hour, each question of a client once, in the order of first asking."""
        self.forget_before(now_us // MINUTE_US - MINUTES + 1)
        total: dict[bytes, int] = {}
        for minute in self.minutes:
            for key, count in minute.notes.items():
                total[key] = total.get(key, 0) + count
        return [noted(key, count) for key, count in total.items()]


def noted(key: bytes, count: int) -> NotedQuestion:
    """Take a key apart: name, type, service, address."""
    end = name_end(key, 0, len(key))
    return NotedQuestion(key[:end], u16(key, end), key[end + 2], key[end + 3 :], count)
