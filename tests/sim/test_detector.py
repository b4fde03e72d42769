"""The detector in the replay: what it notices, how soon, what is no outage to it, and what comes of its pages."""

from dataclasses import replace

import pytest

from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.lab.operator import ANCHORED, CHECKED, DETECTED, LOST, OVER, PAGED, REMOVED, Moment
from holdfast.lab.outage import Outage, find_outage
from holdfast.lab.policies import POLICIES as ALL_POLICIES
from holdfast.lab.replay import Run, play
from holdfast.lab.report import detection_s, first_repair
from holdfast.lab.simulation import NetworkFaults
from holdfast.lab.timeline import APPROVAL_S
from holdfast.lab.traffic import TrafficParameters
from holdfast.lab.zone_versions import wire
from holdfast.sentinel.incident import BOGUS
from holdfast.sentinel.proposal import LIFETIME_S

SEED = 7
SCALE = 0.1
MINUTE_S, DAY_S = 60, 86400
APEX_NSEC3 = "a0d5d1p51kijsevll74k523htmq406bk.de/NSEC3"
POLICIES = {policy.name: policy for policy in ALL_POLICIES}


def outage_of(scale: float = SCALE) -> Outage:
    return find_outage("de-2026-05-05").scaled(scale)


def beginning(outage: Outage, length_s: int) -> Outage:
    """The outage up to some time after the break."""
    return replace(outage, end_s=outage.broken_s + length_s)


def run_of(outage: Outage, policy: str = "stale", faults: NetworkFaults | None = None) -> Run:
    return play(outage, POLICIES[policy], SEED, TrafficParameters().for_zones(outage.zones), faults=faults)


@pytest.fixture(scope="module")
def detected() -> Run:
    return run_of(outage_of(), "detector")


def moments(run: Run, kind: str) -> list[Moment]:
    return [one for one in run.story if one.kind == kind]


def test_the_outage_is_noticed_within_minutes_and_named(detected: Run) -> None:
    outage = outage_of()
    assert 0 < detection_s(outage, detected) <= 10 * MINUTE_S
    (incident,) = detected.incidents
    assert (incident.zone, incident.kind) == (wire("de"), BOGUS)
    assert incident.reason is not None
    assert (incident.reason.subject, incident.reason.key_tag) == (APEX_NSEC3, 33834)
    assert abs(incident.since_s - outage.broken_s) <= 5 * MINUTE_S
    assert (
        len(incident.servers) == 12
    )  # all of them hand it out, IPv4 and IPv6: a fault of the registry, not of a server
    assert incident.caution() == ""


def test_the_larger_a_resolver_the_sooner_it_knows() -> None:
    outages = [beginning(outage_of(scale), 40 * MINUTE_S) for scale in (0.03, 0.3)]
    delays = [detection_s(outage, run_of(outage)) for outage in outages]
    assert 0 < delays[1] < delays[0]
    assert delays[1] <= 3 * MINUTE_S


def test_an_approved_proposal_ends_the_outage_and_is_taken_back_after_the_fix(detected: Run) -> None:
    outage = outage_of()
    kinds = [one.kind for one in detected.story]
    assert kinds == [DETECTED, PAGED, ANCHORED, OVER, CHECKED, CHECKED, REMOVED]
    found, placed = moments(detected, DETECTED)[0], moments(detected, ANCHORED)[0]
    assert placed.at_s - found.at_s == APPROVAL_S
    assert placed.at_s + LIFETIME_S > outage.healed_s  # the lifetime that was proposed covers this one
    assert f"keytag 33834, {APEX_NSEC3}" in placed.text
    share = detected.measured.share
    assert share(placed.at_s + MINUTE_S, first_repair(outage)).failed == 0
    assert share(moments(detected, REMOVED)[0].at_s, outage.end_s).failed == 0
    answers = [minute.ede.get(EDE_NEGATIVE_TRUST_ANCHOR, 0) for minute in detected.measured.minutes]
    assert sum(answers) > 0


def test_a_page_that_is_lost_changes_nothing() -> None:
    outage = beginning(outage_of(0.04), 90 * MINUTE_S)
    policy = POLICIES["detector"]
    lost = replace(policy, timeline=replace(policy.timeline, page_lost=True))
    traffic = TrafficParameters().for_zones(outage.zones)
    run = play(outage, lost, SEED, traffic)
    assert len(moments(run, LOST)) > 2  # sent again and again, as nobody acts
    assert not moments(run, ANCHORED)
    assert run.measured.totals() == play(outage, POLICIES["stale"], SEED, traffic).measured.totals()


def test_the_break_is_noticed_under_every_policy() -> None:
    outage = beginning(outage_of(0.04), 60 * MINUTE_S)
    runs = [run_of(outage, policy) for policy in ("no-stale", "stale", "last-known-good")]
    assert all(detection_s(outage, run) > 0 for run in runs)
    assert all(run.incidents[0].reason is not None for run in runs)


# -- what is no outage of the zone ------------------------------------------------------------------------------------


def healthy(outage: Outage, length_s: int) -> Outage:
    """The same world in which nothing breaks, for some time."""
    return replace(outage, versions=outage.versions[:2], end_s=outage.start_s + length_s)


def test_a_healthy_day_has_no_incident() -> None:
    assert run_of(healthy(outage_of(0.05), DAY_S)).incidents == []


def test_a_bad_network_is_no_bogus_zone() -> None:
    faults = NetworkFaults(loss_percent=20, reordered_percent=10)
    assert run_of(healthy(outage_of(0.05), DAY_S // 4), faults=faults).incidents == []


def test_dead_servers_of_the_zone_are_no_incident_while_others_answer() -> None:
    dead = frozenset(bytes(map(int, address.split("."))) for address in ("194.0.0.53", "81.91.164.5", "194.246.96.1"))
    assert run_of(healthy(outage_of(0.05), DAY_S // 4), faults=NetworkFaults(dead=dead)).incidents == []


def test_a_single_server_with_bad_signatures_is_no_incident() -> None:
    outage = outage_of(0.05)
    versions = tuple(replace(one, servers=1) if one.apex_denial else one for one in outage.versions[:3])
    assert run_of(replace(outage, versions=versions)).incidents == []


def test_a_broken_zone_below_is_its_own_incident_and_not_the_top_level_domains() -> None:
    outage = find_outage("nasa-gov-2012-01-18")
    run = run_of(outage)
    assert {one.zone for one in run.incidents} == {wire("nasa.gov")}
    assert detection_s(outage, run) > 0


@pytest.mark.parametrize("name", ["al-2026-07-03", "fr-2011-02-12", "na-2019-07-08", "ru-2024-01-30"])
def test_other_outages_are_noticed(name: str) -> None:
    outage = find_outage(name).scaled(0.3)
    run = run_of(outage)
    assert 0 < detection_s(outage, run) < 90 * MINUTE_S
    assert {one.zone for one in run.incidents} == {wire(outage.zone)}


@pytest.mark.parametrize("name", ["de-2010-05-12", "gov-2013-08-14"])
def test_what_validates_is_no_incident(name: str) -> None:
    assert run_of(find_outage(name).scaled(0.3)).incidents == []
