"""A short run of the fuzzer, that it is reproducible, and that it would notice what it looks for."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz import __main__ as program
from fuzz import reproducer
from fuzz.corpus import Corpus
from fuzz.driver import Driver, Input, Violation
from fuzz.episode import Episode, Finding, make_driver, replay
from fuzz.stream import StreamFinding, fuzz_streams
from holdfast.base.effects import TRANSPORT_UDP
from holdfast.dns.iana import FLAG_AD, FLAG_RD
from holdfast.dns.name import from_text
from holdfast.dns.writer import build_query

SEED = 20260505
PACKETS = 1000
CLIENT = b"\x7f\x00\x00\x01"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.build()


@pytest.mark.parametrize("number", range(4))
def test_nothing_breaks(corpus: Corpus, number: int) -> None:
    episode = Episode(corpus, SEED, number)
    episode.run(PACKETS)
    assert episode.tally.fuzzed >= PACKETS
    assert episode.driver.answers > PACKETS / 2


def test_deep_states_are_reached(corpus: Corpus) -> None:
    episodes = [Episode(corpus, SEED, number) for number in range(3)]
    for episode in episodes:
        episode.run(PACKETS)
    numbers = [episode.driver.engine.statistics() for episode in episodes]
    for counter in ("bogus_lookups", "bogus_retries", "upstream_mismatches", "upstream_tcp_queries", "failed_lookups"):
        assert sum(one.get(counter, 0) for one in numbers) > 0, counter
    assert sum(episode.driver.authentic for episode in episodes) > 30
    assert any(rule.hits for episode in episodes for rule in episode.driver.engine.rules.rules)


def test_the_same_seed_makes_the_same_inputs(corpus: Corpus) -> None:
    digests = []
    for own_corpus in (corpus, Corpus.build()):
        episode = Episode(own_corpus, SEED, 1)
        episode.run(300)
        digests.append(hashlib.sha256(repr(episode.inputs).encode()).hexdigest())
    assert digests[0] == digests[1]


def query(text: str, rtype: int, number: int = 1) -> Input:
    wire = build_query(0x1234, from_text(text) or b"\x00", rtype, FLAG_RD | FLAG_AD, 1232, True, [])
    return Input("query", 0, number, CLIENT, TRANSPORT_UDP, wire)


def answer_upstream(corpus: Corpus, driver: Driver, change: Callable[[bytes], bytes]) -> None:
    """Answer all upstream queries until there are none, each response changed."""
    while driver.pending:
        one = next(iter(driver.pending.values()))
        wire = corpus.response(one.address, one.wire, one.transport)
        assert wire is not None
        driver.apply(Input("response", 1000, one.exchange_id, one.address, 0, change(wire)))


def validating_driver(corpus: Corpus) -> Driver:
    driver = make_driver(corpus, SEED, 0)
    driver.settings.validate = True
    return driver


def test_an_authentic_answer_satisfies_the_truth(corpus: Corpus) -> None:
    driver = validating_driver(corpus)
    driver.apply(query("www.example.de", 1))
    answer_upstream(corpus, driver, lambda wire: wire)
    assert driver.authentic == 1
    driver.apply(Input("check"))


def test_a_false_authentic_answer_is_noticed(corpus: Corpus) -> None:
    driver = validating_driver(corpus)
    node = corpus.internet.zones["example.de"].nodes[b"\x03www\x07example\x02de\x00"]
    good = node.pop(1)
    try:
        lying = type(corpus.truth)(corpus.internet)
    finally:
        node[1] = good
    driver.truth = lying
    driver.apply(query("www.example.de", 1))
    with pytest.raises(Violation, match="does not exist"):
        answer_upstream(corpus, driver, lambda wire: wire)


def test_a_lost_query_is_noticed(corpus: Corpus) -> None:
    driver = validating_driver(corpus)
    driver.apply(query("www.example.de", 1))
    driver.unanswered[99] = b"never given to the engine"
    with pytest.raises(Violation, match=r"never answered: queries \[99\]"):
        driver.apply(Input("check"))


def test_a_second_answer_is_noticed(corpus: Corpus) -> None:
    driver = validating_driver(corpus)
    driver.apply(query("version.bind", 1))
    answer_upstream(corpus, driver, lambda wire: wire)
    driver.settle()
    with pytest.raises(Violation, match="nothing was owed"):
        driver._take_answer(1, b"")


def test_a_leaked_exchange_is_noticed(corpus: Corpus) -> None:
    driver = validating_driver(corpus)
    driver.apply(query("www.example.de", 1))
    answer_upstream(corpus, driver, lambda wire: wire)
    server = next(iter(driver.engine.state.servers.entries.values()))
    server.in_flight += 1
    with pytest.raises(Violation, match="in flight"):
        driver.apply(Input("check"))


def test_an_exchange_that_never_ends_is_noticed(corpus: Corpus) -> None:
    driver = validating_driver(corpus)
    driver.apply(query("www.example.de", 1))
    one = next(iter(driver.engine.tasks.exchanges.open.values()))
    answer_upstream(corpus, driver, lambda wire: wire)
    driver.engine.tasks.exchanges.open[-1] = one
    with pytest.raises(Violation, match="1 open exchanges"):
        driver.apply(Input("check"))


@pytest.mark.parametrize("seed", [SEED, 101, 102])  # the latter two with entries of the journal among the effects
def test_streams_of_garbage_are_served(corpus: Corpus, seed: int) -> None:
    assert fuzz_streams(corpus, seed, 100) > 200


def test_a_lost_answer_in_a_stream_is_noticed(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.stream.TcpConnection.send", lambda connection, wire: connection.dropped())
    with pytest.raises(StreamFinding, match="was not answered"):
        fuzz_streams(corpus, SEED, 20)


def test_a_finding_leaves_a_reproducer_that_replays(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(driver: Driver, one: Input) -> None:
        if one.kind == "query" and len(one.wire) % 3 == 0:
            raise ValueError("three of a kind")

    monkeypatch.setattr(Driver, "apply", explode)
    episode = Episode(corpus, SEED, 3)
    with pytest.raises(Finding) as caught:
        episode.run(PACKETS)
    monkeypatch.setattr(reproducer, "FOLDER", tmp_path)
    path = reproducer.write(corpus, caught.value)
    seed, number, error, inputs = reproducer.read(path)
    assert (seed, number, error) == (SEED, 3, "ValueError: three of a kind")
    assert len(inputs) == 1
    failed = replay(corpus, seed, number, inputs)
    assert failed is not None and failed[0] == 0
    monkeypatch.setattr("sys.argv", ["fuzz", "--replay", str(path)])
    assert program.main() == 1
    assert inputs[0].wire.hex() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", ":1: not a reproducer"), ('{"seed": 1, "episode": 2, "error": ""}\n["query", 1]\n', ":2: not a reproducer")],
)
def test_an_unreadable_reproducer_is_named(
    content: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(content)
    monkeypatch.setattr("sys.argv", ["fuzz", "--replay", str(path)])
    assert program.main() == 2
    assert complaint in capsys.readouterr().err
