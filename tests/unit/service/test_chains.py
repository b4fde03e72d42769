"""Chains of aliases that do not end (RFC 1034 section 3.6.2)."""

import dns.flags
import dns.rcode

from holdfast.base.limits import CNAME_LINKS
from tests.support.engine_world import EngineWorld, Message, reply_to, texts


def link(query: Message, target: str) -> Message:
    return reply_to(query, [f"{query.question[0].name} 300 CNAME {target}"])


def count_up(_address: str, query: Message) -> Message:
    number = int(query.question[0].name.labels[0])
    return link(query, f"{number + 1}.example.")


def test_a_chain_beyond_the_limit_fails_with_a_reason_and_without_its_beginning() -> None:
    world = EngineWorld(count_up)
    answer = world.ask("1.example")
    assert (answer.rcode(), answer.answer) == (dns.rcode.SERVFAIL, [])
    assert f"longer than {CNAME_LINKS} links" in str(answer.options[0])
    assert len(world.sent) == CNAME_LINKS


def test_a_loop_is_shown() -> None:
    world = EngineWorld(lambda _, query: link(query, "a.example." if "b." in str(query.question[0]) else "b.example."))
    answer = world.ask("a.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert texts(answer.answer) == ["a.example. CNAME b.example.", "b.example. CNAME a.example."]
    assert "CNAME loop at a.example" in str(answer.options[0])
