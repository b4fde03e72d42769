"""Zone files (RFC 1035 section 5.1): reading with the place of every mistake, and writing in canonical order.

Reads what the signers in use write: names relative or absolute, records over several lines, TTL and class in either
order or left out, ``$ORIGIN``, ``$TTL`` and ``$INCLUDE``; also the output of ``dig AXFR``.
"""

import gc
import io
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.dns import iana
from holdfast.dns.name import canonical_key, is_subdomain, to_text
from holdfast.dns.rdata import parse_nsec3
from holdfast.dns.rrset import RRset
from holdfast.registry.problems import RegistryError
from holdfast.registry.rdata_text import absolute_name, name_text, rdata_from_fields, rdata_text
from holdfast.registry.zone import Node, Nsec3Parameters, Zone

PROBLEMS_REPORTED = 20  # of one file; more only scroll away what went wrong first
INCLUDE_DEPTH = 8  # files that include files; deeper nesting is a circle
TTL_MAXIMUM = 0x7FFFFFFF  # RFC 2181 section 8
RECORD_LINES = 10_000  # of one record in parentheses; more means that the closing one is missing
STANDARD_INPUT = "-"

_TTL_WITH_UNITS = re.compile(r"(?i)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNIT_S = (604800, 86400, 3600, 60, 1)
_SPECIAL = re.compile(r'[("\\;)]')
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(  # key="value" is one field (RFC 9460 section 2.1)
    rf'(?:[^\s"();\\=]|\\.)+={_QUOTED}|{_QUOTED}|;.*|[()]|(?:[^\s"();\\]|\\.)+'
)

Record = tuple[int, bytes, int, int, bytes]  # line, owner (lower-cased), TTL, type, RDATA


class RecordReader:
    """The records of one zone file, one after the other; mistakes gather in ``problems``.

    ``origin`` is the zone's name as text with final dot, empty if not known.
    """

    def __init__(self, source: str, origin: str = "", default_ttl_s: int = -1) -> None:
        self.source = source
        self.origin = origin
        self.problems: list[str] = []
        self._default_ttl_s = default_ttl_s
        self._last_ttl_s = -1
        self._owner = b""
        self._depth = 0

    def read(self, lines: Iterable[str]) -> Iterator[Record]:
        """Yield the records; stops early when too much is wrong."""
        number = 0
        owner_text = ""
        entries = iter(lines)
        for line in entries:
            number += 1
            start = number
            try:
                if _SPECIAL.search(line) is None:
                    fields = line.split()
                else:
                    fields, used = _tokens(line, entries)
                    number += used
                if not fields:
                    continue
                if line[0] > " ":
                    first = fields[0]
                    if first != owner_text:
                        if first[0] == "$":
                            owner_text = ""  # relative names may mean others now
                            yield from self._directive(fields)
                            continue
                        self._owner = absolute_name(first, self.origin).lower()
                        owner_text = first
                    at = 1
                else:
                    at = 0
                yield self._record(start, fields, at)
            except ValueError as error:
                if isinstance(error, RegistryError):
                    raise
                self.blame(start, str(error))
                if len(self.problems) >= PROBLEMS_REPORTED:
                    return

    def blame(self, line: int, reason: str) -> None:
        """Note a mistake."""
        self.problems.append(f"{self.source}:{line}: {reason}")

    def _record(self, line: int, fields: list[str], at: int) -> Record:
        if not self._owner:
            raise ValueError("the first record has no owner name")
        ttl_s = -1
        while True:
            if at >= len(fields):
                raise ValueError("the record has no type")
            word = fields[at]
            at += 1
            rtype = iana.TYPE_NUMBERS.get(word, 0)
            if rtype:
                break
            if word[0].isdigit() and ttl_s < 0:
                ttl_s = parse_ttl(word)
            elif word.upper() not in ("IN", "CLASS1"):
                rtype = iana.type_number(word)
                if rtype > 0:
                    break
                kind = "class" if word.upper() in ("CH", "HS", "CS") else "record type"
                raise ValueError(f"{word!r} is not a {kind} that can be used here")
        rdata = rdata_from_fields(rtype, fields[at:], self.origin)
        if ttl_s < 0:
            ttl_s = self._missing_ttl(rtype, rdata)
        self._last_ttl_s = ttl_s
        return line, self._owner, ttl_s, rtype, rdata

    def _missing_ttl(self, rtype: int, rdata: bytes) -> int:
        """Return the TTL of a record that states none (RFC 2308 section 4)."""
        if self._default_ttl_s >= 0:
            return self._default_ttl_s
        if self._last_ttl_s >= 0:
            return self._last_ttl_s
        if rtype == iana.TYPE_SOA:
            return int.from_bytes(rdata[-4:], "big")
        raise ValueError("the record has no TTL, and there is no $TTL")

    def _directive(self, fields: list[str]) -> Iterator[Record]:
        name = fields[0].upper()
        if name == "$TTL" and len(fields) == 2:
            self._default_ttl_s = parse_ttl(fields[1])
        elif name == "$ORIGIN" and len(fields) == 2:
            self.origin = name_text(absolute_name(fields[1], self.origin))
        elif name == "$INCLUDE" and len(fields) in (2, 3):
            yield from self._include(fields[1], fields[2] if len(fields) == 3 else "")
        else:
            raise ValueError(f"{fields[0]} cannot be used here; $TTL, $ORIGIN and $INCLUDE can")

    def _include(self, path: str, origin: str) -> Iterator[Record]:
        if self._depth >= INCLUDE_DEPTH:
            raise ValueError(f"files include each other more than {INCLUDE_DEPTH} deep")
        file = Path(self.source).parent / path.strip('"')
        new_origin = name_text(absolute_name(origin, self.origin)) if origin else self.origin
        inner = RecordReader(str(file), new_origin, self._default_ttl_s)
        inner._depth = self._depth + 1
        with open_lines(str(file)) as lines:
            yield from inner.read(lines)
        self.problems += inner.problems


def _tokens(line: str, entries: Iterator[str]) -> tuple[list[str], int]:
    """Return the fields of an entry that needs a closer look, and how many more lines it took."""
    fields: list[str] = []
    depth = used = 0
    while True:
        covered = 0
        for match in _TOKEN.finditer(line):
            if line[covered : match.start()].strip():
                break
            covered = match.end()
            token = match.group()
            if token == "(":
                depth += 1
            elif token == ")":
                depth -= 1
            elif token[0] != ";":
                fields.append(token)
        if line[covered:].strip() or depth < 0:
            raise ValueError("quotes or parentheses do not match")
        if depth == 0:
            return fields, used
        following = next(entries, None)
        used += 1
        if following is None or used > RECORD_LINES:
            raise ValueError("the parenthesis is never closed")
        line = following


def parse_ttl(text: str) -> int:
    """Return a TTL in seconds: ``3600`` or ``1h30m``. Raises ValueError."""
    if text.isdigit():
        value = int(text)
    else:
        match = _TTL_WITH_UNITS.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a TTL")
        value = sum(int(count) * unit for count, unit in zip(match.groups(), _UNIT_S, strict=True) if count)
    if value > TTL_MAXIMUM:
        raise ValueError(f"the TTL {text} is above {TTL_MAXIMUM} (RFC 2181 section 8)")
    return value


@contextmanager
def open_lines(path: str) -> Iterator[Iterable[str]]:
    """Open a text file, or standard input for ``-``. `RegistryError` says why it cannot be read.

    Octets that are not UTF-8 become surrogates: in comments nobody minds, elsewhere the reader names the line.
    """
    try:
        if path == STANDARD_INPUT:
            yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape")
        else:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                yield file
    except OSError as error:
        raise RegistryError([f"{path}: cannot be read: {error.strerror}"]) from None


def read_zone(path: str, name: bytes | None = None) -> Zone:
    """Read a zone file, or standard input for ``-``; ``name`` of the zone is that of the SOA record if not given.

    `RegistryError` has a problem ``FILE:LINE: reason`` for each mistake.
    """
    with open_lines(path) as lines:
        return zone_of_lines(lines, path if path != STANDARD_INPUT else "standard input", name)


def load_zone(name: str, text: str) -> Zone:
    """Read a zone called ``name`` from text; `RegistryError` names the line."""
    return zone_of_lines(io.StringIO(text), name, absolute_name("." if name == "." else name + ".", "").lower())


def read_records(path: str, origin: str = "", default_ttl_s: int = -1) -> list[Record]:
    """Read loose records, such as the DS records of a parent; `RegistryError` names file and line."""
    reader = RecordReader(path, origin, default_ttl_s)
    with open_lines(path) as lines:
        records = list(reader.read(lines))
    if reader.problems:
        raise RegistryError(reader.problems)
    return records


def zone_of_lines(lines: Iterable[str], source: str, name: bytes | None) -> Zone:
    """Build a zone from the lines of its file; see `read_zone`."""
    reader = RecordReader(source, name_text(name) if name is not None else "")
    # Millions of objects that all stay: the collector would look at them again and again.
    collecting = gc.isenabled()
    gc.disable()
    try:
        zone = _collect(reader, lines, name)
    finally:
        if collecting:
            gc.enable()
    if reader.problems:
        raise RegistryError(reader.problems)
    if zone is None:
        raise RegistryError([f"{source}: has no record"])
    take_chain(zone)
    return zone


def _collect(reader: RecordReader, lines: Iterable[str], name: bytes | None) -> Zone | None:
    nodes: dict[bytes, Node] = {}
    apex = name
    last = b""
    node: Node = {}
    for line, owner, ttl_s, rtype, rdata in reader.read(lines):
        if apex is None:
            if rtype != iana.TYPE_SOA:
                reader.blame(line, "the first record is not an SOA, so the zone's name has to be given")
                return None
            apex = owner
        if owner != last:
            if not is_subdomain(owner, apex):
                reader.blame(line, f"{to_text(owner)} is not in the zone {to_text(apex)}")
                continue
            last = owner
            found = nodes.get(owner)
            if found is None:
                found = nodes[owner] = {}
            node = found
        if rtype == iana.TYPE_RRSIG:
            covered = rdata[0] << 8 | rdata[1]
            rrset = node.get(covered)
            if rrset is None:
                rrset = node[covered] = RRset(owner, covered, ttl_s, [], [])
            rrset.signatures.append(rdata)
            continue
        rrset = node.get(rtype)
        if rrset is None:
            node[rtype] = RRset(owner, rtype, ttl_s, [rdata], [])
        elif not rrset.rdatas:  # its signatures came first
            rrset.ttl = ttl_s
            rrset.rdatas.append(rdata)
        elif rdata not in rrset.rdatas:
            if ttl_s != rrset.ttl:
                subject = f"{to_text(owner)}/{iana.type_name(rtype)}"
                reader.blame(line, f"{subject} has TTLs {rrset.ttl} and {ttl_s} in one RRset (RFC 2181 section 5.2)")
            rrset.rdatas.append(rdata)
    if apex is None:
        return None
    if len(nodes.get(apex, {}).get(iana.TYPE_SOA, RRset(apex, 0, 0, [], [])).rdatas) != 1 and not reader.problems:
        reader.problems.append(f"{reader.source}: {to_text(apex)} needs exactly one SOA record")
    return Zone(apex, nodes)


def take_chain(zone: Zone) -> None:
    """Sort the denial records of a zone that was just read into its chain; NSEC3 records leave the nodes."""
    hashed = [(name, node) for name, node in zone.nodes.items() if iana.TYPE_NSEC3 in node]
    chain: list[RRset] = []
    for name, node in hashed:
        chain.append(node.pop(iana.TYPE_NSEC3))
        if not node:
            del zone.nodes[name]
    parameters = _parameters(zone, chain)
    if parameters is None:
        links = [node[iana.TYPE_NSEC] for _, node, _ in zone.walk() if iana.TYPE_NSEC in node]
        zone.chain = [rrset for rrset in links if rrset.rdatas]
        zone.chain_keys = [canonical_key(rrset.name) for rrset in zone.chain]
        return
    zone.nsec3 = parameters
    chain.sort(key=lambda rrset: rrset.name)
    zone.chain = chain
    zone.chain_keys = [rrset.name[1 : 1 + rrset.name[0]] for rrset in chain]


def _parameters(zone: Zone, chain: list[RRset]) -> Nsec3Parameters | None:
    """Return how names are hashed: by NSEC3PARAM, else by the first NSEC3 record; None for a zone without them."""
    param = zone.apex.get(iana.TYPE_NSEC3PARAM)
    first = next((nsec3 for rrset in chain for rdata in rrset.rdatas if (nsec3 := parse_nsec3(rdata))), None)
    opt_out = first is not None and first.flags & iana.NSEC3_FLAG_OPT_OUT != 0
    if param is not None and param.rdatas:
        rdata = param.rdatas[0]
        return Nsec3Parameters(rdata[2] << 8 | rdata[3], rdata[5:], opt_out)
    return None if first is None else Nsec3Parameters(first.iterations, first.salt, opt_out)


def write_zone(zone: Zone, out: io.TextIOBase | io.StringIO) -> None:
    """Write a zone, one record a line, all names absolute: SOA first, then canonical order."""
    apex = zone.apex
    _write_rrset(apex[iana.TYPE_SOA], out)
    for _, node, _ in zone.walk():
        for rtype in sorted(node):
            if node is not apex or rtype != iana.TYPE_SOA:
                _write_rrset(node[rtype], out)
    if zone.nsec3 is not None:
        for rrset in zone.chain:
            _write_rrset(rrset, out)


def zone_text(zone: Zone) -> str:
    """Return a zone as `write_zone` writes it."""
    out = io.StringIO()
    write_zone(zone, out)
    return out.getvalue()


def _write_rrset(rrset: RRset, out: io.TextIOBase | io.StringIO) -> None:
    head = f"{name_text(rrset.name)}\t{rrset.ttl}\tIN\t"
    kind = iana.type_name(rrset.rtype)
    for rdata in rrset.rdatas:
        out.write(f"{head}{kind}\t{rdata_text(rrset.rtype, rdata)}\n")
    for rdata in rrset.signatures:
        out.write(f"{head}RRSIG\t{rdata_text(iana.TYPE_RRSIG, rdata)}\n")
