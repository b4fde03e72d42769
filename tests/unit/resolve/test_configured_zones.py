"""Stub zones in the middle of signed ones: what the parent proves does not reach into them."""

import dns.rcode
import pytest

from holdfast.base.settings import UpstreamServer, ZoneServers
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to, texts
from tests.support.signed_world import SignedWorld

STUB = b"\xc0\x00\x02\x07"  # 192.0.2.7


@pytest.fixture
def world() -> SignedWorld:
    settings = plain_settings()
    settings.insecure_zones = [wire_name("lab.gone.example")]
    settings.zone_servers = [ZoneServers(wire_name("lab.gone.example"), [UpstreamServer(STUB, 53)], False, False, [])]
    world = SignedWorld({"example": "www IN A 203.0.113.9\n"}, settings=settings)
    answer = world.respond

    def respond(address: str, query: Message) -> Message | None:
        if address == "192.0.2.7":
            return reply_to(query, [f"{query.question[0].name} 300 A 203.0.113.7"])
        return answer(address, query)

    world.respond = respond
    return world


def test_rfc8020_the_cut_of_an_nxdomain_ends_where_the_stub_zone_begins(world: EngineWorld) -> None:
    assert world.ask("gone.example").rcode() == dns.rcode.NXDOMAIN
    before = len(world.sent)
    assert world.ask("other.gone.example").rcode() == dns.rcode.NXDOMAIN
    assert len(world.sent) == before
    assert texts(world.ask("www.lab.gone.example").answer) == ["www.lab.gone.example. A 203.0.113.7"]


def test_rfc8198_no_denial_is_made_up_for_names_in_a_stub_zone(world: EngineWorld) -> None:
    assert world.ask("gonf.example").rcode() == dns.rcode.NXDOMAIN  # its NSEC covers gone.example and all below
    assert texts(world.ask("www.lab.gone.example").answer) == ["www.lab.gone.example. A 203.0.113.7"]
