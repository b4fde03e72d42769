"""Which servers may be asked at all."""

import dns.rcode
import pytest

from tests.support.engine_world import ROOT_ADDRESS, EngineWorld, Message, plain_settings, reply_to


def delegating_world(address: str, special_addresses: bool = False) -> EngineWorld:
    """The root delegates example to a server at an address, which answers whatever it is asked."""

    def respond(server: str, query: Message) -> Message:
        if server == ROOT_ADDRESS:
            return reply_to(query, [], ["example. 300 NS ns.example."], [f"ns.example. 300 A {address}"])
        return reply_to(query, [f"{query.question[0].name} 300 A 192.0.2.80"])

    settings = plain_settings()
    settings.query_special_addresses = special_addresses
    return EngineWorld(respond, settings)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.0.9", "0.0.0.0", "224.0.0.251", "255.255.255.255"])
def test_rfc6890_a_zone_cannot_send_the_resolver_to_a_special_address(address: str) -> None:
    world = delegating_world(address)
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL
    assert {server for server, _ in world.sent} == {ROOT_ADDRESS}


@pytest.mark.parametrize(("address", "allowed"), [("198.51.100.7", False), ("127.0.0.1", True)])
def test_other_addresses_and_allowed_ones_are_asked(address: str, allowed: bool) -> None:
    world = delegating_world(address, allowed)
    assert world.ask("www.example").answer
    assert address in {server for server, _ in world.sent}
