"""Every outage of the catalogue: what a resolver must answer at the moments that its file names."""

import os

import pytest

from holdfast.dns.iana import EDE_NAMES, RCODE_NAMES
from holdfast.lab.guarded import with_gate
from holdfast.lab.outage import EXPECTED_SCALE, Probe, catalogue, find_outage
from holdfast.lab.policies import POLICIES as ALL_POLICIES
from holdfast.lab.replay import Prober, complaints, play
from holdfast.lab.report import detection_s, expected_rows
from holdfast.lab.traffic import TrafficParameters
from tests.support.sources import ROOT

SEED = 1
POLICIES = {policy.name: policy for policy in ALL_POLICIES}
WITHOUT_DNSSEC = "de-2010-05-12"
TOLERATED = "gov-2013-08-14"  # RFC 6840 section 5.11
PROBES = [(name, at) for name in catalogue() for at in range(len(find_outage(name).probes))]


def test_there_are_at_least_ten_outages_beside_the_one_of_de() -> None:
    assert len(catalogue()) >= 11
    for name in catalogue():
        outage = find_outage(name)
        assert outage.probes or name == "de-2026-05-05"  # that one has a module of its own
        for probe in outage.probes:
            assert probe.rcode in RCODE_NAMES.values()
            assert all(code in EDE_NAMES for code in probe.ede)


@pytest.mark.parametrize("name", [name for name in catalogue() if name != "de-2026-05-05"])
def test_each_outage_shows_its_fault(name: str) -> None:
    outage = find_outage(name)
    broken = [probe for probe in outage.probes if outage.broken_s <= probe.at_s < outage.healed_s]
    if name not in (WITHOUT_DNSSEC, TOLERATED):
        assert any(probe.rcode == "SERVFAIL" and probe.ede for probe in broken)
    assert broken


def expectations() -> list[tuple[str, str]]:
    """Outages and policies to play: of those that last for half a day or longer the plainest and the detector's.

    Interpreted, which takes several times as long, the detector's only: `test_determinism` sees that both do the same.
    """
    pairs: list[tuple[str, str]] = []
    compiled = os.environ.get("HOLDFAST_EXPECT") == "compiled"
    for name in catalogue():
        outage = find_outage(name)
        short = outage.end_s - outage.start_s < 12 * 3600
        policies = ["no-stale", "stale", "detector", "last-known-good"] if short else ["no-stale", "detector"]
        if not compiled:
            policies = ["detector"]
        pairs += [(name, policy) for policy in policies]
    return pairs


@pytest.mark.parametrize(("name", "policy"), expectations())
def test_each_policy_does_what_the_file_says(name: str, policy: str) -> None:
    outage = find_outage(name).scaled(EXPECTED_SCALE)
    expected = outage.expected
    assert expected is not None
    run = play(outage, POLICIES[policy], SEED, TrafficParameters().for_zones(outage.zones))
    share = run.measured.share(outage.broken_s, outage.healed_s).percent
    assert share == pytest.approx(expected.failed[policy], abs=expected.tolerance)
    if policy == "no-stale":
        counts: dict[int, int] = {}
        for minute in run.measured.minutes:
            for code, count in minute.ede.items():
                counts[code] = counts.get(code, 0) + count
        assert expected.ede == tuple(sorted(counts, key=lambda code: -counts[code])[:1])
    if policy == "detector":
        assert detection_s(outage, run) == pytest.approx(expected.detected_after_s, rel=0.3)


def test_the_table_in_the_documentation_is_what_the_files_say() -> None:
    text = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
    rows = expected_rows([find_outage(name) for name in catalogue()])
    assert len(rows) == len(catalogue())
    assert "\n".join(rows) in text, "expected:\n" + "\n".join(rows)


@pytest.mark.parametrize(("name", "at"), PROBES)
def test_probes(name: str, at: int) -> None:
    outage = find_outage(name)
    probe = outage.probes[at]
    prober = Prober(outage, SEED, POLICIES["stale" if probe.stale else "no-stale"])
    assert complaints(probe, prober.answer(probe)) == []


def test_a_probe_complains_about_everything_that_is_wrong() -> None:
    outage = find_outage("au-2023-09-18")
    probe = Probe(at_s=outage.broken_s + 60, name="www.site0.au", rcode="NOERROR", ede=(9,), text="no key", secure=True)
    found = complaints(probe, Prober(outage, SEED, POLICIES["no-stale"]).answer(probe))
    assert len(found) == 5


def test_authoritative_denials_are_not_answered_stale() -> None:
    outage = find_outage(WITHOUT_DNSSEC).scaled(0.2)
    shares = []
    for name in ("no-stale", "stale"):
        run = play(outage, POLICIES[name], SEED, TrafficParameters().for_zones(outage.zones))
        broken = [run.measured.minute(at_s) for at_s in range(outage.broken_s, outage.healed_s, 60)]
        shares.append([sum(minute.kinds["nxdomain"] for minute in broken if minute is not None)])
        assert sum(minute.kinds["stale"] for minute in broken if minute is not None) == 0
    assert shares[0] == shares[1] != [0]


@pytest.mark.parametrize("name", [name for name in catalogue() if name not in (WITHOUT_DNSSEC, TOLERATED)])
def test_canary_and_gate_stop_what_broke(name: str) -> None:
    outage = find_outage(name).scaled(0.1)
    guarded, stopped = with_gate(outage, SEED)
    broken = [one for one in outage.versions if outage.broken_s <= one.start_s < outage.healed_s]
    assert broken[0] in [one.version for one in stopped]
    assert broken[0] not in guarded.versions


@pytest.mark.parametrize("name", ["au-2023-09-18", "nz-2023-05-29"])
def test_a_stopped_version_breaks_nothing(name: str) -> None:
    guarded, _ = with_gate(find_outage(name).scaled(0.1), SEED)
    run = play(guarded, POLICIES["no-stale"], SEED, TrafficParameters().for_zones(guarded.zones))
    assert run.measured.totals()["questions_failed"] == 0
