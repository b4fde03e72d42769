"""What a resolver must show on 5 May 2026 beside what test_de_outage.py asks: anchors, dependants, tails, retries."""

from dataclasses import dataclass, replace

import pytest

from holdfast.base.limits import FAILURE_TTL_MAXIMUM_S
from holdfast.base.settings import EngineSettings
from holdfast.dns.iana import (
    EDE_DNSSEC_BOGUS,
    EDE_NEGATIVE_TRUST_ANCHOR,
    FLAG_RD,
    RCODE_NOERROR,
    RCODE_SERVFAIL,
    TYPE_A,
)
from holdfast.dns.name import is_subdomain, to_text
from holdfast.dns.writer import build_query
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.lab.measurements import SERVFAIL, ClientAnswer, read_answer
from holdfast.lab.outage import Outage, find_outage
from holdfast.lab.policies import POLICIES, Policy
from holdfast.lab.replay import QUIET, Prober, play
from holdfast.lab.simulation import SECOND_US, SimulatedNetwork, VirtualClock, VirtualResolver
from holdfast.lab.three_hours import VARIANTS, three_hours, traffic
from holdfast.lab.traffic import TrafficParameters
from holdfast.lab.world import World
from holdfast.lab.zone_versions import wire

SEED = 7
DE = wire("de")
NAMED = {policy.name: policy for policy in POLICIES}


def outage_of(scale: float = 0.04) -> Outage:
    return find_outage("de-2026-05-05").scaled(scale)


class Desk:
    """One resolver that lives through the day, without stale answers, and can be asked."""

    def __init__(self, at_s: int) -> None:
        self.world = World.generate(outage_of(), SEED)
        self.world.settle(at_s)
        self.clock = VirtualClock(at_s)
        self.network = SimulatedNetwork(self.clock, self.world.servers, SEED, QUIET)
        settings = NAMED["no-stale"].apply(self.world.settings())
        self.resolver = VirtualResolver(self.clock, self.network, settings, SEED)

    def ask(self, name: str) -> ClientAnswer:
        """Ask for an address."""
        answers: list[bytes] = []
        query = build_query(1, wire(name), TYPE_A, FLAG_RD, 1232, True, [])
        self.resolver.ask(b"\x0a\x00\x00\x01", query, answers.append)
        self.clock.run_until(self.clock.now_us + 20 * SECOND_US)
        return read_answer(answers[0])

    def wait_until(self, at_s: int) -> None:
        """Let time pass, and the world change."""
        self.clock.run_until(self.clock.at(at_s))
        self.world.settle(at_s)
        self.network.forget(self.world.servers)

    def put_anchor(self, until_s: int) -> None:
        """What an operator does."""
        now_s = int(self.clock.wall_s())
        self.resolver.put_negative_trust_anchor(NegativeTrustAnchor(DE, "broken", "ops", now_s, until_s))

    def names(self, signed: bool) -> list[str]:
        """Names in zones below de."""
        return [
            to_text(one.names[1]) for one in self.world.leaves if one.signed == signed and is_subdomain(one.name, DE)
        ]


def codes(answer: ClientAnswer) -> list[int]:
    return [code for code, _ in answer.ede]


# -- negative trust anchors -------------------------------------------------------------------------------------------


def test_an_anchor_answers_at_once_what_failed_without_ad_and_with_ede_33() -> None:
    desk = Desk(outage_of().broken_s + 3600)
    unsigned, signed = desk.names(signed=False)[:3], desk.names(signed=True)[:6]
    failed = [name for name in (*unsigned, *signed) if desk.ask(name).rcode == RCODE_SERVFAIL]
    assert set(unsigned) < set(failed)
    desk.put_anchor(outage_of().end_s)  # their failures are cached, and must not be told any more
    for name in (*unsigned, *signed):
        answer = desk.ask(name)
        assert (answer.rcode, answer.secure) == (RCODE_NOERROR, False)
        assert EDE_NEGATIVE_TRUST_ANCHOR in codes(answer)
        assert any("broken" in text for _, text in answer.ede)


def test_an_anchor_that_is_removed_after_the_fix_leaves_a_validating_resolver_behind() -> None:
    outage = outage_of()
    desk = Desk(outage.broken_s + 3600)
    name = desk.names(signed=True)[0]
    desk.put_anchor(outage.end_s)
    assert not desk.ask(name).secure
    desk.wait_until(outage.healed_s + 60)
    assert EDE_NEGATIVE_TRUST_ANCHOR in codes(desk.ask(name))
    desk.resolver.remove_negative_trust_anchor(DE)
    answer = desk.ask(name)
    assert (answer.rcode, answer.secure, answer.ede) == (RCODE_NOERROR, True, ())


def test_an_anchor_that_is_removed_too_early_leaves_the_outage_behind() -> None:
    desk = Desk(outage_of().broken_s + 3600)
    name = desk.names(signed=False)[0]
    desk.put_anchor(outage_of().end_s)
    assert desk.ask(name).rcode == RCODE_NOERROR
    desk.wait_until(outage_of().broken_s + 2 * 3600)
    desk.resolver.remove_negative_trust_anchor(DE)
    answer = desk.ask(name)
    assert (answer.rcode, codes(answer)[0]) == (RCODE_SERVFAIL, EDE_DNSSEC_BOGUS)


# -- names that are not below de --------------------------------------------------------------------------------------


def dependants(of: Prober) -> list[str]:
    """Zones outside de whose name servers are named below it, not themselves in the additional data of com and net."""
    return [to_text(one.names[1]) for one in of.world.leaves if not is_subdomain(one.name, DE) and one.depends_on(DE)]


def server_names(of: Prober) -> list[str]:
    """Names of name servers of such zones."""
    hosts = {one.hosted_under for one in of.world.leaves if not is_subdomain(one.name, DE) and one.depends_on(DE)}
    return ["ns1." + to_text(host) for host in sorted(hosts)]


def test_addresses_of_servers_named_below_de_cannot_be_validated_and_can_again() -> None:
    outage = outage_of(0.1)
    of = Prober(outage, SEED, NAMED["no-stale"])
    names = server_names(of)
    assert names
    during = [of.cold(outage.broken_s + 60, name) for name in names]
    assert any(answer.rcode == RCODE_SERVFAIL for answer in during)
    assert all(of.cold(outage.healed_s + 60, name).rcode == RCODE_NOERROR for name in names)


def test_names_outside_de_whose_servers_are_named_in_it_go_on_being_resolved() -> None:
    # Addresses of name servers are used as they come, since what the servers say is validated in any case. So what took
    # such names down at resolvers that validate both does not here; at the end of the day they are as they were.
    outage = outage_of(0.1)
    of = Prober(outage, SEED, NAMED["no-stale"])
    names = dependants(of)[:8]
    assert names
    for at_s in (outage.broken_s + 60, outage.healed_s + 60):
        assert all(of.cold(at_s, name).rcode == RCODE_NOERROR for name in names)


# -- users and caches -------------------------------------------------------------------------------------------------


def test_queries_overstate_what_users_and_names_suffer() -> None:
    outage = replace(outage_of(), end_s=outage_of().broken_s + 5400)
    measured = play(outage, NAMED["no-stale"], SEED, TrafficParameters().for_zones(outage.zones)).measured
    servfail = sum(minute.kinds[SERVFAIL] for minute in measured.minutes)
    questions = sum(minute.questions_failed for minute in measured.minutes)
    assert servfail > 3 * questions  # four queries for each question that fails
    assert questions > measured.users_hit > 0
    assert questions > measured.names_failed > 0


@dataclass(frozen=True)
class WithoutProbes(Policy):
    """A resolver that waits for its failure cache (RFC 9520) instead of looking whether the zone is well again."""

    def apply(self, settings: EngineSettings) -> EngineSettings:
        """Switch the probes off."""
        settings = super().apply(settings)
        settings.recovery_probe_interval_s = 0
        return settings


def test_failure_caches_leave_a_tail_after_the_fix_that_probes_cut_off() -> None:
    outage = three_hours(VARIANTS[0]).scaled(0.05)
    clients = traffic().for_zones(outage.zones)
    tails = []
    for policy in (WithoutProbes("plain", "failure cache only", False, False), NAMED["no-stale"]):
        asked = play(outage, policy, SEED, clients).measured.asked_after
        tails.append([at_s - outage.healed_s for at_s, failed in asked if failed])
    waiting, probing = tails
    assert waiting and max(waiting) > 60
    # RFC 9520 section 3.2 for the name, and once more for the DS look-up that it failed by.
    assert max(waiting) < 2 * FAILURE_TTL_MAXIMUM_S
    assert len(probing) < len(waiting)
    assert max(probing, default=0) < 10


@pytest.mark.parametrize(("ttl_of", "seconds"), [("dnskey_s", 3600), ("negative_s", 7200), ("delegation_s", 86400)])
def test_ttls_keep_their_proportions_to_the_fault(ttl_of: str, seconds: int) -> None:
    outage = outage_of()
    assert getattr(outage.ttls, ttl_of) == seconds
    assert outage.versions[-1].start_s - outage.broken_s == 9480
