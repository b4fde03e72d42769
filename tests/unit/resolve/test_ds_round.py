"""Asking all name servers of a broken registry for a DS RRset: what they must say, what it costs, how long it holds."""

from collections.abc import Callable
from ipaddress import ip_address

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from holdfast.base.audience import ANYBODY as PLAIN_AUDIENCE
from holdfast.base.instant import FOREVER_US
from holdfast.base.limits import (
    DS_AGREEMENT_MAXIMUM_S,
    DS_AGREEMENT_MINIMUM_S,
    DS_ROUND_ADDRESSES,
    DS_ROUND_US,
    DS_ROUNDS_PER_SECOND,
)
from holdfast.base.security_status import BOGUS, SECURE
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.dns.iana import (
    EDE_NEGATIVE_TRUST_ANCHOR,
    TYPE_A,
    TYPE_DS,
)
from holdfast.lab.broken import sign_well
from holdfast.registry.zone_file import load_zone
from holdfast.resolve.chain_verdicts import EXCUSED_TRUST_S, UNSETTLED_TRUST_S
from holdfast.resolve.ds_round import voting_addresses
from holdfast.resolve.task import RequestBudget
from tests.support.dnssec_records import wire_name
from tests.support.ds_rounds import (
    BELOW_STRICT,
    HOUR_US,
    MINUTE_US,
    REGISTRY,
    RESOLVED,
    asked_for_ds,
    broken_world,
    change_ds,
    statistic,
    with_other_ds,
    without_ds,
)
from tests.support.engine_world import START_S, Message
from tests.support.registry_world import (
    BELOW,
    BELOW_ADDRESS,
    OFFICE,
    RegistryWorld,
    is_let_through,
    is_refused,
)
from tests.support.signed_world import ede_codes, ede_texts


@pytest.mark.parametrize("change", [with_other_ds, without_ds])
def test_one_server_that_disagrees_leaves_the_zone_insecure(change: Callable[[Message], Message]) -> None:
    world = broken_world()
    bad = REGISTRY[2]
    change_ds(world, lambda address, response: change(response) if address == bad else response)
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer) and answer.answer
    assert ede_codes(answer) == RESOLVED
    assert "name servers of de disagree on it (" in ede_texts(answer)[1] and bad in ede_texts(answer)[1]
    world.forged = {"unseen.de"}
    assert is_let_through(world.ask_from("new.unseen.de")), "as below any anchor"
    assert len(asked_for_ds(world)) == len(REGISTRY), "once for the zone, not for each name"


def test_servers_that_all_say_now_that_there_is_none_leave_it_insecure() -> None:
    world = broken_world()
    change_ds(world, lambda _address, response: without_ds(response))
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer)
    assert ede_texts(answer)[1] == "DS of unseen.de: there is none, say 4 addresses of 4 name servers of de"


def test_one_name_server_agrees_with_nobody() -> None:
    world = broken_world(servers=1)
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer)
    assert ede_texts(answer)[1] == "DS of unseen.de: fewer than 2 name servers of de answered"
    assert asked_for_ds(world) == [], "there is no use in asking"


def test_one_that_is_left_agrees_with_nobody_and_is_asked_again_soon() -> None:
    world = broken_world()
    silent = set(REGISTRY[1:])
    change_ds(world, lambda address, response: None if address in silent else response)
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer) and "fewer than 2 name servers" in ede_texts(answer)[1]
    silent.clear()
    world.pass_time_us(UNSETTLED_TRUST_S * 1_000_000)
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer) and "2 name servers" not in ede_texts(answer)[1]
    assert "agree on" in ede_texts(answer)[1], "the first answer was kept for a moment only"


def test_answers_that_are_no_answers_do_not_count() -> None:
    world = broken_world()

    def refuse(address: str, response: Message) -> Message:
        if address == REGISTRY[1]:
            response.set_rcode(dns.rcode.SERVFAIL)
            response.answer = []
        elif address == REGISTRY[2]:
            response.answer = []
            response.authority = [dns.rrset.from_text(".", 900, "IN", "NS", "ns.")]
        return response

    change_ds(world, refuse)
    assert "2 addresses of 2 name servers of de agree" in ede_texts(world.ask_from("www.unseen.de"))[1]


def test_every_address_is_asked_once_however_many_names_and_clients_ask() -> None:
    world = broken_world()
    held = world.respond
    asked: list[Message] = []

    def ask_meanwhile(address: str, query: Message) -> Message | None:
        if not asked and query.question[0].rdtype == dns.rdatatype.DS:
            asked.append(query)
            world.submit_from("new.unseen.de", address=OFFICE)
            world.submit_from("www.unseen.de", "TXT")
        return held(address, query)

    world.respond = ask_meanwhile
    world.submit_from("www.unseen.de")
    while len(world.answers) < 3:
        world.next_timer()
    assert all(is_let_through(answer) for answer in world.answers)
    for number in range(10):
        world.ask_from(f"n{number}.unseen.de")
    assert asked_for_ds(world) == sorted(REGISTRY)


def test_zones_that_the_registry_calls_unsigned_and_names_without_a_zone_cost_nothing() -> None:
    world = broken_world()
    for name in ("www.plain.de", "a.plain.de", "www.de", "no.de", "a.b.c.de"):
        assert EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(world.ask_from(name))
    for rtype in ("ds_rounds_agreed", "ds_rounds_disagreed", "ds_rounds_unheard", "ds_rounds_refused"):
        assert statistic(world, rtype) == 0
    assert [one for one in world.asked() if one.endswith(" DS")] == []


def test_the_number_of_rounds_in_a_second_is_bounded_and_what_is_beyond_is_tried_again_soon() -> None:
    world = broken_world()
    world.ask_from("www.de")
    for _ in range(DS_ROUNDS_PER_SECOND):
        world.engine.state.agreements.take_round(wire_name("de"), world.clock_us)
    answer = world.ask_from("www.unseen.de")
    assert is_let_through(answer) and answer.answer
    assert "not asked, too many are in this second" in ede_texts(answer)[1]
    assert asked_for_ds(world) == [] and statistic(world, "ds_rounds_refused") == 1
    world.pass_time_us(UNSETTLED_TRUST_S * 1_000_000)
    assert "agree on" in ede_texts(world.ask_from("www.unseen.de"))[1]


def test_what_fails_for_want_of_a_budget_is_not_remembered_and_decides_nothing_for_others() -> None:
    world = broken_world(scope=BELOW_STRICT)
    tasks = world.engine.tasks
    tasks.lookup(wire_name("www.unseen.de"), TYPE_A, False, RequestBudget(), 0, world.now())
    world.ask_from("www.de")
    view = world.engine.state.negative_anchors.view(PLAIN_AUDIENCE, TYPE_A)
    poor, rich = RequestBudget(view), RequestBudget(view)
    poor.queries = 2
    first = tasks.trust_in(wire_name("unseen.de"), poor, 0, world.now())
    assert len(first.waiting_for) == 1 and poor.spent()
    second = tasks.trust_in(wire_name("www.unseen.de"), rich, 0, world.now())
    assert second.waiting_for == first.waiting_for, "it joins the round, and begins another one when that fails"
    world.run()
    assert first.done and first.trust is not None and first.trust.status == BOGUS
    assert second.done and second.trust is not None and second.trust.status == SECURE
    assert second.trust.agreed is not None and "4 name servers" in second.trust.agreed.remark.extra_text


@pytest.mark.parametrize("silent", [1, 2])
def test_silent_servers_are_waited_for_a_second_at_most_and_not_once_known(silent: int) -> None:
    world = broken_world()
    quiet = REGISTRY[-silent:]
    held = world.respond
    world.ask_from("www.de")
    world.respond = lambda address, query: None if address in quiet else held(address, query)
    began_us = world.clock_us
    answer = world.ask_from("www.unseen.de")
    assert f"{4 - silent} addresses of {4 - silent} name servers of de agree" in ede_texts(answer)[1]
    assert world.clock_us - began_us < 2 * DS_ROUND_US, "a second, beside what the data take"
    world.engine.state.agreements.clear()
    world.engine.state.trust.remove_subtree(wire_name("unseen.de"))
    for address in quiet:
        assert world.engine.state.servers.get(ip_address(address).packed, world.clock_us).timeouts > 0
    began_us = world.clock_us
    assert is_let_through(world.ask_from("new.unseen.de"))
    assert world.clock_us - began_us < DS_ROUND_US, "who was silent is not waited for"


def test_addresses_are_bounded_and_no_server_is_left_out_for_anothers_sake() -> None:
    world = RegistryWorld()
    servers = [
        NameServer(wire_name(f"n{number}.de"), [bytes([192, 0, 2 + number, one]) for one in range(8)])
        for number in range(20)
    ]
    delegation = Delegation(wire_name("de"), servers, world.clock_us + HOUR_US, 53, False)
    chosen = voting_addresses(world.engine.state, delegation, world.now())
    assert len(chosen) == DS_ROUND_ADDRESSES
    assert [server for server, _ in chosen[:20]] == servers
    shared = [NameServer(wire_name(f"n{number}.de"), [bytes([192, 0, 2, 1])]) for number in range(3)]
    delegation = Delegation(wire_name("de"), shared, world.clock_us + HOUR_US, 53, False)
    assert len(voting_addresses(world.engine.state, delegation, world.now())) == 1


def test_addresses_that_may_not_be_asked_or_rest_or_are_lame_are_left_out() -> None:
    world = RegistryWorld()
    addresses = [ip_address(one).packed for one in ("192.0.2.1", "127.0.0.1", "192.0.2.3", "192.0.2.4", "2001:db8::1")]
    servers = [NameServer(wire_name(f"n{at}.de"), [address]) for at, address in enumerate(addresses)]
    state, now_us = world.engine.state, world.clock_us
    state.servers.get(addresses[2], now_us).backoff_until_us = now_us + 1
    state.servers.get(addresses[3], now_us).note_lame(wire_name("de"), TYPE_DS, now_us + 1)
    learned = Delegation(wire_name("de"), servers, now_us + HOUR_US, 53, False)
    assert [address for _, address in voting_addresses(state, learned, world.now())] == addresses[:1]
    configured = Delegation(wire_name("de"), servers, FOREVER_US, 53, False)
    assert [address for _, address in voting_addresses(state, configured, world.now())] == addresses[:2]


def test_it_is_remembered_for_its_ttl() -> None:
    world = broken_world()
    world.add_anchor(lifetime_s=10 * 3600)
    world.ask_from("www.unseen.de")
    world.pass_time_us(9 * MINUTE_US)  # its TTL is ten minutes
    world.ask_from("www.unseen.de")
    assert len(asked_for_ds(world)) == len(REGISTRY)
    world.pass_time_us(2 * MINUTE_US + EXCUSED_TRUST_S * 1_000_000)
    assert is_let_through(world.ask_from("www.unseen.de"))
    assert len(asked_for_ds(world)) > len(REGISTRY)


@pytest.mark.parametrize(("ttl_s", "lifetime_s"), [(0, DS_AGREEMENT_MINIMUM_S), (7 * 86400, DS_AGREEMENT_MAXIMUM_S)])
def test_no_ttl_makes_it_shorter_or_longer_than_is_reasonable(ttl_s: int, lifetime_s: int) -> None:
    world = broken_world()

    def set_ttl(_address: str, response: Message) -> Message:
        for rrset in response.answer:
            rrset.ttl = ttl_s
        return response

    change_ds(world, set_ttl)
    world.ask_from("www.unseen.de")
    (known,) = world.engine.state.agreements.by_child.values()
    assert lifetime_s - 1 <= (known.expires_us - world.clock_us) / 1_000_000 <= lifetime_s


def test_a_zone_that_changes_its_keys_is_believed_again_after_a_minute() -> None:
    world = broken_world()
    assert is_let_through(world.ask_from("www.unseen.de"))
    other = load_zone("unseen.de", BELOW)
    (new_ds,) = sign_well(other, START_S, algorithm=15)
    world.servers[BELOW_ADDRESS].add(other)

    def roll(_address: str, response: Message) -> Message:
        for at, rrset in enumerate(response.answer):
            if rrset.rdtype == dns.rdatatype.DS:
                text = f"{new_ds[0] << 8 | new_ds[1]} {new_ds[2]} {new_ds[3]} {new_ds[4:].hex()}"
                response.answer[at] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "DS", text)
        return response

    change_ds(world, roll)
    world.engine.state.rrsets.remove_subtree(wire_name("unseen.de"))
    world.engine.state.trust.remove_subtree(wire_name("unseen.de"))
    assert world.ask_from("new.unseen.de").rcode() == dns.rcode.SERVFAIL, "its new keys are not those of the old record"
    world.pass_time_us((DS_AGREEMENT_MINIMUM_S + 1) * 1_000_000)
    assert is_let_through(world.ask_from("new.unseen.de"))


def test_another_trust_decision_ends_it() -> None:
    world = broken_world()
    world.ask_from("www.unseen.de")
    assert world.engine.state.agreements.by_child
    world.add_anchor(zone="org")
    assert not world.engine.state.agreements.by_child


def test_a_round_that_a_trust_decision_overtakes_leaves_nothing() -> None:
    world = broken_world()
    removed: list[bool] = []

    def remove(_address: str, response: Message) -> Message:
        if not removed:
            removed.append(world.remove_anchor())
        return response

    change_ds(world, remove)
    assert is_refused(world.ask_from("www.unseen.de"))
    assert not world.engine.state.agreements.by_child
    assert is_refused(world.ask_from("www.unseen.de"))


def test_flushing_ends_it() -> None:
    for zone, subtree in (("unseen.de", False), ("de", True)):
        world = broken_world()
        world.ask_from("www.unseen.de")
        world.engine.flush(wire_name(zone), subtree, world.now())
        assert not world.engine.state.agreements.by_child
