"""RFC 4035 sections 3.2 and 4: what a validating resolver answers, judged at its packets."""

import dns.flags
import dns.message
import dns.rcode
import pytest

from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.iana import type_name
from holdfast.lab.broken import key_of
from tests.support.engine_world import ROOT_ADDRESS, plain_settings
from tests.support.signed_world import SignedWorld, ede_codes, is_secure

WEB = 'www 300 IN A 192.0.2.80\nwww 300 IN TXT "hello"\nalias 300 IN CNAME www\n'


def types(section: list[dns.rrset.RRset]) -> list[str]:
    return sorted(dns.rdatatype.to_text(rrset.rdtype) for rrset in section)


def test_3_2_1_without_do_no_dnssec_records_are_in_a_denial() -> None:
    world = SignedWorld({"example": WEB})
    with_do = world.ask_secure("www.example.", "MX")
    assert types(with_do.authority) == ["NSEC", "RRSIG", "RRSIG", "SOA"]
    assert is_secure(with_do)
    without = world.ask("www.example.", "MX")
    assert types(without.authority) == ["SOA"]


def test_2_2_a_question_for_rrsig_is_answered_without_a_verdict() -> None:
    world = SignedWorld({"example": WEB})

    def signatures(query: dns.message.Message, response: dns.message.Message) -> dns.message.Message:
        if query.question[0].rdtype == dns.rdatatype.RRSIG:
            rrset = world.zones["example"].nodes[b"\x03www\x07example\x00"][1]
            rdata = dns.rdata.from_wire("IN", "RRSIG", rrset.signatures[0], 0, len(rrset.signatures[0]))
            response.answer = [dns.rrset.from_rdata("www.example.", 300, rdata)]
            response.authority = []
        return response

    world.tamper = signatures
    answer = world.ask_secure("www.example.", "RRSIG")
    assert answer.rcode() == dns.rcode.NOERROR
    assert types(answer.answer) == ["RRSIG"]
    assert not is_secure(answer)


def test_3_2_3_an_answer_to_any_is_secure_only_if_all_of_it_is() -> None:
    world = SignedWorld({"example": WEB})
    world.settings.minimal_any = False

    def everything(query: dns.message.Message, response: dns.message.Message) -> dns.message.Message:
        if query.question[0].rdtype == dns.rdatatype.ANY:
            response.answer = []
            response.authority = []
            for rrset in world.zones["example"].nodes[b"\x03www\x07example\x00"].values():
                rdatas = [dns.rdata.from_wire("IN", type_name(rrset.rtype), one, 0, len(one)) for one in rrset.rdatas]
                signatures = [dns.rdata.from_wire("IN", "RRSIG", one, 0, len(one)) for one in rrset.signatures]
                response.answer.append(dns.rrset.from_rdata_list("www.example.", 300, rdatas))
                response.answer.append(dns.rrset.from_rdata_list("www.example.", 300, signatures))
        return response

    world.tamper = everything
    answer = world.ask_secure("www.example.", "ANY")
    assert types(answer.answer) == ["A", "NSEC", "RRSIG", "RRSIG", "RRSIG", "TXT"]
    assert is_secure(answer)
    world.zones["example"].nodes[b"\x03www\x07example\x00"][16].rdatas = [b"\x05world"]
    world.engine.flush(b"\x00", True, world.now())
    broken = world.ask_secure("www.example.", "ANY")
    assert broken.rcode() == dns.rcode.SERVFAIL
    assert ede_codes(broken) == [6]


@pytest.mark.parametrize(
    ("said", "answered"), [(dns.rcode.NXDOMAIN, dns.rcode.NXDOMAIN), (dns.rcode.NOERROR, dns.rcode.SERVFAIL)]
)
def test_4_3_a_parent_without_known_keys_may_deny_that_a_zone_with_an_anchor_exists_and_no_more(
    said: dns.rcode.Rcode, answered: dns.rcode.Rcode
) -> None:
    name = b"\x07example\x00"
    settings = plain_settings()
    key = key_of(SignedWorld({"example": WEB}).zones["example"])
    settings.trust_anchors = [TrustAnchorSetting(name, [key.ds(name)], [], False, "")]
    world = SignedWorld({"example": WEB}, settings=settings)
    genuine = world.respond
    assert is_secure(world.ask_secure("www.example."))
    denied = genuine(ROOT_ADDRESS, dns.message.make_query("nothing.", "A", want_dnssec=True))
    assert denied is not None

    def deny(address: str, query: dns.message.Message) -> dns.message.Message | None:
        if address != ROOT_ADDRESS:
            return genuine(address, query)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        response.set_rcode(said)
        response.authority = list(denied.authority)
        return response

    world.respond = deny
    world.pass_time_us(100_000_000_000)  # the delegation runs out
    answer = world.ask_secure("www.example.", "TXT")
    assert answer.rcode() == answered
    assert not is_secure(answer)
