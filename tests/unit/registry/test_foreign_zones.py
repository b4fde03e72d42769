"""Zones signed by ldns, BIND and Knot DNS pass the gate, as they are written by those tools."""

import subprocess
import time
from pathlib import Path

import pytest

from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.parent_ds import read_parent_ds
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import read_zone, zone_text
from tests.support.programs import require_program
from tests.support.zones import EVERYTHING, signed_zone

APEX = wire_name("example")


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def accept(zone: Zone, ds: list[bytes] | None) -> None:
    report, _ = check_zone(zone, GateOptions(int(time.time()), ds=ds))
    assert [finding for finding in report.findings if finding.check != "gate.no-parent-ds"] == []
    assert report.signatures_checked > 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "example.zone").write_text(EVERYTHING)
    return tmp_path


@pytest.mark.parametrize("denial", [[], ["-n"], ["-n", "-p"]], ids=["NSEC", "NSEC3", "opt-out"])
@pytest.mark.parametrize("algorithm", ["RSASHA256", "ECDSAP256SHA256", "ED25519"])
def test_ldns(folder: Path, algorithm: str, denial: list[str]) -> None:
    keygen = require_program("ldns-keygen", "ldnsutils")
    signzone = require_program("ldns-signzone", "ldnsutils")
    size = ["-b", "2048"] if algorithm.startswith("RSA") else []
    entry = run(folder, keygen, "-k", "-a", algorithm, *size, "example").strip()
    zone_key = run(folder, keygen, "-a", algorithm, *size, "example").strip()
    options = [*denial, "-t", "0"] if denial else []  # RFC 9276: no iterations
    run(folder, signzone, *options, "-o", "example.", "-f", "signed.zone", "example.zone", entry, zone_key)
    accept(read_zone(str(folder / "signed.zone")), read_parent_ds(str(folder / f"{entry}.ds"), APEX).rdatas)


@pytest.mark.parametrize("denial", [[], ["-3", "-"], ["-3", "-", "-A"]], ids=["NSEC", "NSEC3", "opt-out"])
@pytest.mark.parametrize("algorithm", ["RSASHA256", "ECDSAP256SHA256", "ED25519"])
def test_bind(folder: Path, algorithm: str, denial: list[str]) -> None:
    keygen = require_program("dnssec-keygen", "bind9-utils")
    signzone = require_program("dnssec-signzone", "bind9-utils")
    for flags in (["-f", "KSK"], []):
        run(folder, keygen, "-q", "-a", algorithm, *flags, "example")
    # The default output: relative names, records over several lines, comments.
    run(folder, signzone, "-S", "-g", *denial, "-o", "example", "-f", "signed.zone", "example.zone")
    accept(read_zone(str(folder / "signed.zone")), read_parent_ds(str(folder / "dsset-example."), APEX).rdatas)


KNOT = """
database:
    storage: "{folder}/db"
policy:
  - id: "test"
    algorithm: {algorithm}
    nsec3: {nsec3}
    nsec3-iterations: 0
    nsec3-salt-length: 0
    nsec3-opt-out: {opt_out}
    single-type-signing: {csk}
zone:
  - domain: "example"
    storage: "{folder}"
    file: "example.zone"
    dnssec-signing: on
    dnssec-policy: "test"
"""


@pytest.mark.parametrize("csk", ["on", "off"], ids=["CSK", "KSK and ZSK"])
@pytest.mark.parametrize(("nsec3", "opt_out"), [("off", "off"), ("on", "off"), ("on", "on")])
def test_knot(folder: Path, nsec3: str, opt_out: str, csk: str) -> None:
    kzonesign = require_program("kzonesign", "knot-dnssecutils")
    settings = KNOT.format(folder=folder, algorithm="ecdsap256sha256", nsec3=nsec3, opt_out=opt_out, csk=csk)
    (folder / "knot.conf").write_text(settings)
    (folder / "signed").mkdir()
    (folder / "db").mkdir()
    run(folder, kzonesign, "-c", "knot.conf", "-o", str(folder / "signed"), "example")
    accept(read_zone(str(folder / "signed" / "example.zone")), None)


def test_knot_accepts_ours(folder: Path) -> None:
    kzonesign = require_program("kzonesign", "knot-dnssecutils")
    settings = KNOT.format(folder=folder, algorithm="ecdsap256sha256", nsec3="on", opt_out="off", csk="off")
    (folder / "knot.conf").write_text(settings)
    zone = signed_zone(nsec3=Nsec3Parameters(), now_s=int(time.time()))
    (folder / "example.zone").write_text(zone_text(zone))
    run(folder, kzonesign, "-c", "knot.conf", "-v", "example")
    del zone.chain[3]
    (folder / "example.zone").write_text(zone_text(zone))
    with pytest.raises(AssertionError, match=r"invalid|missing|failed"):
        run(folder, kzonesign, "-c", "knot.conf", "-v", "example")
