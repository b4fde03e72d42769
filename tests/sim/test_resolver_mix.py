"""Other resolvers on the day of the outage: what their clients got, beside those of a plain validating one."""

from dataclasses import replace

import pytest

from holdfast.dns.iana import EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR, EDE_NO_REACHABLE_AUTHORITY
from holdfast.lab.outage import Outage, find_outage
from holdfast.lab.policies import POLICIES, RESOLVER_MIX
from holdfast.lab.replay import Run, play
from holdfast.lab.traffic import TrafficParameters

SEED = 7
HOUR_S = 3600
NAMED = {policy.name: policy for policy in (*POLICIES, *RESOLVER_MIX)}


def outage_of() -> Outage:
    """Two hours of the break, then all servers heal at once."""
    outage = find_outage("de-2026-05-05").scaled(0.03)
    healed_s = outage.broken_s + 2 * HOUR_S
    versions = (*outage.versions[:3], replace(outage.versions[3], start_s=healed_s, complete_s=0))
    return replace(outage, versions=versions, healed_s=healed_s, end_s=healed_s + HOUR_S // 2)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    outage = outage_of()
    names = ("no-stale", "stale", "nta-1h", *(policy.name for policy in RESOLVER_MIX))
    return {name: play(outage, NAMED[name], SEED, TrafficParameters().for_zones(outage.zones)) for name in names}


def failed(run: Run) -> float:
    outage = outage_of()
    return run.measured.share(outage.broken_s, outage.healed_s).percent


def codes(run: Run) -> set[int]:
    return {code for minute in run.measured.minutes for code in minute.ede}


def test_a_resolver_that_does_not_validate_notices_nothing(runs: dict[str, Run]) -> None:
    assert failed(runs["non-validating"]) == 0
    assert codes(runs["non-validating"]) == set()
    assert runs["non-validating"].incidents == []


def test_clients_that_set_cd_are_answered_by_a_resolver_that_fails_the_others(runs: dict[str, Run]) -> None:
    assert failed(runs["no-stale"]) > 5
    assert failed(runs["cd-clients"]) == 0


def test_behind_a_forwarder_names_fail_as_they_do_at_the_resolver_that_validates(runs: dict[str, Run]) -> None:
    assert failed(runs["forwarder"]) > failed(runs["no-stale"]) / 2
    outage = outage_of()
    assert runs["forwarder"].measured.share(outage.healed_s + 600, outage.end_s).failed == 0


def test_a_lost_cause_looks_like_servers_that_cannot_be_reached(runs: dict[str, Run]) -> None:
    totals = [runs[name].measured.totals() for name in ("stale", "ede-22")]
    assert totals[0]["questions_failed"] == totals[1]["questions_failed"]
    servfail = [{code for minute in runs[name].measured.minutes for code in minute.ede} for name in ("stale", "ede-22")]
    assert EDE_NO_REACHABLE_AUTHORITY in servfail[1] - servfail[0]
    counts = [sum(minute.ede.get(EDE_DNSSEC_BOGUS, 0) for minute in runs[name].measured.minutes) for name in runs]
    assert counts[list(runs).index("ede-22")] < counts[list(runs).index("stale")]


def test_an_anchor_helps_from_its_moment_on_and_says_so(runs: dict[str, Run]) -> None:
    outage = outage_of()
    run = runs["nta-1h"]
    placed_s = outage.broken_s + HOUR_S
    assert run.measured.share(outage.broken_s, placed_s).failed > 0
    assert run.measured.share(placed_s, outage.healed_s).failed == 0
    told = [minute.ede.get(EDE_NEGATIVE_TRUST_ANCHOR, 0) for minute in run.measured.minutes]
    first = next(at for at, count in enumerate(told) if count)
    assert outage.start_s + 60 * first >= placed_s - 60
