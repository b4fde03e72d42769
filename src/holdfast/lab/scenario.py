"""Playing resolver scenarios against the engine, in virtual time (`holdfast lab scenario`)."""

import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from holdfast.base.effects import (
    FAILURE_REFUSED,
    FAILURE_TIMEOUT,
    TRANSPORT_TCP,
    TRANSPORT_UDP,
    AbandonExchange,
    Client,
    SendAnswer,
    SendUpstreamQuery,
)
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.dns.iana import TYPE_A, TYPE_NS
from holdfast.dns.name import to_text
from holdfast.engine.engine import ResolverEngine
from holdfast.lab.rpl import Entry, Scenario, ScenarioError, Step, parse
from holdfast.lab.scenario_expressions import Variables
from holdfast.lab.scenario_message import (
    Plain,
    build,
    differences,
    match_words,
    matches_query,
    parse_plain,
    question_octets,
    reply_bits,
)
from holdfast.lab.scenario_settings import ScenarioSettings, Unsupported
from holdfast.lab.small_key_verifier import SmallKeyVerifier

PASS, FAIL, UNSUPPORTED = "pass", "FAIL", "unsupported"
CLOCK_START_US = 1_000_000_000  # so that nothing is ever before zero
ROUND_TRIP_US = 1_000  # in the flat dialect; in the other one only the script lets time pass
ROUNDS = 5_000  # of traffic for one answer: far above what any scenario needs
WAIT_US = 60_000_000  # virtual time after which an answer is not expected any more
SERVFAIL_BITS = 0x8002


@dataclass
class ScenarioResult:
    """How a scenario went."""

    path: Path
    verdict: str
    reason: str
    trace: list[str] = field(default_factory=list)


class _Failure(Exception):
    """The engine did not do what the scenario expects."""


class _Player:
    """One scenario in progress."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.settings = ScenarioSettings(scenario)
        self.clock_us = CLOCK_START_US
        self.epoch_s = 0  # what the scenario's clock shows at the start
        self.variables = Variables()
        self.steps = scenario.steps
        if scenario.key_files and self.steps[0].kind == "TIME_PASSES":
            # The first step sets the date.
            self.epoch_s = int(self.variables.number(" ".join(self.steps[0].arguments[1:]), 0, 0))
            self.settings.start_s = self.epoch_s
            self.steps = self.steps[1:]
        self.round_trip_us = 0 if scenario.testbound else ROUND_TRIP_US
        self.engine = ResolverEngine(self.settings.engine, SmallKeyVerifier(), Entropy(b"scenario seed 16"), self.now())
        self.open: list[SendUpstreamQuery] = []
        self.answers: list[bytes] = []
        self.connections: dict[str, Client] = {}
        self.trace: list[str] = []
        self.range_step = 0
        self.reply_ahead = False  # a later step answers what no server answers

    def now(self) -> Instant:
        """Return the virtual time."""
        elapsed_s = (self.clock_us - CLOCK_START_US) // 1_000_000
        return Instant(self.clock_us, self.settings.start_s + elapsed_s)

    def shown_us(self) -> int:
        """Return what the scenario's own clock shows."""
        return self.clock_us - CLOCK_START_US + self.epoch_s * 1_000_000

    def until_timer_us(self) -> int:
        """Return the time until the engine's next timer."""
        return self.engine.next_deadline() - self.clock_us

    def fire_timers(self) -> None:
        """Let what is due happen, with all the traffic that it causes."""
        self.engine.handle_timer(self.now())
        self.collect()
        self.traffic()

    def play(self) -> None:
        """Walk through the steps. Raises _Failure with the first thing that is wrong."""
        steps = self.steps
        if self.epoch_s:
            self.range_step = self.scenario.steps[0].number
            self.fire_timers()
        for index, step in enumerate(steps):
            self.reply_ahead = _reply_ahead(steps[index + 1 :])
            if self.scenario.testbound and step.kind == "QUERY":
                self.traffic()  # that tool serves what is open before it goes on
            following = steps[index + 1] if index + 1 < len(steps) else step
            if self.scenario.testbound:
                self.range_step = following.number if step.kind == "QUERY" else step.number
            elif step.kind == "QUERY":
                self.range_step = step.number
            self.trace.append(f"step {step.number} {step.kind} {' '.join(step.arguments)}")
            self.do(step, steps, index)

    def do(self, step: Step, steps: list[Step], index: int) -> None:
        """Do one step."""
        if step.kind == "QUERY":
            self.query(step)
        elif step.kind == "CHECK_ANSWER":
            self.check_answer(step)
        elif step.kind == "TIME_PASSES":
            self.traffic()
            self.pass_time(step)
        elif step.kind == "TRAFFIC":
            self.traffic()
        elif step.kind == "CHECK_OUT_QUERY":
            self.check_out_query(step)
        elif step.kind == "REPLY":
            self.reply(step)
        elif step.kind in ("TIMEOUT", "ERROR"):
            self.lose(step)
        elif step.kind == "ASSIGN":
            self.variables.assign(" ".join(step.arguments), self.shown_us(), self.until_timer_us())
        elif step.kind not in ("NOTHING", "CHECK_AUTOTRUST", "CHECK_TEMPFILE", "INFRA_RTT"):
            raise Unsupported(f"step kind {step.kind}")

    def query(self, step: Step) -> None:
        """Send a client's query."""
        entry = step.entry
        if entry is None:
            raise _Failure(f"step {step.number}: QUERY without an entry")
        opcode, _, _, do = reply_bits(entry)
        del opcode
        with_edns = do or entry.has_edns_data or not self.scenario.testbound
        wire = (
            entry.raw
            if entry.raw is not None
            else build(entry, step.number & 0xFFFF, question_octets(entry), with_edns, do)
        )
        address = entry.address or (step.arguments[1] if step.arguments[:1] == ["ADDRESS"] else "127.0.0.1")
        if "TCP" in match_words(entry):  # all queries of one client over one connection
            client = self.connections.setdefault(address, Client(ip_address(address).packed, TRANSPORT_TCP, step))
        else:
            client = Client(ip_address(address).packed, TRANSPORT_UDP, step)
        answer = self.engine.receive_client_query(client, wire, self.now())
        if answer is not None and entry.raw is None:
            self.answers.append(answer)
        self.collect()

    def collect(self) -> None:
        """Take the engine's effects."""
        for effect in self.engine.take_effects():
            if isinstance(effect, SendUpstreamQuery):
                self.open.append(effect)
            elif isinstance(effect, AbandonExchange):
                self.open = [query for query in self.open if query.exchange_id != effect.exchange_id]
            elif isinstance(effect, SendAnswer):
                self.answers.append(effect.wire)

    def respond(self, query: SendUpstreamQuery) -> None:
        """Let the servers of the current step answer an upstream query; nobody there means SERVFAIL."""
        self.open = [one for one in self.open if one is not query]
        plain = parse_plain(query.wire)
        if plain is None:
            raise _Failure("the engine sent a malformed query")
        entry = self.find_entry(query, plain)
        foreseen = entry is not None
        if entry is None and plain.qtype == TYPE_A:
            # A minimised question may have any type (RFC 9156 section 2.1); some authors foresaw only NS.
            entry = self.find_entry(query, replace(plain, qtype=TYPE_NS))
        where = f"{ip_address(query.address)} {to_text(plain.qname)} {plain.qtype}"
        self.clock_us += self.round_trip_us
        if entry is not None and "do_not_answer" in entry.adjust:
            self.trace.append(f"  upstream {where}: silence")
            self.engine.fail_upstream_query(query.exchange_id, FAILURE_TIMEOUT, self.now())
        else:
            self.trace.append(
                f"  upstream {where}: " + (f"entry at line {entry.line}" if entry else "nobody, SERVFAIL")
            )
            wire = self.reply_wire(entry, query, plain, foreseen)
            self.engine.receive_upstream_response(query.exchange_id, query.address, wire, self.now())
        self.collect()

    def reply_wire(self, entry: Entry | None, query: SendUpstreamQuery, plain: Plain, keep_question: bool) -> bytes:
        """Return the reply to an upstream query; ``keep_question``: that of the entry, if it does not copy."""
        message_id = query.wire[0] << 8 | query.wire[1]
        end = 12 + len(plain.qname) + 4
        question = query.wire[12:end]
        if entry is None:
            return query.wire[:2] + SERVFAIL_BITS.to_bytes(2, "big") + b"\x00\x01" + b"\x00" * 6 + question
        if entry.raw is not None:
            return query.wire[:2] + entry.raw[2:]
        own = question_octets(entry)
        if keep_question and "copy_query" not in entry.adjust and own and own.lower() != question.lower():
            question = own
        return build(entry, message_id, question, plain.has_edns, plain.do)

    def find_entry(self, query: SendUpstreamQuery, plain: Plain) -> Entry | None:
        """Find the entry that answers a query (README of the scenarios, 1.5)."""
        address = str(ip_address(query.address))
        testbound = self.scenario.testbound
        known = any(address in one.addresses for one in self.scenario.ranges)
        ranges = list(reversed(self.scenario.ranges)) if testbound else self.scenario.ranges
        for one in ranges:
            if not one.first <= self.range_step <= one.last:
                continue
            addresses = one.addresses[-1:] if testbound else one.addresses
            if addresses and address not in addresses and (testbound or known):
                continue
            for entry in one.entries:
                if matches_query(entry, plain, query.transport == TRANSPORT_TCP, testbound):
                    return entry
            if not testbound:
                return None
        return None

    def traffic(self) -> None:
        """Let packets flow until nothing more happens without waiting."""
        for _ in range(ROUNDS):
            query = self.next_to_answer()
            if query is None:
                return
            self.respond(query)
        raise _Failure(f"more than {ROUNDS} upstream queries")

    def next_to_answer(self) -> SendUpstreamQuery | None:
        """Return the first open query that servers deal with; the script may keep others for itself."""
        for query in self.open:
            plain = parse_plain(query.wire)
            if not self.reply_ahead or plain is None or self.find_entry(query, plain) is not None:
                return query
        return None

    def wait(self, limit_us: int) -> bool:
        """Go on to the engine's next deadline; False: there is none before ``limit_us``."""
        deadline_us = self.engine.next_deadline()
        if deadline_us < 0 or deadline_us > limit_us:
            return False
        self.clock_us = max(self.clock_us, deadline_us)
        self.engine.handle_timer(self.now())
        self.collect()
        return True

    def check_answer(self, step: Step) -> None:
        """Wait for an answer, and compare it."""
        if step.entry is None:
            raise _Failure(f"step {step.number}: CHECK_ANSWER without an entry")
        limit_us = self.clock_us + WAIT_US
        for _ in range(ROUNDS):
            if self.answers:
                break
            if self.open:
                self.respond(self.open[0])
            elif not self.wait(limit_us):
                break
        if not self.answers:
            raise _Failure(f"step {step.number}: no answer")
        complaints: list[str] = []
        for at, wire in enumerate(self.answers):
            plain = parse_plain(wire)
            found = ["a malformed answer"] if plain is None else differences(step.entry, plain, self.scenario.testbound)
            if not found:
                del self.answers[at]
                return
            complaints = complaints or found
        raise _Failure(f"step {step.number}: {'; '.join(complaints[:4])}")

    def pass_time(self, step: Step) -> None:
        """Let time pass, and timers fire."""
        text = " ".join(step.arguments[1:])
        seconds = self.variables.number(text, self.shown_us(), self.until_timer_us())
        target_us = self.clock_us + int(seconds * 1_000_000)
        while not self.scenario.key_files and self.wait(target_us):
            self.traffic()
        self.clock_us = max(self.clock_us, target_us)
        self.engine.handle_timer(self.now())
        self.collect()

    def check_out_query(self, step: Step) -> None:
        """Expect an upstream query; with copy_id the entry is its reply as well."""
        entry = step.entry
        if entry is None:
            raise _Failure(f"step {step.number}: CHECK_OUT_QUERY without an entry")
        for _ in range(ROUNDS):
            for query in self.open:
                plain = parse_plain(query.wire)
                if plain is not None and matches_query(
                    entry, plain, query.transport == TRANSPORT_TCP, self.scenario.testbound
                ):
                    if "copy_id" in entry.adjust or "copy_query" in entry.adjust:
                        self.answer_with(query, entry)
                    else:
                        self.open.remove(query)
                        self.open.append(query)
                    return
            if self.open:
                self.respond(self.open[0])
            else:
                break
        if self.answers:
            return  # the engine found the answer without it; whether that is right, CHECK_ANSWER tells
        raise _Failure(f"step {step.number}: the expected upstream query was not sent")

    def answer_with(self, query: SendUpstreamQuery, entry: Entry) -> None:
        """Answer an upstream query with an entry."""
        plain = parse_plain(query.wire)
        self.open = [one for one in self.open if one is not query]
        if plain is not None:
            wire = self.reply_wire(entry, query, plain, True)
            self.clock_us += self.round_trip_us
            self.engine.receive_upstream_response(query.exchange_id, query.address, wire, self.now())
            self.collect()

    def reply(self, step: Step) -> None:
        """Answer the most recent upstream query."""
        if self.open and step.entry is not None:
            self.answer_with(self.open[-1], step.entry)

    def lose(self, step: Step) -> None:
        """Let the most recent upstream query time out or fail."""
        if self.answers or not self.open:
            return
        failure = FAILURE_TIMEOUT if step.kind == "TIMEOUT" else FAILURE_REFUSED
        self.engine.fail_upstream_query(self.open.pop().exchange_id, failure, self.now())
        self.collect()


def _reply_ahead(steps: list[Step]) -> bool:
    """Tell whether an upstream query is answered by hand before the next answer is checked."""
    for step in steps:
        if step.kind == "CHECK_ANSWER":
            return False
        if step.kind == "REPLY":
            return True
    return False


def play(path: Path) -> ScenarioResult:
    """Play one file."""
    player: _Player | None = None
    try:
        player = _Player(parse(path))
        player.play()
    except Unsupported as reason:
        return ScenarioResult(path, UNSUPPORTED, str(reason))
    except (_Failure, ScenarioError) as reason:
        return ScenarioResult(path, FAIL, str(reason), player.trace if player is not None else [])
    except Exception as error:  # a crash of the engine is a result too, and must not end the run
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        return ScenarioResult(path, FAIL, text, player.trace if player is not None else [])
    return ScenarioResult(path, PASS, "", player.trace)


def find_scenarios(paths: Sequence[str | Path]) -> list[Path]:
    """Return the files, folders walked. Raises ScenarioError for a path that does not exist."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise ScenarioError(f"{path}: no such file or folder")
        found.extend(sorted(path.rglob("*.rpl")) if path.is_dir() else [path])
    return found


def main(paths: Sequence[str | Path], jobs: int = 1, verbose: bool = False) -> int:
    """Play files and folders, print one line each and a summary; exit code 1 if any failed, 2 for a wrong path."""
    try:
        files = find_scenarios(paths)
    except ScenarioError as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return 2
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            results = list(pool.map(partial(play), files, chunksize=4))
    else:
        results = [play(path) for path in files]
    counts = {PASS: 0, FAIL: 0, UNSUPPORTED: 0}
    for result in results:
        counts[result.verdict] += 1
        print(f"{result.verdict}  {result.path}  {result.reason}".rstrip())
        if verbose and result.verdict == FAIL:
            print("\n".join(f"    {line}" for line in result.trace))
    print(f"{counts[PASS]} passed, {counts[FAIL]} failed, {counts[UNSUPPORTED]} unsupported")
    return 1 if counts[FAIL] else 0


if __name__ == "__main__":
    sys.exit(main([word for word in sys.argv[1:] if word != "-v"], verbose="-v" in sys.argv))
