"""What of an answer a client gets to see."""

import dns.message
import dns.rdatatype
import pytest

from holdfast.base.cause import Cause
from holdfast.base.settings import EngineSettings
from holdfast.dns.message import Question, parse_question
from holdfast.service.respond import EXTRA_TEXT_OCTETS, Part, Response, ede_options, write_response
from tests.support.dnssec_records import rrset


def question(dnssec: bool, rtype: str = "A") -> Question:
    parsed = parse_question(dns.message.make_query("gone.example", rtype, want_dnssec=dnssec).to_wire())
    assert isinstance(parsed, Question)
    return parsed


@pytest.mark.parametrize("kind", ["NSEC", "NSEC3"])
@pytest.mark.parametrize("dnssec", [True, False])
def test_rfc4035_3_2_1_the_proof_of_a_denial_is_for_clients_that_ask_for_it(kind: str, dnssec: bool) -> None:
    proof = {"NSEC": "z.example. A RRSIG NSEC", "NSEC3": "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG"}[kind]
    response = Response(3)
    response.authority = [
        Part(rrset("example", "SOA", "ns.example. root.example. 1 2 3 4 5"), 5),
        Part(rrset("a.example", kind, proof), 5),
    ]
    message = dns.message.from_wire(write_response(question(dnssec), response, False, EngineSettings()).wire)
    assert [dns.rdatatype.to_text(one.rdtype) for one in message.authority] == ["SOA", *([kind] if dnssec else [])]


def test_an_nsec_that_was_asked_for_is_an_answer_like_any_other() -> None:
    response = Response(0)
    response.answer = [Part(rrset("gone.example", "NSEC", "z.example. A NSEC"), 5)]
    written = write_response(question(False, "NSEC"), response, False, EngineSettings())
    assert len(dns.message.from_wire(written.wire).answer) == 1


def test_rfc8914_2_a_text_that_is_too_long_is_cut_between_characters() -> None:
    text = "x" + "\u00fc" * EXTRA_TEXT_OCTETS
    shown = ede_options([Cause(33, text, "test")], True)[0].data[2:]
    assert len(shown) == EXTRA_TEXT_OCTETS - 1
    assert text.startswith(shown.decode())
