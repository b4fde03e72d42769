"""What was judged is kept, comes back after a restart, and only that."""

import dns.rcode
import pytest

from tests.support.engine_world import texts
from tests.support.kept import KeptRecords
from tests.support.signed_world import CHILD_ADDRESS, SignedWorld, ede_codes, is_secure

HOUR_US = 3_600_000_000
EXAMPLE = b"\x07example\x00"


def kept_world() -> SignedWorld:
    world = SignedWorld(
        {"example": "www 300 IN A 192.0.2.80\n", "plain": "www 300 IN A 192.0.2.81\n"}, unsigned=("plain",)
    )
    world.keep(KeptRecords())
    return world


def test_what_was_answered_before_a_restart_is_answered_after_it_without_asking() -> None:
    world = kept_world()
    first = world.ask_secure("www.example")
    assert is_secure(first)
    world.restart()
    world.sent.clear()
    again = world.ask_secure("www.example")
    assert is_secure(again) and texts(again.answer) == texts(first.answer)
    assert world.sent == []


def test_ttls_go_on_counting_while_the_resolver_is_down() -> None:
    world = kept_world()
    world.ask_secure("www.example")
    world.clock_us += 100_000_000
    world.restart()
    assert world.ask_secure("www.example").answer[0].ttl in (199, 200)


def test_expired_data_is_served_stale_after_a_restart() -> None:
    world = kept_world()
    world.ask_secure("www.example")
    world.ask_secure("www.plain")
    world.clock_us += HOUR_US * 2
    world.restart()
    world.respond = lambda _address, _query: None
    for name, secure in (("www.example", True), ("www.plain", False)):
        answer = world.ask_secure(name)
        assert answer.rcode() == dns.rcode.NOERROR and answer.answer
        assert is_secure(answer) == secure
        assert 3 in ede_codes(answer)


def test_new_names_resolve_below_a_parent_that_is_out_of_reach_after_a_restart() -> None:
    world = kept_world()
    world.ask_secure("www.example")
    world.clock_us += HOUR_US * 2
    world.restart()
    inner = world.respond
    world.respond = lambda address, query: inner(address, query) if address == CHILD_ADDRESS else None
    answer = world.ask_secure("ns.example")
    assert is_secure(answer), answer
    assert 3 in ede_codes(answer)


def test_denials_are_kept_too() -> None:
    world = kept_world()
    assert world.ask_secure("nothing.example").rcode() == dns.rcode.NXDOMAIN
    world.restart()
    world.sent.clear()
    answer = world.ask_secure("nothing.example")
    assert answer.rcode() == dns.rcode.NXDOMAIN and is_secure(answer)
    assert world.sent == []


def test_what_nobody_judged_is_not_kept() -> None:
    world = kept_world()
    world.ask_secure("www.example", cd=True)
    assert world.kept is not None
    before = dict(world.kept.records)
    world.restart()
    world.sent.clear()
    world.ask_secure("www.example")
    assert world.sent, "an answer to a CD query must be fetched again to be judged"
    assert all(record[8] == 3 for record in before.values()), "only zone cuts were kept"


def test_a_flush_reaches_what_is_kept() -> None:
    world = kept_world()
    world.ask_secure("www.example")
    world.engine.flush(EXAMPLE, True, world.now())
    world.run()
    world.restart()
    world.sent.clear()
    world.ask_secure("www.example")
    assert "www.example. A" in world.asked()


@pytest.mark.parametrize(("before_ms", "after_ms"), [(0, 0), (300, 300), (300, 900), (5_000, 20_000)])
def test_records_from_before_a_flush_are_not_believed_while_the_store_lags(before_ms: int, after_ms: int) -> None:
    """Also within the second in which they were stored: records say no more than that."""
    world = kept_world()
    world.ask_secure("www.example")
    assert world.kept is not None
    lagging = dict(world.kept.records)
    world.clock_us += before_ms * 1000
    world.engine.flush(EXAMPLE, True, world.now())
    world.run()
    world.kept.records = lagging
    world.clock_us += after_ms * 1000
    world.sent.clear()
    world.ask_secure("www.example")
    assert "www.example. A" in world.asked()
