"""RFC 8914: which Extended DNS Error a failed validation gets, and that it stays the innermost cause."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from tests.support.signed_world import SignedWorld, Tamper, ede_codes, ede_texts

ZONE = 'www 300 IN A 192.0.2.80\n*.wild 300 IN TXT "any"\n'


def without(*rtypes: str, qtype: str = "") -> Tamper:
    """A tamper that takes types, and what signs them, from authoritative answers (to ``qtype`` only, if given)."""

    def tamper(query: dns.message.Message, response: dns.message.Message) -> dns.message.Message:
        if not response.flags & dns.flags.AA or (qtype and dns.rdatatype.to_text(query.question[0].rdtype) != qtype):
            return response
        gone = [dns.rdatatype.from_text(rtype) for rtype in rtypes]
        for section in (response.answer, response.authority):
            section[:] = [one for one in section if one.rdtype not in gone and one.covers not in gone]
        return response

    return tamper


def test_4_13_a_denial_without_nsec() -> None:
    answer = SignedWorld({"example": ZONE}, tamper=without("NSEC")).ask_secure("www.example.", "MX")
    assert (answer.rcode(), ede_codes(answer)) == (dns.rcode.SERVFAIL, [12])


def test_4_7_a_wildcard_answer_without_nsec_is_bogus_as_its_data_is_there() -> None:
    answer = SignedWorld({"example": ZONE}, tamper=without("NSEC")).ask_secure("a.wild.example.", "TXT")
    assert ede_codes(answer) == [6]
    assert "a.wild.example does not exist beside the wildcard" in ede_texts(answer)[0]


def test_4_7_an_empty_answer_from_a_signed_zone() -> None:
    world = SignedWorld({"example": ZONE}, tamper=without("NSEC", "SOA", "NS", qtype="MX"))
    answer = world.ask_secure("www.example.", "MX")
    assert ede_codes(answer) == [6]
    assert ede_texts(answer) == ["empty answer: neither SOA nor NSEC/NSEC3 for www.example MX"]


def test_4_11_the_first_verdict_on_keys_stands_if_no_other_server_has_better_ones() -> None:
    def unsign(query: dns.message.Message, response: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        if question.rdtype == dns.rdatatype.DNSKEY and str(question.name) == "example.":
            response.answer = [one for one in response.answer if one.rdtype != dns.rdatatype.RRSIG]
        return response

    answer = SignedWorld({"example": ZONE}, tamper=unsign).ask_secure("www.example.")
    assert ede_codes(answer) == [10]
    assert ede_texts(answer) == ["no RRSIG for example/DNSKEY"]


def test_3_a_question_without_rd_gets_the_remembered_failure() -> None:
    world = SignedWorld({"example": ZONE}, tamper=without("NSEC"))
    world.settings.answer_without_recursion_desired = True
    first = world.ask_secure("www.example.", "MX")
    second = world.ask_secure("www.example.", "MX", rd=False)
    assert (second.rcode(), ede_codes(second), ede_texts(second)) == (dns.rcode.SERVFAIL, [12], ede_texts(first))
    unknown = world.ask_secure("www.example.", "TXT", rd=False)
    assert (unknown.rcode(), unknown.answer) == (dns.rcode.NOERROR, [])


def test_3_an_alias_of_itself_is_an_error_without_a_chain() -> None:
    answer = SignedWorld({"example": "self 300 IN CNAME self\na 300 IN CNAME b\nb 300 IN CNAME a\n"})
    alone = answer.ask_secure("self.example.")
    assert (alone.rcode(), alone.answer, ede_codes(alone)) == (dns.rcode.SERVFAIL, [], [0])
    circle = answer.ask_secure("a.example.")
    assert (circle.rcode(), ede_codes(circle)) == (dns.rcode.SERVFAIL, [0])
    assert [str(rrset.name) for rrset in circle.answer if rrset.rdtype == dns.rdatatype.CNAME] == [
        "a.example.",
        "b.example.",
    ]
