"""The record of recent questions: exact where few ask, a fair sample where many do, and bounded always."""

from holdfast.base.entropy import EntropyStream
from holdfast.dns.iana import TYPE_A, TYPE_AAAA
from holdfast.service.recent_questions import MINUTE_US, MINUTES, NOTES, NOTES_PER_MINUTE, RecentQuestions
from tests.support.dnssec_records import wire_name

CLIENT = b"\x0a\x00\x00\x01"


class Traffic:
    """Queries by number, as the engine counts them."""

    def __init__(self) -> None:
        self.recent = RecentQuestions(EntropyStream(b"seed of sixteen ", b"question-sample"))
        self.number = 0
        self.now_us = 1_000 * MINUTE_US
        self.noted = 0

    def ask(self, name: str, count: int = 1, rtype: int = TYPE_A, missed: bool = False) -> None:
        """Ask so many times at once; ``missed``: not answered from whole packets."""
        wire = wire_name(name)
        for _ in range(count):
            self.number += 1
            if self.number >= self.recent.due:
                self.noted += 1
                self.recent.note(self.number, wire, rtype, 0, CLIENT, self.now_us)
            if missed:
                self.recent.look_at_clock(self.number, self.now_us)

    def counts(self) -> dict[tuple[bytes, int], int]:
        """What is known of the last hour."""
        return {(one.name, one.rtype): one.count for one in self.recent.all(self.now_us)}


def test_few_questions_are_all_known() -> None:
    traffic = Traffic()
    for _ in range(MINUTES):
        traffic.ask("a.example", 3)
        traffic.ask("b.example", 2, TYPE_AAAA)
        traffic.now_us += MINUTE_US
    traffic.now_us -= MINUTE_US
    assert traffic.counts() == {
        (wire_name("a.example"), TYPE_A): 3 * MINUTES,
        (wire_name("b.example"), TYPE_AAAA): 2 * MINUTES,
    }


def test_what_is_noted_is_given_back() -> None:
    recent = RecentQuestions(EntropyStream(b"seed of sixteen ", b"question-sample"))
    recent.note(1, wire_name("a.b.example"), 65280, 7, b"\x20\x01" + bytes(14), MINUTE_US)
    [one] = recent.all(MINUTE_US)
    assert (one.name, one.rtype, one.service, one.address, one.count) == (
        *(wire_name("a.b.example"), 65280, 7, b"\x20\x01" + bytes(14), 1),
    )


def test_what_is_an_hour_ago_is_forgotten() -> None:
    traffic = Traffic()
    traffic.ask("a.example")
    traffic.now_us += (MINUTES - 1) * MINUTE_US
    assert traffic.counts()
    traffic.now_us += MINUTE_US
    assert not traffic.counts()


def test_of_many_questions_a_sample_tells_how_many_there_were() -> None:
    traffic = Traffic()
    for _ in range(20):
        for _ in range(10_000):  # one in ten, in a rhythm that every even stride would fall in with
            traffic.ask("rare.example")
            traffic.ask("often.example", 9)
        traffic.now_us += MINUTE_US
    counts = traffic.counts()
    rare, often = counts[wire_name("rare.example"), TYPE_A], counts[wire_name("often.example"), TYPE_A]
    assert 0.9 < (rare + often) / 2_000_000 < 1.1
    assert 0.08 < rare / (rare + often) < 0.12
    assert traffic.noted < 20 * 4 * NOTES_PER_MINUTE


def test_after_a_busy_minute_a_quiet_one_is_known_in_full() -> None:
    traffic = Traffic()
    traffic.ask("busy.example", 500_000)
    traffic.now_us += 2 * MINUTE_US
    traffic.ask("first.example", missed=True)
    traffic.ask("quiet.example", 5)
    assert traffic.counts()[wire_name("quiet.example"), TYPE_A] == 5


def test_the_record_is_bounded() -> None:
    traffic = Traffic()
    for minute in range(MINUTES):
        for number in range(3_000):
            traffic.ask(f"n{minute}-{number}.example")
        traffic.now_us += MINUTE_US
    assert traffic.recent.size <= NOTES
    assert traffic.recent.size == sum(len(minute.notes) for minute in traffic.recent.minutes)
    lonely = Traffic()
    for number in range(2_000_000):
        if lonely.recent.size >= NOTES:
            break
        lonely.recent.note(number, wire_name(f"n{number}.example"), TYPE_A, 0, CLIENT, lonely.now_us)
    lonely.recent.note(0, wire_name("last.example"), TYPE_A, 0, CLIENT, lonely.now_us)
    assert lonely.recent.size == len(lonely.recent.minutes[0].notes) == 1
