"""Faults: changes to the text of a signed zone, one record a line, or to the DS records of its parent.

Signers write one record a line in canonical presentation after `plain`, so a fault is a filter over lines.
"""

import base64
import re
from collections.abc import Callable, Iterator

import dns.name
import dns.rdatatype
import dns.zone

DENIAL_TYPES = ("NSEC", "NSEC3", "NSEC3PARAM")
ZONE_KEY_FLAGS = "256"  # DNSKEY flags of a zone signing key

Change = Callable[[str], str]


def plain(text: str, zone: str) -> str:
    """The zone with one record a line, absolute lower-case names: `owner TTL IN TYPE RDATA`."""
    parsed = dns.zone.from_text(text, origin=zone, relativize=False, check_origin=False)
    return "".join(
        f"{str(name).lower()} {ttl} IN {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}\n"
        for name, ttl, rdata in parsed.iterate_rdatas()
    )


def _records(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Line, owner, and type with RDATA; the first owner is the apex, because the first record is the SOA."""
    for line in text.splitlines():
        fields = line.split()
        yield line, fields[0], fields[3:]


def _apex(text: str) -> str:
    return next(owner for _, owner, fields in _records(text) if fields[0] == "SOA")


def _change(text: str, wanted: Callable[[str, list[str]], bool], replace: Callable[[str], str]) -> str:
    """Replace the wanted lines ("" removes); a fault that changes nothing is a mistake in the test."""
    lines = [replace(line) if wanted(owner, fields) else line for line, owner, fields in _records(text)]
    changed = "".join(f"{line}\n" for line in lines if line)
    assert changed != text
    return changed


def _flip(line: str) -> str:
    """Change one bit in the middle of the RRSIG's signature."""
    head, signer, signature = line.rpartition(line.split()[11])
    octets = bytearray(base64.b64decode(signature.replace(" ", "")))
    octets[len(octets) // 2] ^= 0x10
    return f"{head}{signer} {base64.b64encode(octets).decode()}"


def _is_signature(label: str, rtype: str, apex: str) -> Callable[[str, list[str]], bool]:
    wanted = apex if label == "@" else f"{label}.{apex}"
    return lambda owner, fields: owner == wanted and fields[0] == "RRSIG" and fields[1] == rtype


def signature(label: str, rtype: str) -> Change:
    """One bit of the signatures of an RRset is wrong."""
    return lambda text: _change(text, _is_signature(label, rtype, _apex(text)), _flip)


def second_signature(label: str, rtype: str) -> Change:
    """Beside each good signature of an RRset there is one with a wrong bit; one that verifies is enough."""
    return lambda text: _change(text, _is_signature(label, rtype, _apex(text)), lambda line: f"{_flip(line)}\n{line}")


def field(label: str, rtype: str, number: int, value: str) -> Change:
    """A field of an RRset's signatures says something else, counted in the line from 0 (6 labels, 7 TTL, 11 signer)."""

    def replace(line: str) -> str:
        fields = line.split()
        return " ".join([*fields[:number], value, *fields[number + 1 :]])

    return lambda text: _change(text, _is_signature(label, rtype, _apex(text)), replace)


def revoked(text: str) -> str:
    """The key signing key has the flag REVOKE (RFC 5011), and nobody signed the keys again."""
    return _change(
        text, lambda owner, fields: fields[:2] == ["DNSKEY", "257"], lambda line: line.replace(" 257 ", " 385 ")
    )


def wrong_bitmaps(text: str) -> str:
    """NSEC or NSEC3 records do not mention addresses; their signatures no longer fit."""
    return _change(
        text,
        lambda owner, fields: fields[0] in DENIAL_TYPES[:2] and "A" in fields[2:],
        lambda line: re.sub(r" A\b", "", line),
    )


def without_signature(label: str, rtype: str) -> Change:
    """The signatures of an RRset are missing."""
    return lambda text: _change(text, _is_signature(label, rtype, _apex(text)), lambda line: "")


def without(label: str, rtype: str) -> Change:
    """An RRset is missing with its signatures."""

    def change(text: str) -> str:
        wanted = _apex(text) if label == "@" else f"{label}.{_apex(text)}"
        return _change(text, lambda owner, fields: owner == wanted and rtype in fields[:2], lambda line: "")

    return change


def without_zone_signing_key(text: str) -> str:
    """The key that signed the zone's data is not published; the signature over the keys is then wrong too."""
    return _change(text, lambda owner, fields: fields[:2] == ["DNSKEY", ZONE_KEY_FLAGS], lambda line: "")


def without_denial(text: str) -> str:
    """The zone has no NSEC or NSEC3 records."""
    return _change(text, lambda owner, fields: fields[0] in DENIAL_TYPES or fields[1] in DENIAL_TYPES, lambda line: "")


def denial_signatures(text: str) -> str:
    """One bit is wrong in every signature over an NSEC or NSEC3 record."""
    return _change(text, lambda owner, fields: fields[0] == "RRSIG" and fields[1] in DENIAL_TYPES[:2], _flip)


def without_denial_signatures(text: str) -> str:
    """No NSEC or NSEC3 record is signed."""
    return _change(text, lambda owner, fields: fields[0] == "RRSIG" and fields[1] in DENIAL_TYPES[:2], lambda line: "")


def other_digest(ds: list[str]) -> list[str]:
    """The DS has the right key tag, but another digest."""
    return [f"{line[:-2]}{int(line[-2:], 16) ^ 0xFF:02X}" for line in ds]


def other_key_tag(ds: list[str]) -> list[str]:
    """The DS has the digest of the key under another tag."""
    return [" ".join([str(int(line.split()[0]) ^ 1), *line.split()[1:]]) for line in ds]


def unknown_digest(ds: list[str]) -> list[str]:
    """The DS has a digest type that nobody knows: the zone counts as unsigned (RFC 4035 section 5.2)."""
    return [" ".join([*line.split()[:2], "200", line.split()[3]]) for line in ds]


def unknown_algorithm(ds: list[str]) -> list[str]:
    """The DS is for an algorithm that nobody knows: the zone counts as unsigned (RFC 4035 section 5.2)."""
    return [" ".join([line.split()[0], "200", *line.split()[2:]]) for line in ds]


def with_stray_ds(ds: list[str]) -> list[str]:
    """Beside the good DS there is one for a key that is not published, as before a rollover."""
    return [*other_key_tag(ds), *ds]


def promised(ds: list[str]) -> list[str]:
    """A DS for a zone that is not signed."""
    return [f"12345 13 2 {'AB' * 32}"]
