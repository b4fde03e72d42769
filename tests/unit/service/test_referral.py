"""Questions without RD, where allowed: what the cache knows, else the deepest zone cut (RFC 1034 section 4.3.2)."""

import dns.flags
import dns.message
import dns.rcode
import pytest

from holdfast.base.effects import TRANSPORT_UDP
from tests.support.engine_world import Message, plain_settings, texts
from tests.support.signed_world import CHILD_ADDRESS, SignedWorld, is_secure


def world(unsigned: bool = False) -> SignedWorld:
    settings = plain_settings()
    settings.answer_without_recursion_desired = True
    return SignedWorld(
        {"example": "www IN A 203.0.113.9\n"}, unsigned=("example",) if unsigned else (), settings=settings
    )


def servers(answer: Message) -> list[str]:
    assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])
    return [line for line in texts(answer.authority) if line.split()[1] == "NS"]


@pytest.mark.parametrize("unsigned", [True, False])
def test_an_unknown_name_is_referred_to_the_zone_that_is_known(unsigned: bool) -> None:
    asked = world(unsigned)
    asked.ask_secure("example", "NS", cd=True)
    answer = asked.ask_secure("www.example", rd=False)
    assert servers(answer) == ["example. NS ns.example."]
    assert is_secure(answer) is not unsigned
    assert "www.example. A" not in asked.asked()


def test_the_same_question_with_rd_is_resolved_all_the_same() -> None:
    asked = world()
    asked.ask_secure("example", "NS")
    asked.ask_secure("www.example", rd=False)
    assert texts(asked.ask("www.example").answer) == ["www.example. A 203.0.113.9"]
    assert texts(asked.ask_secure("www.example", rd=False).answer)[0] == "www.example. A 203.0.113.9"


def test_without_a_zone_cut_that_is_known_there_is_nothing_to_say() -> None:
    asked = world()
    answer = asked.ask_secure("www.example", rd=False)
    assert servers(answer) == []
    assert not asked.sent


def test_name_servers_that_turn_out_bogus_are_not_shown() -> None:
    def strip(query: Message, response: Message) -> Message:
        if str(query.question[0].name) == "example." and query.question[0].rdtype == dns.rdatatype.NS:
            response.answer = [one for one in response.answer if one.rdtype != dns.rdatatype.RRSIG]
        return response

    asked = world()
    asked.tamper = strip
    asked.ask_secure("example", "NS", cd=True)
    answer = asked.ask_secure("www.example", rd=False)
    assert servers(answer) == []
    assert not answer.flags & dns.flags.AD


@pytest.mark.parametrize("signed", [True, False])
def test_name_servers_beside_an_answer_without_aa_need_a_signature(signed: bool) -> None:
    asked = world()
    asked.settings.minimal_responses = False

    def add_servers(query: Message, response: Message) -> Message:
        if str(query.question[0].name) == "www.example.":
            question = dns.message.make_query("example", "NS", want_dnssec=signed)
            wire = asked.servers[CHILD_ADDRESS].answer(question.to_wire(), TRANSPORT_UDP)
            assert wire is not None
            response.authority.extend(dns.message.from_wire(wire).answer)
            response.flags &= ~dns.flags.AA
        return response

    asked.tamper = add_servers
    asked.ask_secure("www.example", cd=True)
    answer = asked.ask_secure("other.example", rd=False)
    assert servers(answer) == (["example. NS ns.example."] if signed else [])
    assert is_secure(answer) is signed
