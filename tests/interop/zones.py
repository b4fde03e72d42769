"""The laboratory's name space: a root, zones by every signer, denial and algorithm, and zones with one fault each.

A signed zone has a signed child, an unsigned one, and another unsigned one below an empty non-terminal. Children are
served by another program than their parent: a program that has both would never send a referral.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.interop import faults
from tests.interop.signers import DENIALS, EXPIRED, NOT_YET_VALID, NSEC, NSEC3, OPT_OUT, Signing

SERVERS = {"root": "192.0.2.1", "nsd": "192.0.2.2", "knot": "192.0.2.3", "bind": "192.0.2.4"}
SIGNERS = ("bind", "ldns", "knot")
ALGORITHMS = (8, 13, 15)
CHILD_SERVER = {"nsd": "knot", "knot": "bind", "bind": "nsd"}

# Where the records that point out of a zone lead to. The zone itself is one of those below.
NEIGHBOUR = "bind-nsec-13."
BROKEN_NEIGHBOUR = "spoiled-address."


@dataclass(frozen=True)
class Zone:
    """One zone: absolute name, the program that serves it, how it is signed (None: not), and what is broken in it.

    ``spoil`` changes the signed text, ``spoil_ds`` the DS RDATA before the parent publishes them. ``online`` zones are
    signed by Knot DNS while it serves them.
    """

    name: str
    server: str
    signing: Signing | None
    text: str = field(repr=False)
    spoil: Callable[[str], str] | None = None
    spoil_ds: Callable[[list[str]], list[str]] | None = None
    online: str = ""


APEX = """\
$TTL 3600
@ SOA ns hostmaster 1 3600 900 1209600 300
@ NS ns
ns A {address}
"""
LEAF = (
    APEX
    + """\
www A 192.0.2.81
alias CNAME www
up CNAME www.{parent}
*.wild TXT "a wildcard of {zone}"
"""
)
RICH = (
    APEX
    + """\
@ MX 10 www
@ TXT "apex of {zone}"
www A 192.0.2.80
www AAAA 2001:db8::80
alias CNAME www
twice CNAME alias
gone CNAME missing
out CNAME www.{neighbour}
out-broken CNAME www.{broken_neighbour}
out-insecure CNAME www.insecure.{neighbour}
to-child CNAME www.signed
deep.a.ent TXT "below empty non-terminals"
*.wild A 192.0.2.82
*.wild TXT "a wildcard"
exact.wild A 192.0.2.83
*.wild-alias CNAME www
host.target A 192.0.2.84
moved DNAME target
away DNAME {neighbour}
signed NS ns.signed
ns.signed A {child_address}
insecure NS ns.insecure
ns.insecure A {child_address}
below.optional NS ns.below.optional
ns.below.optional A {child_address}
mixed A 192.0.2.91
mixed A 192.0.2.9
mixed A 192.0.2.110
mixed MX 20 MaIl.{zone}
mixed MX 5 Mail.Elsewhere.Example.
mixed SRV 0 5 443 TaRgEt
mixed NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" RePlAcE
mixed RP AdMin TeXt
mixed AFSDB 1 HoSt
mixed KX 10 HoSt
mixed PTR PoInTeR
mixed HTTPS 1 SvC.Elsewhere.Example. alpn=h2,h3
mixed CAA 0 issue "CA.Example"
mixed TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
mixed TXT "ab"
mixed TXT "a" "b"
mixed TXT "a"
mixed TYPE65280 \\# 4 0A000001
UpPeR.Case TXT "letters"
esc\\.aped A 192.0.2.85
\\000\\255 A 192.0.2.86
many TXT {many}
"""
)
MANY = "\nmany TXT ".join(f'"{number:03}{"x" * 240}"' for number in range(12))  # too much for a datagram


def _rich(name: str, server: str) -> str:
    return RICH.format(
        zone=name,
        address=SERVERS[server],
        child_address=SERVERS[CHILD_SERVER[server]],
        neighbour=NEIGHBOUR,
        broken_neighbour=BROKEN_NEIGHBOUR,
        many=MANY,
    )


def _leaf(label: str, parent: str, server: str, signing: Signing | None) -> Zone:
    name = f"{label}.{parent}"
    return Zone(name, server, signing, LEAF.format(zone=name, parent=parent, address=SERVERS[server]))


def _family(name: str, server: str, signing: Signing, online: str = "") -> list[Zone]:
    """A rich zone and its children."""
    child_server = CHILD_SERVER[server]
    return [
        Zone(name, server, signing, _rich(name, server), online=online),
        _leaf("signed", name, child_server, signing),
        _leaf("insecure", name, child_server, None),
        _leaf("below.optional", name, child_server, None),
    ]


def good_zones() -> list[Zone]:
    """Every signer with every denial and algorithm; every program serves every denial of every signer once."""
    zones: list[Zone] = []
    programs = tuple(CHILD_SERVER)
    for s, signer in enumerate(SIGNERS):
        for d, denial in enumerate(DENIALS):
            for a, algorithm in enumerate(ALGORITHMS):
                server = programs[(s + d + a) % 3]
                zones += _family(f"{signer}-{denial}-{algorithm}.", server, Signing(signer, algorithm, denial))
    zones += _family("iterated.", "knot", Signing("ldns", 13, NSEC3, iterations=20))
    zones += _family("too-iterated.", "nsd", Signing("ldns", 13, NSEC3, iterations=500))
    zones += _family("online-nsec.", "knot", Signing("knot", 13, NSEC), online="automatic")
    zones += _family("online-optout.", "knot", Signing("knot", 15, OPT_OUT), online="automatic")
    zones += _family("online-minimal.", "knot", Signing("knot", 13, NSEC), online="synthesised")
    return zones


def _broken(name: str, server: str, signing: Signing | None = None, **changes: Callable[..., object]) -> Zone:
    return Zone(name, server, signing or Signing("ldns"), _rich(name, server), **changes)  # type: ignore[arg-type]


def broken_zones() -> list[Zone]:
    """One fault each, in turn on every program."""
    zones = [
        _broken("expired.", "nsd", Signing("bind", 13, NSEC, window=EXPIRED)),
        _broken("not-yet-valid.", "knot", Signing("bind", 8, NSEC3, window=NOT_YET_VALID)),
        _broken(BROKEN_NEIGHBOUR, "bind", spoil=faults.signature("www", "A")),
        _broken("spoiled-keys.", "nsd", spoil=faults.signature("@", "DNSKEY")),
        _broken("spoiled-soa.", "knot", spoil=faults.signature("@", "SOA")),
        _broken("spoiled-wildcard.", "bind", spoil=faults.signature("*.wild", "A")),
        _broken("spoiled-dname.", "nsd", spoil=faults.signature("moved", "DNAME")),
        _broken("spoiled-rsa.", "knot", Signing("knot", 8), spoil=faults.signature("www", "A")),
        _broken("spoiled-ed25519.", "bind", Signing("bind", 15), spoil=faults.signature("www", "A")),
        _broken("one-of-two-spoiled.", "nsd", spoil=faults.second_signature("www", "A")),
        _broken("other-signer.", "knot", spoil=faults.field("www", "A", 11, ".")),
        _broken("fewer-labels.", "bind", spoil=faults.field("www", "A", 6, "1")),
        _broken("other-original-ttl.", "nsd", spoil=faults.field("www", "A", 7, "60")),
        _broken("other-key-tag.", "knot", spoil=faults.field("www", "A", 10, "1")),
        _broken("other-ds.", "nsd", spoil_ds=faults.other_digest),
        _broken("other-ds-tag.", "knot", spoil_ds=faults.other_key_tag),
        _broken("unknown-digest.", "bind", spoil_ds=faults.unknown_digest),
        _broken("unknown-algorithm.", "nsd", spoil_ds=faults.unknown_algorithm),
        _broken("one-good-ds.", "knot", spoil_ds=faults.with_stray_ds),
        _broken("no-keys.", "nsd", spoil=faults.without("@", "DNSKEY")),
        _broken("revoked-key.", "bind", spoil=faults.revoked),
        _broken("no-zone-key.", "knot", spoil=faults.without_zone_signing_key),
        _broken("stripped-address.", "bind", spoil=faults.without_signature("www", "A")),
        _broken("stripped-keys.", "nsd", spoil=faults.without_signature("@", "DNSKEY")),
        _broken("stripped-soa.", "knot", spoil=faults.without_signature("@", "SOA")),
    ]
    for denial, server in ((NSEC, "nsd"), (NSEC3, "knot"), (OPT_OUT, "nsd")):
        signing = Signing("ldns", 13, denial)
        zones += [
            _broken(f"no-proofs-{denial}.", server, signing, spoil=faults.without_denial),
            _broken(f"spoiled-proofs-{denial}.", CHILD_SERVER[server], signing, spoil=faults.denial_signatures),
            _broken(f"stripped-proofs-{denial}.", server, signing, spoil=faults.without_denial_signatures),
            _broken(f"wrong-bitmap-{denial}.", CHILD_SERVER[server], signing, spoil=faults.wrong_bitmaps),
        ]
    # The parent promises a signed zone, and the child is not.
    unsigned = Zone("never-signed.", "knot", None, _rich("never-signed.", "knot"), spoil_ds=faults.promised)
    return [*zones, unsigned]


def root_text(zones: list[Zone], ds: dict[str, list[str]]) -> str:
    """The root zone: a delegation of every top-level zone."""
    lines = [
        "$TTL 86400",
        ". SOA ns.root-server. hostmaster.root-server. 1 3600 900 1209600 300",
        ". NS ns.root-server.",
        f"ns.root-server. A {SERVERS['root']}",
    ]
    for zone in zones:
        if zone.name.count(".") == 1:
            lines += [f"{zone.name} NS ns.{zone.name}", f"ns.{zone.name} A {SERVERS[zone.server]}"]
            lines += [f"{zone.name} DS {rdata}" for rdata in ds.get(zone.name, [])]
    return "\n".join(lines) + "\n"
