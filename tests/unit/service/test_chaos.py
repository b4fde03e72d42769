"""The CHAOS class: the software, and the trust anchors, positive and negative."""

import dns.flags
import dns.message
import dns.rcode
import pytest

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP, Client
from holdfast.base.instant import FOREVER_S
from holdfast.base.settings import EngineSettings
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import START_S, EngineWorld, Message, plain_settings
from tests.support.signed_world import SignedWorld


def chaos(world: EngineWorld, name: str, rtype: str = "TXT", tcp: bool = False) -> Message:
    query = dns.message.make_query(name, rtype, "CH", use_edns=0, payload=1232)
    world.submit(query, client=Client(b"\x7f\x00\x00\x01", TRANSPORT_TCP if tcp else TRANSPORT_UDP, None))
    return world.answers.pop()


def strings(answer: Message) -> list[str]:
    return [b"".join(rdata.strings).decode() for rrset in answer.answer for rdata in rrset]


def silent_world(settings: EngineSettings) -> EngineWorld:
    return EngineWorld(lambda _address, _query: None, settings)


def test_who_is_asking_for_the_software() -> None:
    settings = plain_settings()
    settings.server_version, settings.server_identity = "holdfast 1", ""
    world = silent_world(settings)
    for name in ("version.bind", "version.server"):
        assert strings(chaos(world, name)) == ["holdfast 1"]
    for name, rtype in (("version.bind", "A"), ("id.server", "TXT"), ("authors.bind", "TXT")):  # "" refuses
        assert chaos(world, name, rtype).rcode() == dns.rcode.REFUSED
    settings.server_identity = "r" * 300
    assert strings(chaos(world, "hostname.bind")) == ["r" * 300]


def test_trust_anchors_are_told_with_their_key_tags() -> None:
    world = SignedWorld({"example": ""})
    tags = world.engine.state.anchors[b"\x00"].trusted_key_tags()
    assert len(tags) == 1
    assert strings(chaos(world, "trustanchor.server")) == [f". {tags[0]}"]


def test_negative_trust_anchors_are_told_with_end_and_reason() -> None:
    settings = plain_settings()
    settings.insecure_zones = [wire_name("corp.example")]
    world = silent_world(settings)
    assert strings(chaos(world, "negativetrustanchor.server")) == ["corp.example: configured"]
    anchor = NegativeTrustAnchor(wire_name("de"), "wrong key", "ops", START_S, START_S + 3600)
    world.engine.put_negative_trust_anchor(anchor, world.now())
    assert strings(chaos(world, "negativetrustanchor.server"))[1:] == ["de until 2026-05-05T17:53:20Z: wrong key"]


def test_without_negative_trust_anchors_the_answer_is_empty() -> None:
    answer = chaos(silent_world(plain_settings()), "negativetrustanchor.server")
    assert answer.rcode() == dns.rcode.NOERROR and not answer.answer


@pytest.mark.parametrize("tcp", [False, True])
def test_a_long_list_comes_by_tcp(tcp: bool) -> None:
    world = silent_world(plain_settings())
    for number in range(20):
        anchor = NegativeTrustAnchor(wire_name(f"z{number}.example"), "x" * 120, "ops", START_S, FOREVER_S)
        world.engine.put_negative_trust_anchor(anchor, world.now())
    answer = chaos(world, "negativetrustanchor.server", tcp=tcp)
    assert bool(answer.flags & dns.flags.TC) is not tcp
    assert len(strings(answer)) == (20 if tcp else 0)
