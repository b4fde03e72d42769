"""What kind of response is it, and which of its records count."""

import dns.flags
import dns.message
import dns.rcode

from holdfast.dns.iana import TYPE_A, TYPE_ANY, TYPE_CNAME, TYPE_DNAME, TYPE_NSEC, TYPE_RRSIG, type_name
from holdfast.dns.message import parse
from holdfast.resolve.classify import ANSWER, DNAME, EMPTY, ERROR, Classified, classify
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import reply_to

SIGNATURE = "5 2 3600 20260601000000 20260501000000 1 example. AAAA"


def classified(
    question: tuple[str, int],
    answer: list[str],
    authority: list[str] | None = None,
    additional: list[str] | None = None,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
) -> Classified:
    name, rtype = question
    response = reply_to(dns.message.make_query(name, type_name(rtype)), answer, authority or [], additional or [])
    response.set_rcode(rcode)
    message = parse(response.to_wire())
    assert message is not None
    return classify(message, wire_name(name), rtype, wire_name("example."), False)


def test_signatures_in_another_section_are_given_to_the_answer() -> None:
    answer = ["www.example. 3600 A 192.0.2.1"]
    strays = [f"ns.example. 3600 RRSIG A {SIGNATURE}", f"www.example. 3600 RRSIG A {SIGNATURE}"]
    for authority, additional in ((strays, []), ([], strays)):
        found = classified(("www.example.", TYPE_A), answer, authority, additional)
        assert found.rrset is not None
        assert len(found.rrset.signatures) == 1


def test_signatures_of_all_sections_are_put_together() -> None:
    other = SIGNATURE.replace(" 1 example", " 2 example")
    found = classified(
        ("www.example.", TYPE_A),
        ["www.example. 3600 A 192.0.2.1", f"www.example. 3600 RRSIG A {SIGNATURE}"],
        additional=[f"www.example. 3600 RRSIG A {SIGNATURE} | A {other}"],
    )
    assert found.rrset is not None
    assert [signature[17] for signature in found.rrset.signatures] == [1, 2]


def test_a_question_for_rrsig_gets_every_signature_at_the_name() -> None:
    found = classified(
        ("www.example.", TYPE_RRSIG),
        [f"www.example. 3600 RRSIG A {SIGNATURE}", f"www.example. 300 RRSIG MX {SIGNATURE}"],
    )
    assert found.kind == ANSWER
    assert found.rrset is not None
    assert (found.rrset.rtype, len(found.rrset.rdatas), found.rrset.ttl) == (TYPE_RRSIG, 2, 300)


def test_an_answer_to_any_keeps_what_stands_beside_the_first_rrset() -> None:
    found = classified(
        ("www.example.", TYPE_ANY),
        ["www.example. 3600 CNAME other.example.", "www.example. 3600 NSEC z.example. CNAME NSEC"],
    )
    assert found.kind == ANSWER
    assert found.rrset is not None
    assert found.rrset.rtype == TYPE_CNAME
    assert [other.rtype for other in found.others] == [TYPE_NSEC]


def test_a_dname_wins_over_the_cname_made_from_it_even_if_a_cname_was_asked() -> None:
    records = ["x.example. 3600 DNAME y.example.", "a.x.example. 3600 CNAME a.y.example."]
    for answer in (records, records[::-1]):
        found = classified(("a.x.example.", TYPE_CNAME), answer)
        assert found.kind == DNAME
        assert found.rrset is not None
        assert found.rrset.rtype == TYPE_DNAME
        assert found.others == []


def test_yxdomain_counts_only_with_the_dname_that_explains_it() -> None:
    question = ("a.x.example.", TYPE_A)
    with_dname = classified(question, ["x.example. 3600 DNAME y.example."], rcode=dns.rcode.YXDOMAIN)
    assert with_dname.kind == DNAME
    assert classified(question, [], rcode=dns.rcode.YXDOMAIN).kind == ERROR
    cname = classified(question, ["a.x.example. 3600 CNAME b.example."], rcode=dns.rcode.YXDOMAIN)
    assert cname.kind == ERROR


def test_an_nsec_that_reaches_out_of_its_zone_is_no_answer() -> None:
    question = ("example.", TYPE_NSEC)
    assert classified(question, ["example. 3600 NSEC b.example. NS SOA"]).kind == ANSWER
    assert classified(question, ["example. 3600 NSEC b.other. NS SOA"]).kind == EMPTY
