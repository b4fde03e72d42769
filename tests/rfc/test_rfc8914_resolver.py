"""RFC 8914, Extended DNS Errors, section 4: codes that tell of the resolver's own state."""

from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode

from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.iana import EDE_DNSSEC_INDETERMINATE, EDE_NO_REACHABLE_AUTHORITY, EDE_NOT_READY
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to
from tests.support.signed_world import ede_codes, ede_texts, is_secure


def answering(_server: str, query: Message) -> Message:
    return reply_to(query, [f"{query.question[0].name} 300 A 192.0.2.80"])


def test_4_6_indeterminate_no_trust_anchor_covers_the_name() -> None:
    settings = plain_settings()
    settings.trust_anchors = [TrustAnchorSetting(b"\x05other\x00", [b"\x00\x01\x0d\x02" + bytes(32)], [], False, "")]
    answer = EngineWorld(answering, settings).ask("www.example")
    assert answer.rcode() == dns.rcode.NOERROR and not is_secure(answer)
    assert ede_codes(answer) == [EDE_DNSSEC_INDETERMINATE]
    assert ede_texts(answer) == ["no trust anchor covers www.example"]


def test_4_6_without_any_trust_anchor_nothing_is_said() -> None:
    assert ede_codes(EngineWorld(answering, plain_settings()).ask("www.example")) == []


def test_4_15_not_ready_until_a_root_server_has_answered() -> None:
    world = EngineWorld(lambda _server, _query: None, plain_settings())
    answer = world.ask("www.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert {EDE_NO_REACHABLE_AUTHORITY, EDE_NOT_READY} <= set(ede_codes(answer))
    world.respond = answering
    world.pass_time_us(60_000_000)
    assert world.ask("www.example").answer
    world.respond = lambda _server, _query: None
    world.pass_time_us(400_000_000)
    assert EDE_NOT_READY not in ede_codes(world.ask("other.example"))


def failing_with_long_texts(octets: int) -> dns.message.Message:
    """The answer to a client that takes so many octets, when several servers with long names fail."""
    label = "a-rather-long-label-that-makes-texts-long-and-longer"
    query = dns.message.make_query(f"{label}.{label}.{label}.example", "A", use_edns=0, payload=octets)
    settings = plain_settings()
    settings.root_servers[0].addresses.extend(ip_address(f"192.0.2.{number}").packed for number in range(60, 64))

    def failing(_server: str, asked: Message) -> Message:
        response = reply_to(asked)
        response.set_rcode(dns.rcode.SERVFAIL)
        return response

    world = EngineWorld(failing, settings)
    world.submit(query)
    while not world.answers:
        world.next_timer()
    return world.answers.pop()


def test_3_texts_never_push_a_response_over_the_clients_size() -> None:
    small, large = failing_with_long_texts(512), failing_with_long_texts(1232)
    assert len(small.to_wire()) <= 512
    assert ede_codes(small) == ede_codes(large) and len(ede_codes(small)) == 4
    assert not any(ede_texts(small)) and all(ede_texts(large))
    assert not small.flags & dns.flags.TC
