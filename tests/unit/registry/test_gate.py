"""The publication gate: accepts every good zone, stops every broken one, and says what is wrong with it."""

import time
from pathlib import Path

import pytest

from holdfast.registry.findings import ERROR, FINDINGS_PER_CHECK
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.zone import Nsec3Parameters, wire_name
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.broken_zones import BROKEN, Broken, Case
from tests.support.zones import NOW, key_pair, refusals, signed_zone

DOCUMENT = Path(__file__).parents[3] / "docs" / "registry.md"


@pytest.mark.parametrize("csk", [False, True], ids=["KSK and ZSK", "CSK"])
@pytest.mark.parametrize("nsec3", [None, Nsec3Parameters(), Nsec3Parameters(opt_out=True)])
@pytest.mark.parametrize("algorithm", [8, 13, 15])
def test_good_zones_pass(algorithm: int, nsec3: Nsec3Parameters | None, csk: bool) -> None:
    zone = load_zone("example", zone_text(signed_zone(algorithm, nsec3, csk)))
    ds = [key_pair(algorithm, csk)[0].ds(zone.name)]
    report, _ = check_zone(zone, GateOptions(NOW, ds=ds))
    assert report.findings == []
    assert report.rrsets_checked == report.rrsets == report.signatures_checked > 20


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.text)
def test_broken_zones_are_stopped(broken: Broken) -> None:
    case = broken.case(NOW)
    zone = load_zone("example", zone_text(case.zone))  # what a file keeps of it
    report, _ = check_zone(zone, case.options())
    found = [(one.check, one.info_code) for one in report.findings if one.severity == ERROR]
    assert report.stops
    assert (broken.check, broken.info_code) in found


def test_a_finding_names_record_key_and_consequence() -> None:
    case = next(one for one in BROKEN if one.make.__name__ == "wrong_key_apex_nsec3").case(NOW)
    report, _ = check_zone(case.zone, case.options())
    (finding,) = report.findings
    apex = case.link("example")
    assert (finding.owner, finding.rtype) == (apex.name, apex.rtype)
    assert (finding.key_tag, finding.key_hash) == (case.keys[1].key_tag, case.keys[1].key_hash)
    assert (
        finding.affected == "every validating resolver, for NXDOMAIN answers and for referrals to unsigned child zones"
    )
    first = report.lines()[0]
    assert "/NSEC3: RRSIG with invalid signature" in first and f"keytag={case.keys[1].key_tag}" in first
    assert case.keys[1].key_hash[:16] in first and "EDE 6" in first


def test_many_findings_are_counted_and_not_listed() -> None:
    text = "".join(f"host{number} 300 A 192.0.2.{number}\n" for number in range(60))
    case = Case(NOW, text="@ 3600 SOA ns1 h 1 2 3 4 900\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n" + text)
    for number in range(60):
        node = case.zone.nodes[wire_name(f"host{number}.example")]
        next(iter(node.values())).signatures = []
    report, _ = check_zone(case.zone, case.options())
    assert len(report.findings) == FINDINGS_PER_CHECK
    assert report.beyond == {"rrsig.missing": 60 - FINDINGS_PER_CHECK}
    assert "and 35 more like rrsig.missing" in "\n".join(report.lines())


def test_a_sample_always_has_the_apex() -> None:
    for fault in ("wrong_key_apex_nsec3", "unsigned_dnskey"):
        case = next(one for one in BROKEN if one.make.__name__ == fault).case(NOW)
        options = case.options()
        options.sample, options.seed = 1, 7
        report, _ = check_zone(case.zone, options)
        assert report.stops and report.rrsets_checked == 5 < report.rrsets
        assert any("escapes with probability (1-p)^1" in line for line in report.lines())


def test_without_the_parents_ds_the_gate_says_so() -> None:
    report, _ = check_zone(signed_zone(), GateOptions(NOW))
    assert not report.stops
    assert [one.check for one in report.findings] == ["gate.no-parent-ds"]


def test_signatures_where_none_belongs_are_remarked() -> None:
    case = Case(NOW)
    glue = next(iter(case.zone.nodes[wire_name("ns.unsigned.example")].values()))
    case.renew(glue)
    report, _ = check_zone(case.zone, case.options())
    assert [(one.check, one.severity) for one in report.findings] == [("gate.stray-rrsig", "warning")]


VERIFIERS = ("ldns-verify-zone", "dnssec-verify", "kzonecheck")


def table_row(broken: Broken, folder: Path) -> str:
    case = broken.case(int(time.time()))
    said = refusals(case.zone, folder)
    cells = ["stops" if name in said else "passes" for name in VERIFIERS]
    return f"| {broken.text} | `{broken.check}` | {' | '.join(cells)} |"


def test_the_table_of_faults_in_the_documentation_is_right(tmp_path: Path) -> None:
    rows = [table_row(broken, tmp_path) for broken in BROKEN]
    documented = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.endswith(" |")]
    assert [row for row in rows if row not in documented] == []
