"""Trust anchors that come and go while the engine runs: in force at once, for what is cached too."""

import dns.rcode
import pytest

from holdfast.base.effects import Record
from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.name import ROOT
from holdfast.dnssec.anchor_report import ERROR
from holdfast.lab.broken import key_of, sign_well
from tests.support.dnssec_records import ZoneKey, wire_name
from tests.support.engine_world import START_S
from tests.support.kept import KeptRecords
from tests.support.signed_world import SignedWorld, ede_codes, is_secure

ISLAND = wire_name("island")
STRANGER = ZoneKey("island", 13)
HOUR_US = 3600 * 1_000_000


@pytest.fixture
def world() -> SignedWorld:
    """A zone that is signed although its parent says that it is not: an island of security (RFC 4033 section 2)."""
    made = SignedWorld(
        {"island": "www 3600 IN A 192.0.2.1\n", "other": "www 3600 IN A 192.0.2.2\n"}, unsigned=("island",)
    )
    sign_well(made.zones["island"], START_S)
    return made


def island_ds(world: SignedWorld) -> bytes:
    return key_of(world.zones["island"]).ds(ISLAND)


def put(world: SignedWorld, *ds: bytes, zone: bytes = ISLAND, tracked: bool = False) -> None:
    world.engine.put_trust_anchor(TrustAnchorSetting(zone, list(ds), [], tracked, ""), world.now())


def verdict(world: SignedWorld, name: str = "www.island") -> tuple[int, bool]:
    answer = world.ask_secure(name)
    return answer.rcode(), is_secure(answer)


def test_one_that_is_added_and_removed_counts_at_once_for_cached_names(world: SignedWorld) -> None:
    for _ in range(2):
        assert verdict(world) == (dns.rcode.NOERROR, False)
    put(world, island_ds(world))
    assert verdict(world) == (dns.rcode.NOERROR, True)
    assert world.engine.remove_trust_anchor(ISLAND, world.now())
    assert verdict(world) == (dns.rcode.NOERROR, False)
    assert not world.engine.remove_trust_anchor(ISLAND, world.now())


def test_a_wrong_one_fails_and_the_right_one_heals_at_once(world: SignedWorld) -> None:
    put(world, STRANGER.ds())
    answer = world.ask_secure("www.island")
    assert (answer.rcode(), ede_codes(answer)) == (dns.rcode.SERVFAIL, [9])
    (island,) = [one for one in world.engine.trust_anchor_reports(world.now()) if one.zone == ISLAND]
    assert island.worst() == ERROR and "is in the zone's DNSKEY RRset" in island.findings[0].text
    put(world, STRANGER.ds(), island_ds(world))
    assert verdict(world) == (dns.rcode.NOERROR, True)


def test_taking_a_key_away_takes_what_was_judged_by_it(world: SignedWorld) -> None:
    put(world, STRANGER.ds(), island_ds(world), tracked=True)
    assert verdict(world) == (dns.rcode.NOERROR, True)
    put(world, STRANGER.ds(), tracked=True)
    assert verdict(world) == (dns.rcode.SERVFAIL, False), "nor is the key trusted that was learned (RFC 5011)"


def test_what_is_cached_elsewhere_stays(world: SignedWorld) -> None:
    assert verdict(world, "www.other") == (dns.rcode.NOERROR, True)
    before = world.asked().count("www.other. A")
    put(world, island_ds(world))
    world.engine.remove_trust_anchor(ISLAND, world.now())
    assert verdict(world, "www.other") == (dns.rcode.NOERROR, True)
    assert world.asked().count("www.other. A") == before


def test_nothing_that_was_kept_on_disk_outlives_the_key_that_judged_it(world: SignedWorld) -> None:
    world.keep(KeptRecords())
    put(world, island_ds(world))
    assert verdict(world) == (dns.rcode.NOERROR, True)
    world.engine.remove_trust_anchor(ISLAND, world.now())
    world.run()
    world.restart()
    assert verdict(world) == (dns.rcode.NOERROR, False)


def test_an_added_anchor_is_looked_after_and_a_removed_one_is_not(world: SignedWorld) -> None:
    put(world, island_ds(world), tracked=True)
    world.pass_time_us(1_000_000)
    looks = world.asked().count("island. DNSKEY")
    assert looks >= 1
    world.pass_time_us(2 * HOUR_US)
    assert world.asked().count("island. DNSKEY") > looks
    world.engine.remove_trust_anchor(ISLAND, world.now())
    after = world.asked().count("island. DNSKEY")
    world.pass_time_us(100 * HOUR_US)
    assert world.asked().count("island. DNSKEY") == after


def test_its_state_is_recorded_so_that_the_driver_can_keep_it(world: SignedWorld) -> None:
    put(world, island_ds(world), tracked=True)
    records = [one for one in world.engine.take_effects() if isinstance(one, Record)]
    assert [one.subject.encode("latin-1") for one in records if one.kind == "trust-anchor-state"] == [ISLAND]
    world.engine.note_anchor_problem(ISLAND, "the disk is full")
    assert world.engine.state.anchors[ISLAND].problem == "the disk is full"
    world.engine.note_anchor_problem(wire_name("nothing"), "the disk is full")


def test_the_root_s_can_be_replaced_while_clients_ask(world: SignedWorld) -> None:
    assert verdict(world, "www.other") == (dns.rcode.NOERROR, True)
    right = key_of(world.zones["."]).ds(ROOT)
    put(world, ZoneKey(".", 13).ds(), zone=ROOT)
    assert verdict(world, "www.other") == (dns.rcode.SERVFAIL, False)
    put(world, right, zone=ROOT)
    assert verdict(world, "www.other") == (dns.rcode.NOERROR, True)
