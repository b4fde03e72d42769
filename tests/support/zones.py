"""Zones for tests of the registry: one with every kind of name, and the verifiers of other projects."""

import subprocess
from pathlib import Path

from holdfast.crypto.signing import SigningKey, ZoneKey
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Nsec3Parameters, Zone
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.programs import require_program

NOW = 1_778_000_000  # 2026-05-05T16:53:20Z

# Apex, host, wildcard, empty non-terminals, signed and unsigned delegations with glue, alias, DNAME, odd characters.
EVERYTHING = """$TTL 3600
@ SOA ns1 hostmaster 2026050500 7200 3600 1209600 900
  NS ns1
ns1 A 192.0.2.1
    AAAA 2001:db8::1
www 300 A 192.0.2.2
    TXT "a; (b" "c"
*.wild A 192.0.2.3
a.b.c.d A 192.0.2.4
unsigned 86400 NS ns.unsigned
ns.unsigned A 192.0.2.9
signed 86400 NS ns.unsigned
       86400 DS 1 13 2 ( AABBCCDDEEFF00112233445566778899AABBCCDDEEFF001122334455
                   66778899 ) ; over two lines
alias CNAME www
Upper MX 10 Mail.Example.ORG.
elsewhere DNAME example.org.
strange\\046name A 192.0.2.5
"""


def key_pair(algorithm: int, csk: bool = False) -> list[ZoneKey]:
    """KSK and ZSK, or a CSK, the same in each run (within a process for RSA)."""
    entry = SigningKey.derive(algorithm, b"test/entry", 257)
    return [entry] if csk else [entry, SigningKey.derive(algorithm, b"test/zone", 256)]


def signed_zone(
    algorithm: int = 13,
    nsec3: Nsec3Parameters | None = None,
    csk: bool = False,
    text: str = EVERYTHING,
    now_s: int = NOW,
) -> Zone:
    """The zone "example", signed an hour and a half ago for two weeks."""
    zone = load_zone("example", text)
    sign_zone(zone, key_pair(algorithm, csk), now_s - 5400, now_s + 14 * 86400, nsec3)
    return zone


def refusals(zone: Zone, folder: Path, csk: bool = False) -> dict[str, str]:
    """What the verifiers of ldns, BIND and Knot DNS say against "example", now; those that accept it are left out."""
    path = folder / "checked.zone"
    path.write_text(zone_text(zone), encoding="utf-8")
    ldns = require_program("ldns-verify-zone", "ldnsutils")
    bind = require_program("dnssec-verify", "bind9-utils")
    knot = require_program("kzonecheck", "knot-dnssecutils")
    said = {}
    for name, command in (
        ("ldns-verify-zone", [ldns, "-V1", str(path)]),
        ("dnssec-verify", [bind, "-q", *(["-z"] if csk else []), "-o", "example", str(path)]),
        ("kzonecheck", [knot, "-o", "example", "-d", "on", str(path)]),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            said[name] = done.stdout + done.stderr
    return said
