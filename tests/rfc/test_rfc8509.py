"""RFC 8509: the root key sentinel."""

import dns.rcode
import pytest

from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.dns.name import ROOT
from holdfast.lab.broken import key_of
from tests.support.engine_world import plain_settings
from tests.support.signed_world import SignedWorld, ede_texts, is_secure

OTHER_TAG = 4711


def sentinel_world(settings: EngineSettings | None = None) -> tuple[SignedWorld, int]:
    lines = '*.example. 300 IN A 192.0.2.80\n*.example. 300 IN AAAA ::1\n*.example. 300 IN TXT "text"\n'
    world = SignedWorld(
        {"example": lines, "plain": lines.replace("example", "plain")}, unsigned=("plain",), settings=settings
    )
    return world, world.zones["."].keys[0].key_tag


def claims(tag: int, zone: str = "example.") -> tuple[str, str]:
    return f"root-key-sentinel-is-ta-{tag:05d}.{zone}", f"root-key-sentinel-not-ta-{tag:05d}.{zone}"


@pytest.mark.parametrize("rtype", ["A", "AAAA"])
def test_3_2_a_true_claim_is_answered_and_a_false_one_fails(rtype: str) -> None:
    world, tag = sentinel_world()
    for known, (is_anchor, not_anchor) in ((True, claims(tag)), (False, claims(OTHER_TAG))):
        true, false = (is_anchor, not_anchor) if known else (not_anchor, is_anchor)
        answer = world.ask_secure(true, rtype)
        assert (answer.rcode(), is_secure(answer)) == (dns.rcode.NOERROR, True)
        refused = world.ask_secure(false, rtype)
        assert (refused.rcode(), refused.answer, is_secure(refused)) == (dns.rcode.SERVFAIL, [], False)
        assert "root key sentinel" in ede_texts(refused)[0]


def test_3_1_letter_case_does_not_matter() -> None:
    world, tag = sentinel_world()
    assert world.ask_secure(claims(tag)[1].upper()).rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    "name", ["root-key-sentinel-is-ta-99999.example.", "root-key-sentinel-is-ta-1234.example.", "x.{0}", "_{0}"]
)
def test_3_1_other_names_are_no_claims(name: str) -> None:
    world, _ = sentinel_world()
    assert world.ask_secure(name.format(claims(OTHER_TAG)[0])).rcode() == dns.rcode.NOERROR


def test_3_1_only_secure_answers_to_a_and_aaaa_without_cd_are_touched() -> None:
    world, _ = sentinel_world()
    false = claims(OTHER_TAG)[0]
    assert world.ask_secure(false, "TXT").rcode() == dns.rcode.NOERROR
    assert world.ask_secure(false, cd=True).rcode() == dns.rcode.NOERROR
    assert world.ask_secure(claims(OTHER_TAG, "plain.")[0]).rcode() == dns.rcode.NOERROR
    assert world.ask_secure(false).rcode() == dns.rcode.SERVFAIL


def test_it_can_be_turned_off() -> None:
    settings = plain_settings()
    settings.root_key_sentinel = False
    world, _ = sentinel_world(settings)
    assert world.ask_secure(claims(OTHER_TAG)[0]).rcode() == dns.rcode.NOERROR


def test_an_answer_with_cd_has_no_ad_even_if_its_data_was_validated_before() -> None:
    world, tag = sentinel_world()
    name = claims(tag)[0]
    assert is_secure(world.ask_secure(name))
    assert not is_secure(world.ask_secure(name, cd=True))


def test_3_1_claims_are_judged_by_what_is_trusted_now() -> None:
    world, tag = sentinel_world()
    is_other, not_other = claims(OTHER_TAG)
    assert world.ask_secure(is_other).rcode() == dns.rcode.SERVFAIL
    own = key_of(world.zones["."]).ds(ROOT)
    other = OTHER_TAG.to_bytes(2, "big") + own[2:4] + bytes(32)
    world.engine.put_trust_anchor(TrustAnchorSetting(ROOT, [own, other], [], False, ""), world.now())
    assert world.ask_secure(is_other).rcode() == dns.rcode.NOERROR
    assert world.ask_secure(not_other).rcode() == dns.rcode.SERVFAIL
    assert world.ask_secure(claims(tag)[0]).rcode() == dns.rcode.NOERROR
