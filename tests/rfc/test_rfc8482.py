"""RFC 8482, Providing Minimal-Sized Responses to DNS Queries That Have QTYPE=ANY."""

import dns.flags

from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to, texts

RECORDS = ["www.example. 300 A 192.0.2.80", "www.example. 300 AAAA 2001:db8::80", "www.example. 300 TXT large"]


def world(minimal_any: bool = True) -> EngineWorld:
    def respond(_server: str, query: Message) -> Message:
        return reply_to(query, RECORDS)

    settings = plain_settings()
    settings.validate = False
    settings.minimal_any = minimal_any
    return EngineWorld(respond, settings)


def test_section_4_1_over_udp_one_rrset_is_given() -> None:
    answer = world().ask("www.example", "ANY")
    assert len(answer.answer) == 1
    assert not answer.flags & dns.flags.TC


def test_section_4_4_over_tcp_all_are_given_also_after_a_question_over_udp() -> None:
    asked = world()
    asked.ask("www.example", "ANY")
    assert len(texts(asked.ask("www.example", "ANY", tcp=True).answer)) == 3
    assert len(asked.ask("www.example", "ANY").answer) == 1


def test_it_can_be_switched_off() -> None:
    assert len(texts(world(minimal_any=False).ask("www.example", "ANY").answer)) == 3
