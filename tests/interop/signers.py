"""The programs that sign the laboratory's zones: BIND's dnssec-signzone, ldns-signzone, Knot DNS's kzonesign."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import require_program

NSEC, NSEC3, OPT_OUT = "nsec", "nsec3", "optout"
DENIALS = (NSEC, NSEC3, OPT_OUT)
ALGORITHM_NAMES = {8: "RSASHA256", 13: "ECDSAP256SHA256", 15: "ED25519"}
RSA_BITS = 1280  # as small as signing policies take: generating keys is what the set-up spends its time on

HOUR_S = 3600
VALID = (-24 * HOUR_S, 720 * HOUR_S)
EXPIRED = (-720 * HOUR_S, -24 * HOUR_S)
NOT_YET_VALID = (240 * HOUR_S, 720 * HOUR_S)  # Unbound forgives clocks that are up to a day slow


@dataclass(frozen=True)
class Signing:
    """Who signs, with which algorithm, denial and NSEC3 iterations; ``window`` is the validity in seconds from now."""

    signer: str
    algorithm: int = 13
    denial: str = NSEC
    iterations: int = 0
    window: tuple[int, int] = VALID


@dataclass(frozen=True)
class SignedZone:
    """The text of a signed zone, and the DS RDATA (presentation format) that the parent publishes."""

    text: str
    ds: list[str]


def run(program: str, *arguments: str, folder: Path) -> str:
    """Standard output of a program that must succeed."""
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program} {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def sign(folder: Path, zone: str, text: str, signing: Signing) -> SignedZone:
    """Sign the zone with this absolute name in the empty ``folder``."""
    (folder / "unsigned").write_text(text)
    return {"bind": _sign_bind, "ldns": _sign_ldns, "knot": sign_knot}[signing.signer](folder, zone, signing)


def _sign_bind(folder: Path, zone: str, signing: Signing) -> SignedZone:
    size = ["-b", str(RSA_BITS)] if signing.algorithm == 8 else []
    generate = require_program("dnssec-keygen", "bind9-utils")
    keys = [
        run(generate, "-q", "-a", str(signing.algorithm), *size, *flag, zone, folder=folder).strip()
        for flag in (["-f", "KSK"], [])
    ]
    denial = [] if signing.denial == NSEC else ["-3", "-", "-H", str(signing.iterations)]
    if signing.denial == OPT_OUT:
        denial.append("-A")
    times = [time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + offset)) for offset in signing.window]
    run(
        require_program("dnssec-signzone", "bind9-utils"), "-q", "-S", "-P", "-x", *denial,
        "-s", times[0], "-e", times[1], "-O", "full", "-o", zone, "-f", "signed", "unsigned", folder=folder,
    )  # fmt: skip
    ds = run(require_program("dnssec-dsfromkey", "bind9-utils"), "-2", keys[0], folder=folder)
    return SignedZone((folder / "signed").read_text(), _ds_of(ds))


def _sign_ldns(folder: Path, zone: str, signing: Signing) -> SignedZone:
    size = ["-b", str(RSA_BITS)] if signing.algorithm == 8 else []
    name = ALGORITHM_NAMES[signing.algorithm]
    generate = require_program("ldns-keygen", "ldnsutils")
    keys = [
        run(generate, "-r", "/dev/urandom", "-a", name, *size, *flag, zone, folder=folder).strip()
        for flag in (["-k"], [])
    ]
    denial = [] if signing.denial == NSEC else ["-n", "-t", str(signing.iterations)]
    if signing.denial == OPT_OUT:
        denial.append("-p")
    times = [time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + offset)) for offset in signing.window]
    run(
        require_program("ldns-signzone", "ldnsutils"), *denial, "-i", times[0], "-e", times[1],
        "-o", zone, "-f", "signed", "unsigned", *keys, folder=folder,
    )  # fmt: skip
    ds = run(require_program("ldns-key2ds", "ldnsutils"), "-n", "-2", f"{keys[0]}.key", folder=folder)
    return SignedZone((folder / "signed").read_text(), _ds_of(ds))


def sign_knot(folder: Path, zone: str, signing: Signing, database: Path | None = None) -> SignedZone:
    """Sign ``folder/unsigned`` with Knot DNS's kzonesign; the keys are made in the key ``database`` (default: here)."""
    assert signing.window == VALID, "kzonesign signs for now"
    (folder / "knot.conf").write_text(
        f"""
database:
    storage: "{database or folder}"
policy:
{knot_policy("policy", signing)}
zone:
  - domain: "{zone}"
    storage: "{folder}"
    file: unsigned
    dnssec-signing: on
    dnssec-policy: policy
"""
    )
    (folder / "out").mkdir()
    run(require_program("kzonesign", "knot-dnssecutils"), "-c", "knot.conf", "-o", "out", zone, folder=folder)
    (written,) = (folder / "out").iterdir()
    ds = _ds_of(run(require_program("keymgr", "knot"), "-c", "knot.conf", zone, "ds", folder=folder))
    return SignedZone(written.read_text(), [line for line in ds if line.split()[2] == "2"])


def knot_policy(name: str, signing: Signing) -> str:
    """An entry of the section `policy` of a configuration of Knot DNS."""
    bits = RSA_BITS if signing.algorithm == 8 else 256
    return f"""\
  - id: "{name}"
    algorithm: {ALGORITHM_NAMES[signing.algorithm].lower()}
    ksk-size: {bits}
    zsk-size: {bits}
    nsec3: {"off" if signing.denial == NSEC else "on"}
    nsec3-opt-out: {"on" if signing.denial == OPT_OUT else "off"}
    nsec3-iterations: {signing.iterations}
    nsec3-salt-length: 0
"""


def _ds_of(lines: str) -> list[str]:
    """The RDATA of DS lines in zone file format."""
    return re.findall(r"\sDS\s+(.*\S)", lines.upper())
