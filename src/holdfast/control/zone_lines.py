"""Resource records from text in the zone file format (RFC 1035 section 5.1), with the line of each for error messages.

Read here are hints and trust anchors: short files of A, AAAA, NS, DS and DNSKEY records. Directives other than
``$ORIGIN`` and ``$TTL`` are refused.
"""

from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from holdfast.control.problems import InputError
from holdfast.dns import iana
from holdfast.server.texts import parse_name


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """One record: its line, owner (wire format, lower-cased), type, and RDATA in wire format."""

    line: int
    name: bytes
    rtype: int
    rdata: bytes


def read_records(text: str, source: str, types: frozenset[int]) -> list[ZoneRecord]:
    """Return the records in ``text``, all of ``types``; `InputError` has one problem ``SOURCE:LINE: reason`` a line."""
    records: list[ZoneRecord] = []
    problems: list[str] = []
    origin = "."
    owner = ""
    for line, entry in _entries(text):
        fields = entry.split()
        if fields[0].startswith("$"):
            if fields[0].upper() == "$ORIGIN" and len(fields) == 2:
                origin = fields[1]
            elif fields[0].upper() != "$TTL":
                problems.append(f"{source}:{line}: {fields[0]} is not known here; only $ORIGIN and $TTL are")
            continue
        if not entry[0].isspace():
            owner = fields.pop(0)
        try:
            records.append(_record(line, _absolute(owner, origin), fields, origin, types))
        except ValueError as error:
            problems.append(f"{source}:{line}: {error}")
    if problems:
        raise InputError(problems)
    return records


def _entries(text: str) -> list[tuple[int, str]]:
    """Return entries without comments, with the line each starts on; parentheses join lines."""
    entries: list[tuple[int, str]] = []
    joined, start, depth = "", 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition(";")[0]
        if not joined:
            start = number
        depth += line.count("(") - line.count(")")
        joined += (" " if joined else "") + line.replace("(", " ").replace(")", " ")
        if depth <= 0:
            if joined.strip():
                entries.append((start, joined))
            joined, depth = "", 0
    if joined.strip():
        entries.append((start, joined))
    return entries


def _absolute(name: str, origin: str) -> str:
    if name == "@":
        return origin
    if not name:
        raise ValueError("the first record has no owner name")
    return name if name.endswith(".") else f"{name}.{origin.removesuffix('.')}"


def _record(line: int, owner: str, fields: list[str], origin: str, types: frozenset[int]) -> ZoneRecord:
    """Return the record of owner and ``[TTL] [class] type RDATA...``, TTL and class in either order."""
    name = parse_name(owner)
    while fields and (fields[0][0].isdigit() or fields[0].upper() in iana.CLASS_NAMES.values()):
        word = fields.pop(0)
        if word.upper() != "IN" and not word[0].isdigit():
            raise ValueError(f"class {word} is not IN")
    rtype = iana.type_number(fields[0]) if fields else -1
    expected = ", ".join(sorted(iana.type_name(wanted) for wanted in types))
    if rtype not in types:
        found = f"{fields[0]!r}" if fields else "nothing"
        raise ValueError(f"{found} where a record type ({expected}) should be")
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.RdataType.make(rtype),
            " ".join(fields[1:]),
            dns.name.from_text(origin),
            relativize=False,
        )
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"bad {fields[0].upper()} record: {error}") from None
    return ZoneRecord(line, name, rtype, rdata.to_wire() or b"")
