"""Servers of a signed zone that disagree: what one strips, another one has (RFC 4035 section 5.5)."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.rrset import RRset
from tests.support.dnssec_records import ZoneKey, rrset, wire_name
from tests.support.engine_world import ROOT_ADDRESS, EngineWorld, Message, plain_settings, reply_to, texts

SERVERS = ("192.0.2.1", "192.0.2.2")
KEY = ZoneKey("example.")


def put(section: list[dns.rrset.RRset], source: RRset, signed: bool = True) -> None:
    """Add an RRset and its signatures."""
    owner = dns.name.from_wire(source.name, 0)[0]
    parts = [(dns.rdatatype.RdataType.make(source.rtype), source.rdatas)]
    if signed:
        parts.append((dns.rdatatype.RRSIG, source.signatures))
    for rtype, rdatas in parts:
        if rdatas:
            records = dns.rrset.RRset(owner, dns.rdataclass.IN, rtype)
            records.update_ttl(source.ttl)
            for wire in rdatas:
                records.add(dns.rdata.from_wire(dns.rdataclass.IN, rtype, wire, 0, len(wire)))
            section.append(records)


class SignedZone:
    """example. on two servers, of which the one that is asked first strips all signatures."""

    def __init__(self) -> None:
        self.dnskey = KEY.sign(RRset(wire_name("example"), 48, 3600, [KEY.rdata], []))
        self.address = KEY.sign(rrset("www.example", "A", "203.0.113.1"))
        self.stripping = ""

    def respond(self, address: str, query: Message) -> Message:
        if address == ROOT_ADDRESS:
            glue = [f"ns{n}.example. 3600 A {one}" for n, one in enumerate(SERVERS, 1)]
            response = reply_to(query, [], ["example. 3600 NS ns1.example. | ns2.example."], glue)
            response.flags &= ~dns.flags.AA
            return response
        self.stripping = self.stripping or address
        response = reply_to(query)
        question = query.question[0]
        if question.rdtype == dns.rdatatype.DNSKEY:
            put(response.answer, self.dnskey, address != self.stripping)
        elif question.name == dns.name.from_text("www.example") and question.rdtype == dns.rdatatype.A:
            put(response.answer, self.address, address != self.stripping)
        else:
            response.set_rcode(dns.rcode.SERVFAIL)  # no proof from anyone: not that www.example has no DS, either
        return response


@pytest.fixture
def world() -> EngineWorld:
    settings = plain_settings()
    settings.trust_anchors = [TrustAnchorSetting(wire_name("example"), [KEY.ds()], [], False, "")]
    settings.enabled_algorithms = [15]
    return EngineWorld(SignedZone().respond, settings)


def test_a_server_that_strips_signatures_is_passed_over(world: EngineWorld) -> None:
    answer = world.ask("www.example")
    assert answer.rcode() == dns.rcode.NOERROR
    assert texts(answer.answer)[0] == "www.example. A 203.0.113.1"
    query = dns.message.make_query("www.example", "A", want_dnssec=True)
    world.submit(query)
    assert world.answers.pop().flags & dns.flags.AD
