"""Records of public names that point into private prefixes do not reach clients (DNS rebinding)."""

from ipaddress import ip_address, ip_network

import dns.edns
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.settings import AccessRule, EngineSettings
from holdfast.dns.iana import EDE_BLOCKED
from holdfast.service.rebinding import PrivateAddresses, address_hints
from holdfast.service.respond import Part, Response
from tests.support.dnssec_records import rdata, rrset, wire_name
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to, texts

RECORDS = {
    ("mixed.example.", "A"): "mixed.example. 300 A 10.1.2.3 | 192.0.2.80",
    ("inside.example.", "A"): "inside.example. 300 A 192.168.1.1",
    ("inside.example.", "AAAA"): "inside.example. 300 AAAA fd00::1",
    ("mapped.example.", "AAAA"): "mapped.example. 300 AAAA ::ffff:10.0.0.1",
    (
        "hinted.example.",
        "HTTPS",
    ): "hinted.example. 300 HTTPS 1 . ipv4hint=192.0.2.1,10.0.0.1 | 2 . ipv6hint=2001:db8::1",
    ("host.corp.example.", "A"): "host.corp.example. 300 A 10.1.2.3",
    ("alias.example.", "A"): "alias.example. 300 CNAME inside.example.",
    ("words.example.", "TXT"): 'words.example. 300 TXT "10.1.2.3"',
}


def private_settings() -> EngineSettings:
    settings = plain_settings()
    for text in ("10.0.0.0/8", "192.168.0.0/16", "fd00::/8", "127.0.0.0/8"):
        network = ip_network(text)
        settings.private_prefixes.append(AccessRule(network.network_address.packed, network.prefixlen, False))
    settings.private_exceptions = [wire_name("corp.example")]
    return settings


def respond(_address: str, query: Message) -> Message:
    question = query.question[0]
    record = RECORDS.get((question.name.to_text(), dns.rdatatype.to_text(question.rdtype)))
    return reply_to(query, [record] if record else [])


@pytest.fixture
def world() -> EngineWorld:
    return EngineWorld(respond, private_settings())


def ede_codes(answer: Message) -> list[int]:
    return [option.code for option in answer.options if isinstance(option, dns.edns.EDEOption)]


@pytest.mark.parametrize(
    ("name", "rtype", "left"),
    [
        ("mixed.example", "A", ["mixed.example. A 192.0.2.80"]),
        ("inside.example", "A", []),
        ("inside.example", "AAAA", []),
        ("mapped.example", "AAAA", []),
        ("hinted.example", "HTTPS", ['hinted.example. HTTPS 2 . ipv6hint="2001:db8::1"']),
        ("alias.example", "A", ["alias.example. CNAME inside.example."]),
    ],
)
def test_private_addresses_of_public_names_are_removed(
    world: EngineWorld, name: str, rtype: str, left: list[str]
) -> None:
    for _ in ("fresh", "from the packet cache"):
        answer = world.ask(name, rtype)
        assert answer.rcode() == dns.rcode.NOERROR
        assert texts(answer.answer) == left
        assert EDE_BLOCKED in ede_codes(answer)
    assert len(world.sent) <= 2


@pytest.mark.parametrize(("name", "rtype"), [("host.corp.example", "A"), ("words.example", "TXT"), ("localhost", "A")])
def test_exceptions_other_types_and_localhost_stay(world: EngineWorld, name: str, rtype: str) -> None:
    answer = world.ask(name, rtype)
    assert len(answer.answer) == 1
    assert ede_codes(answer) == []


def test_without_prefixes_nothing_is_removed() -> None:
    world = EngineWorld(respond)
    assert texts(world.ask("inside.example").answer) == ["inside.example. A 192.168.1.1"]


def test_what_is_left_carries_no_signatures() -> None:
    signed = rrset("mixed.example.", "A", "10.1.2.3", "192.0.2.80")
    signed.signatures = [b"made for both records"]
    response = Response(0)
    response.answer = [Part(signed, 300)]
    assert PrivateAddresses(private_settings()).remove_from(response)
    (part,) = response.answer
    assert (part.rrset.rdatas, part.rrset.signatures) == ([ip_address("192.0.2.80").packed], [])


def test_hints_of_both_families_are_found() -> None:
    text = "1 svc.example. alpn=h2 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"
    wanted = [ip_address(one).packed for one in ("192.0.2.1", "192.0.2.2", "2001:db8::1")]
    assert address_hints(rdata("HTTPS", text)) == wanted


@given(st.binary(max_size=80))
def test_malformed_hints_end_the_search(octets: bytes) -> None:
    assert all(len(address) <= 16 for address in address_hints(octets))
