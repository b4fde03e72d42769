"""Deltas: a version from the one before, checked as far as it has changed."""

from pathlib import Path

import pytest

from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns import iana
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.problems import RegistryError
from holdfast.registry.signer import KeySet, SignatureStore, Validity, sign_with
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_changes import read_changed_zone
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.zones import EVERYTHING, NOW, key_pair, signed_zone

DENIALS = [None, Nsec3Parameters(), Nsec3Parameters(opt_out=True)]


def next_version(first: Zone) -> Zone:
    """The same zone a minute later, with a name more and one less, re-signed."""
    text = EVERYTHING.replace("2026050500", "2026050501").replace("*.wild", "added") + "gone2 300 NS ns1\n"
    zone = load_zone("example", text)
    store = SignatureStore.of_zone(first, CryptographyVerifier(), NOW, NOW + 86400)
    window = Validity(NOW - 5400, NOW + 14 * 86400)
    sign_with(zone, KeySet.by_flags(key_pair(13)), window, first.nsec3, store)
    return zone


def write_delta(first: Zone, second: Zone, folder: Path) -> tuple[str, str]:
    old, new = zone_text(first).splitlines(), zone_text(second).splitlines()
    removals, additions = folder / "removals", folder / "additions"
    removals.write_text("\n".join(line for line in old if line not in new) + "\n")
    additions.write_text("\n".join(line for line in new if line not in old) + "\n")
    return str(removals), str(additions)


@pytest.mark.parametrize("nsec3", DENIALS, ids=["NSEC", "NSEC3", "opt-out"])
def test_a_delta_leads_to_the_next_version(nsec3: Nsec3Parameters | None, tmp_path: Path) -> None:
    first = signed_zone(nsec3=nsec3)
    before = zone_text(first)
    second = next_version(first)
    changed = read_changed_zone(first, *write_delta(first, second, tmp_path))
    assert sorted(zone_text(changed).splitlines()) == sorted(zone_text(second).splitlines())
    assert zone_text(first) == before
    ds = [key_pair(13)[0].ds(first.name)]
    report, _ = check_zone(changed, GateOptions(NOW, ds=ds, current=first, changed_only=True))
    assert report.findings == []
    assert 5 <= report.rrsets_checked < report.rrsets
    assert all(state.good for state in report.cache_states)


def test_a_fault_in_a_delta_is_found(tmp_path: Path) -> None:
    first = signed_zone(nsec3=Nsec3Parameters())
    removals, additions = write_delta(first, next_version(first), tmp_path)
    lines = Path(additions).read_text().splitlines()
    Path(additions).write_text("\n".join(line for line in lines if "added.example.\t3600\tIN\tRRSIG" not in line))
    changed = read_changed_zone(first, removals, additions)
    report, _ = check_zone(changed, GateOptions(NOW, current=first, changed_only=True))
    assert [(one.check, one.owner) for one in report.findings if one.severity == "error"] == [
        ("rrsig.missing", wire_name("added.example"))
    ]


@pytest.mark.parametrize(
    ("removals", "additions", "said"),
    [
        ("www 300 A 192.0.2.77\n", "", "removals:1: www.example has no such A record to remove"),
        ("", "www 300 A 192.0.2.2\n", "additions:1: www.example has this A record already"),
        ("", "other.test. 300 A 192.0.2.2\n", "additions:1: other.test is not in the zone"),
        ("@ 3600 SOA ns1 hostmaster 2026050500 7200 3600 1209600 900\n", "", "without exactly one SOA"),
    ],
)
def test_a_delta_that_does_not_fit_is_refused(removals: str, additions: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "removals").write_text(removals)
    (tmp_path / "additions").write_text(additions)
    with pytest.raises(RegistryError, match=said):
        read_changed_zone(signed_zone(), str(tmp_path / "removals"), str(tmp_path / "additions"))


def test_unchanged_rrsets_are_shared() -> None:
    first = signed_zone()
    assert first.apex[iana.TYPE_NS] is first.nodes[wire_name("example")][iana.TYPE_NS]
