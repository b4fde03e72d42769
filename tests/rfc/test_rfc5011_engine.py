"""RFC 5011 in the running engine: when the keys are looked at, and what becomes of what is seen."""

import dns.message
import dns.rcode
import dns.rdatatype

from holdfast.base.settings import TrustAnchorSetting
from holdfast.crypto.signing import SigningKey
from holdfast.dns.name import ROOT
from holdfast.lab.broken import VALID_AFTER_S, VALID_BEFORE_S
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Zone
from tests.support.engine_world import START_S, plain_settings
from tests.support.signed_world import SignedWorld, ede_codes, ede_texts, is_secure

ZONE = "www 300 IN A 192.0.2.80\n"
REVOKED = 0x0080
HALF_TTL_US = 1800 * 1_000_000  # the root's DNSKEY RRset has a TTL of an hour
HOUR_US = 3600 * 1_000_000


def root_key(flags: int = 257) -> SigningKey:
    return SigningKey.derive(13, b"zone/" + ROOT, flags)


def sign_root(zone: Zone, keys: list[SigningKey]) -> None:
    sign_zone(zone, keys, START_S - VALID_BEFORE_S, START_S + VALID_AFTER_S)


def tracked_world() -> SignedWorld:
    settings = plain_settings()
    settings.signal_trust_anchors = False
    settings.trust_anchors = [TrustAnchorSetting(ROOT, [root_key().ds(ROOT)], [], True, "")]
    return SignedWorld({"example": ZONE}, settings=settings)


def looks(world: SignedWorld) -> int:
    return world.asked().count(". DNSKEY")


def test_2_3_the_keys_are_looked_at_from_the_start_and_then_at_intervals() -> None:
    world = tracked_world()
    world.pass_time_us(0)
    assert looks(world) == 1
    world.pass_time_us(HOUR_US - 10_000_000)
    assert looks(world) == 1  # half the TTL would be sooner, but an hour is the least
    world.pass_time_us(20_000_000)
    assert looks(world) == 2


def test_2_3_a_failed_look_leaves_what_is_known_as_it_is() -> None:
    world = tracked_world()
    assert is_secure(world.ask_secure("www.example."))
    world.tamper = lambda query, response: None if query.question[0].rdtype == dns.rdatatype.DNSKEY else response
    world.engine.state.rrsets.remove(b"\x03www\x07example\x00", 1)
    world.engine.packets.clear()
    before = looks(world)
    world.engine.tasks.watches[ROOT].probe(world.now())
    for _ in range(30):
        world.pass_time_us(1_000_000)
    assert looks(world) > before
    assert is_secure(world.ask_secure("www.example."))


def test_2_1_a_revocation_that_only_the_revoked_key_signs_is_observed() -> None:
    world = tracked_world()
    assert is_secure(world.ask_secure("www.example."))
    sign_root(world.zones["."], [root_key(257 | REVOKED)])
    world.pass_time_us(HOUR_US + 10_000_000)
    assert world.engine.state.anchors[ROOT].deleted()


def test_5_a_zone_whose_keys_are_all_revoked_is_as_if_it_had_no_anchor() -> None:
    world = tracked_world()
    sign_root(world.zones["."], [root_key(257 | REVOKED)])
    answer = world.ask_secure("www.example.")
    assert (answer.rcode(), is_secure(answer)) == (dns.rcode.NOERROR, False)
    world.pass_time_us(100 * HOUR_US)
    assert looks(world) == 1  # nothing is left to look after


def test_2_1_a_revocation_by_somebody_else_changes_nothing() -> None:
    world = tracked_world()
    revoked = root_key(257 | REVOKED)
    stranger = SigningKey.derive(13, b"stranger")
    sign_root(world.zones["."], [stranger])
    keys = world.zones["."].nodes[ROOT][dns.rdatatype.DNSKEY]
    keys.rdatas.append(revoked.dnskey)
    keys.signatures = [stranger.sign(keys, ROOT, START_S - VALID_BEFORE_S, START_S + VALID_AFTER_S)]
    answer = world.ask_secure("www.example.")
    assert (answer.rcode(), ede_codes(answer)) == (dns.rcode.SERVFAIL, [9])
    assert not world.engine.state.anchors[ROOT].deleted()


def test_2_1_keys_that_are_revoked_without_proof_are_named_as_the_cause() -> None:
    settings = plain_settings()
    settings.trust_anchors = [TrustAnchorSetting(ROOT, [], [root_key().dnskey], True, "")]
    world = SignedWorld({"example": ZONE}, settings=settings)
    sign_root(world.zones["."], [root_key(257 | REVOKED)])
    keys = world.zones["."].nodes[ROOT][dns.rdatatype.DNSKEY]
    keys.signatures = [keys.signatures[0][:-1] + bytes([keys.signatures[0][-1] ^ 1])]
    answer = world.ask_secure("www.example.")
    assert (answer.rcode(), ede_codes(answer)) == (dns.rcode.SERVFAIL, [6])
    assert "the trust anchor names is revoked" in ede_texts(answer)[0]
