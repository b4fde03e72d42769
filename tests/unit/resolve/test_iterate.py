"""Iteration over broken delegations and servers: where it goes on, and where it has to give up."""

from collections.abc import Callable
from ipaddress import ip_address

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

from holdfast.base.settings import RootServer, UpstreamServer, ZoneServers
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.dns.name import ROOT
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import ROOT_ADDRESS, EngineWorld, Message, plain_settings, reply_to, texts

FIRST, SECOND, THIRD = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SOA = "example. 300 SOA ns.example. root.example. 1 2 3 4 300"

Server = Callable[[str, str, Message], Message | None]


def refer(query: Message, cut: str, *glue: str) -> Message:
    response = reply_to(query, [], [cut], glue)
    response.flags &= ~dns.flags.AA
    return response


def refuse(query: Message, rcode: dns.rcode.Rcode = dns.rcode.SERVFAIL) -> Message:
    response = reply_to(query)
    response.flags &= ~dns.flags.AA
    response.set_rcode(rcode)
    return response


def world_of(servers: dict[str, Server]) -> EngineWorld:
    """A world of servers by address; each gets name (no final dot), type and query. Others are silent."""

    def respond(address: str, query: Message) -> Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        server = servers.get(address)
        return server(name, dns.rdatatype.to_text(question.rdtype), query) if server is not None else None

    return EngineWorld(respond)


def questions(world: EngineWorld, address: str) -> list[str]:
    found = []
    for asked, query in world.sent:
        if asked == address:
            question = query.question[0]
            found.append(f"{question.name} {dns.rdatatype.to_text(question.rdtype)}")
    return found


def host(name: str, rtype: str, query: Message) -> Message:
    """A server that has an A record at every name."""
    return reply_to(query, [f"{name}. 300 A 203.0.113.1"]) if rtype == "A" else reply_to(query, [], [SOA])


@pytest.mark.parametrize("as_answer", [True, False], ids=["answer", "referral"])
def test_the_parent_is_asked_for_glue_that_it_left_out(as_answer: bool) -> None:
    def root(name: str, rtype: str, query: Message) -> Message:
        if name != "ns.example":
            return refer(query, "example. 3600 NS ns.example.")
        if as_answer:
            return reply_to(query, [f"ns.example. 3600 A {FIRST}"])
        return refer(query, "example. 3600 NS ns.example.", f"ns.example. 3600 A {FIRST}")

    world = world_of({ROOT_ADDRESS: root, FIRST: host})
    assert texts(world.ask("www.example").answer) == ["www.example. A 203.0.113.1"]
    assert questions(world, ROOT_ADDRESS) == ["www.example. A", "ns.example. A"]
    world.ask("web.example")  # what was found is kept with the delegation
    assert len(questions(world, ROOT_ADDRESS)) == 2


def test_a_zone_whose_parent_has_no_glue_fails_with_a_reason() -> None:
    world = world_of({ROOT_ADDRESS: lambda name, rtype, query: refer(query, "example. 3600 NS ns.example.")})
    answer = world.ask("www.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "no reachable authority for example" in str(answer.options[0])
    assert len(world.sent) == 2
    world.ask("web.example")
    assert len(world.sent) == 2  # known for a while, whatever the name
    world.pass_time_us(31_000_000)
    world.ask("mail.example")
    assert questions(world, ROOT_ADDRESS)[2:] == ["ns.example. A"]


def test_servers_that_only_the_zone_names_are_used_when_those_of_the_parent_fail() -> None:
    broken = [False]

    def root(name: str, rtype: str, query: Message) -> Message:
        if name == "ns.other":
            return reply_to(query, [f"ns.other. 3600 A {SECOND}"])
        return refer(query, "example. 3600 NS ns.example.", f"ns.example. 3600 A {FIRST}")

    def first(name: str, rtype: str, query: Message) -> Message:
        if broken[0]:
            return refuse(query)
        return reply_to(query, [f"{name}. 300 A 203.0.113.1"], ["example. 3600 NS ns.example. | ns.other."])

    world = world_of({ROOT_ADDRESS: root, FIRST: first, SECOND: host})
    world.ask("www.example")
    assert questions(world, SECOND) == []
    broken[0] = True
    assert texts(world.ask("web.example").answer) == ["web.example. A 203.0.113.1"]
    assert "web.example. A" in questions(world, SECOND)


def test_glue_of_an_outer_zone_counts_when_the_inner_cut_leads_nowhere() -> None:
    """The server of example.org claims a cut at its own name, to a name that does not exist."""

    def root(name: str, rtype: str, query: Message) -> Message:
        if name.endswith("org"):
            return refer(query, "example.org. 3600 NS ns.example.org.", f"ns.example.org. 3600 A {FIRST}")
        return refer(query, "example. 3600 NS ns.example.org.")

    def first(name: str, rtype: str, query: Message) -> Message:
        if name == "ns.example.org":
            return refer(query, "ns.example.org. 3600 NS nowhere.example.org.")
        if name == "nowhere.example.org":
            soa = "example.org. 300 SOA ns.example.org. root.example.org. 1 2 3 4 300"
            response = reply_to(query, [], [soa])
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        return host(name, rtype, query)

    world = world_of({ROOT_ADDRESS: root, FIRST: first})
    assert texts(world.ask("www.example").answer) == ["www.example. A 203.0.113.1"]


def single_server(server: Server) -> EngineWorld:
    def root(name: str, rtype: str, query: Message) -> Message:
        return refer(query, "example. 3600 NS ns.example.", f"ns.example. 3600 A {FIRST}")

    return world_of({ROOT_ADDRESS: root, FIRST: server})


def test_an_empty_authoritative_answer_is_a_short_lived_nodata() -> None:
    """RFC 2308 section 5: without SOA there is nothing to keep a denial by."""
    world = single_server(lambda name, rtype, query: reply_to(query))
    answer = world.ask("www.example")
    assert (answer.rcode(), answer.answer, answer.authority) == (dns.rcode.NOERROR, [], [])
    before = len(world.sent)
    world.pass_time_us(6_000_000)
    world.ask("www.example")
    assert len(world.sent) > before


def test_a_referral_upwards_is_lame_for_its_type_only() -> None:
    def server(name: str, rtype: str, query: Message) -> Message:
        if rtype == "A":
            return reply_to(query, [f"{name}. 300 A 203.0.113.1"])
        return reply_to(query, [], [". 3600 NS a.root-servers.net."])

    world = single_server(server)
    answer = world.ask("www.example", "AAAA")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert any("lame delegation" in str(option) for option in answer.options)
    assert texts(world.ask("www.example").answer) == ["www.example. A 203.0.113.1"]
    before = len(questions(world, FIRST))
    world.ask("web.example", "AAAA")  # still remembered
    assert "web.example. AAAA" not in questions(world, FIRST)[before:]


LONG = ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * 50])


@pytest.mark.parametrize("minimise", [True, False])
def test_rfc6672_2_2_a_name_that_gets_too_long_is_yxdomain(minimise: bool) -> None:
    def server(name: str, rtype: str, query: Message) -> Message:
        response = reply_to(query, [f"example. 300 DNAME {LONG}."])
        response.set_rcode(dns.rcode.YXDOMAIN)
        return response

    world = single_server(server)
    world.settings.qname_minimisation = minimise
    name = "b" * 20 + ".a.example"
    for _ in range(2):  # from the server, then from the cached DNAME
        answer = world.ask(name)
        assert answer.rcode() == dns.rcode.YXDOMAIN
        assert texts(answer.answer) == [f"example. DNAME {LONG}."]


def test_yxdomain_without_a_dname_that_explains_it_is_a_failure() -> None:
    def server(name: str, rtype: str, query: Message) -> Message:
        response = reply_to(query, ["example. 300 TXT x"])
        response.set_rcode(dns.rcode.YXDOMAIN)
        return response

    assert single_server(server).ask("www.example").rcode() == dns.rcode.SERVFAIL


def test_a_ds_in_the_authority_section_answers_the_question_for_it() -> None:
    ds = "child.example. 300 DS 12345 13 2 " + "ab" * 32

    def server(name: str, rtype: str, query: Message) -> Message:
        response = reply_to(query, [], ["child.example. 300 NS ns.child.example.", ds])
        response.flags &= ~dns.flags.AA
        return response

    answer = single_server(server).ask("child.example", "DS")
    assert texts(answer.answer) == [f"child.example. DS 12345 13 2 {'ab' * 32}"]


def alias_server(name: str, rtype: str, query: Message) -> Message:
    if name == "www.example":
        return reply_to(query, ["www.example. 300 CNAME web.example.", "web.example. 300 A 203.0.113.66"])
    return host(name, rtype, query)


def test_rfc2181_5_4_1_unsigned_data_beside_an_alias_is_asked_for_again() -> None:
    world = single_server(alias_server)
    answer = world.ask("www.example")
    assert texts(answer.answer) == ["web.example. A 203.0.113.1", "www.example. CNAME web.example."]


def test_a_forwarder_is_believed_for_the_whole_chain() -> None:
    world = forwarding(alias_server)
    answer = world.ask("www.example")
    assert texts(answer.answer) == ["web.example. A 203.0.113.66", "www.example. CNAME web.example."]
    assert len(world.sent) == 1


def test_judging_cached_data_does_not_prolong_it() -> None:
    """With CD=1 the data is stored unchecked; a question without CD judges it later."""
    world = single_server(host)
    query = dns.message.make_query("www.example", "A", flags=dns.flags.RD | dns.flags.CD)
    world.submit(query)
    assert world.answers.pop().answer[0].ttl == 300
    world.pass_time_us(100_000_000)
    assert world.ask("www.example").answer[0].ttl in (199, 200)
    world.pass_time_us(199_000_000)
    before = len(world.sent)
    world.pass_time_us(2_000_000)
    assert world.ask("www.example").answer[0].ttl == 300
    assert len(world.sent) > before


def forwarding(server: Server, tcp_only: bool = False) -> EngineWorld:
    world = world_of({THIRD: server})
    zone = ZoneServers(ROOT, [UpstreamServer(ip_address(THIRD).packed, 53)], True, False, [])
    zone.tcp_only = tcp_only
    world.settings.zone_servers = [zone]
    return world


@pytest.mark.parametrize("tcp_only", [True, False])
def test_a_forward_zone_may_be_for_tcp_only(tcp_only: bool) -> None:
    world = forwarding(host, tcp_only)
    assert world.ask("www.example").answer
    assert len(world.tcp) == (1 if tcp_only else 0)


def test_servers_that_are_silent_about_a_shorter_name_get_the_full_one() -> None:
    def server(name: str, rtype: str, query: Message) -> Message | None:
        return None if name != "www.deep.example" else host(name, rtype, query)

    world = single_server(server)
    world.settings.qname_minimisation = True
    assert texts(world.ask("www.deep.example").answer) == ["www.deep.example. A 203.0.113.1"]
    assert questions(world, FIRST) == ["deep.example. A"] * 3 + ["www.deep.example. A"]


def test_rfc8020_an_nxdomain_above_a_stub_zone_does_not_hide_it() -> None:
    def root(name: str, rtype: str, query: Message) -> Message:
        response = reply_to(query, [], [". 300 SOA ns. root. 1 2 3 4 300"])
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    world = world_of({ROOT_ADDRESS: root, SECOND: host})
    stub = ZoneServers(wire_name("lab.local-net"), [UpstreamServer(ip_address(SECOND).packed, 53)], False, False, [])
    world.settings.zone_servers = [stub]
    assert world.ask("local-net").rcode() == dns.rcode.NXDOMAIN
    assert texts(world.ask("www.lab.local-net").answer) == ["www.lab.local-net. A 203.0.113.1"]


def renaming_server(name: str, rtype: str, query: Message) -> Message:
    if name.endswith(".old.example"):
        new = name.replace(".old.", ".new.")
        return reply_to(query, ["old.example. 300 DNAME new.example.", f"{name}. 300 CNAME {new}."])
    return host(name, rtype, query)


def test_an_unsigned_dname_is_asked_for_again_with_each_name() -> None:
    world = single_server(renaming_server)
    for name in ("a", "b"):
        answer = world.ask(f"{name}.old.example")
        assert f"{name}.new.example. A 203.0.113.1" in texts(answer.answer)
        assert f"{name}.old.example. A" in questions(world, FIRST)


def test_forwarders_may_share_an_address_and_take_over_from_each_other() -> None:
    world = forwarding(host)
    address = ip_address(THIRD).packed
    ports = [5301, 53, 5302]
    world.settings.zone_servers[0].servers[:] = [UpstreamServer(address, port) for port in ports]
    respond = world.respond
    alive = [5302]
    world.respond = lambda server, query: respond(server, query) if world.ports[-1] in alive else None
    assert texts(world.ask("www.example").answer) == ["www.example. A 203.0.113.1"]
    assert sorted(set(world.ports)) == [53, 5301, 5302]
    before = len(world.ports)
    for number in range(10):
        world.ask(f"web{number}.example")
    assert len(world.ports[before:]) < 15  # which of them answers is remembered, by port; some queries explore


def test_priming_that_needs_a_name_whose_fetch_needs_priming_ends_all_the_same() -> None:
    settings = plain_settings()
    settings.prime_root = True
    settings.root_servers = [RootServer(b"\x01a\x04root\x03net\x00", [ip_address(ROOT_ADDRESS).packed])]
    world = EngineWorld(lambda _address, _query: None, settings)
    never_us = world.clock_us + 3_600_000_000
    without_glue = Delegation(b"\x03net\x00", [NameServer(b"\x02ns\x03net\x00", [])], never_us, 53, False)
    world.engine.state.delegations.put(without_glue)
    assert world.ask("www.example").rcode() == dns.rcode.SERVFAIL
    for _ in range(100):
        if not world.engine.state.running:
            break
        world.next_timer()
    assert world.engine.state.running == {}
