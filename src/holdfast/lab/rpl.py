"""Reading resolver scenarios (.rpl) in the dialects of testbound (Unbound) and Deckard (Knot Resolver)."""

import shlex
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

DEFAULT_TTL_S = 3600
TESTBOUND_SECTIONS = ("server:", "stub-zone:", "forward-zone:", "remote-control:", "auth-zone:", "rpz:", "python:")
SECTIONS = {"QUESTION": 0, "ANSWER": 1, "AUTHORITY": 2, "ADDITIONAL": 3}


class ScenarioError(Exception):
    """The file is not a scenario; the text names file, line and reason."""


@dataclass
class Record:
    """One record of an entry: owner as written, RDATA in wire format."""

    owner: bytes
    rtype: int
    rclass: int
    ttl: int
    rdata: bytes


@dataclass
class Entry:
    """A message that is at the same time a pattern and a template."""

    line: int
    match: list[str] = field(default_factory=list)
    adjust: list[str] = field(default_factory=list)
    reply: list[str] = field(default_factory=list)
    questions: list[Record] = field(default_factory=list)
    sections: list[list[Record]] = field(default_factory=lambda: [[], [], [], []])
    raw: bytes | None = None
    edns_data: bytes = b""
    has_edns_data: bool = False  # there may be none of them in an OPT record
    address: str = ""


@dataclass
class Range:
    """What the server at some addresses answers during the steps ``first`` to ``last``."""

    first: int
    last: int
    addresses: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Step:
    """One step of the story."""

    number: int
    kind: str
    arguments: list[str]
    entry: Entry | None = None


@dataclass
class Scenario:
    """A parsed file. ``options`` are (section, key, value); ``testbound`` tells the dialect.

    ``key_files`` are the lines of files in which the original tool keeps trust anchors (RFC 5011).
    """

    path: Path
    testbound: bool
    title: str = ""
    options: list[tuple[str, str, str]] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    key_files: list[list[str]] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


class _Reader:
    """Lines with their numbers, comments removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise ScenarioError(f"{path}: {error.strerror}") from None
        self.at = 0
        self.origin = "."
        self.ttl = DEFAULT_TTL_S

    def next(self) -> str | None:
        """Return the next line that says something."""
        while self.at < len(self.lines):
            line = strip_comment(self.lines[self.at]).strip()
            self.at += 1
            if line:
                return line
        return None

    def fail(self, reason: str) -> ScenarioError:
        """Make an error that names the place."""
        return ScenarioError(f"{self.path}:{self.at}: {reason}")


def strip_comment(line: str) -> str:
    """Remove a comment: from `;` outside quotes, or a whole line that starts with `#`."""
    if line.lstrip().startswith("#"):
        return ""
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return line[:at]
    return line


def parse(path: Path) -> Scenario:
    """Read one scenario. Raises ScenarioError with file, line and reason."""
    reader = _Reader(path)
    scenario = Scenario(path, testbound=any(line.strip() in TESTBOUND_SECTIONS for line in reader.lines))
    scenario.testbound = scenario.testbound or any(line.strip().startswith(TESTBOUND_SECTIONS) for line in reader.lines)
    _parse_configuration(reader, scenario)
    while (line := reader.next()) is not None:
        words = line.split()
        if words[0] == "SCENARIO_BEGIN":
            scenario.title = line[len("SCENARIO_BEGIN") :].strip()
        elif words[0] == "SCENARIO_END":
            break
        elif words[0] == "RANGE_BEGIN":
            scenario.ranges.append(_parse_range(reader, words))
        elif words[0] == "STEP":
            scenario.steps.append(_parse_step(reader, words))
        elif words[0] == "ENTRY_BEGIN" and scenario.steps:
            scenario.steps[-1].entry = _parse_entry(reader)
        elif words[0] == "FILE_BEGIN":
            while (line := reader.next()) is not None and line != "FILE_END":
                pass
        elif words[0] not in ("RANGE_END", "STEP_END") and not words[0].startswith("$"):
            raise reader.fail(f"unexpected {words[0]!r}")
    return scenario


def _parse_configuration(reader: _Reader, scenario: Scenario) -> None:
    """Read what stands before CONFIG_END."""
    section = "server:" if scenario.testbound else ""
    blocks = 0
    while True:
        if reader.at >= len(reader.lines):
            raise reader.fail("CONFIG_END is missing")
        line = reader.lines[reader.at].strip()
        reader.at += 1
        if line.startswith("CONFIG_END"):
            return
        if line.startswith((";", "#")) or not line:
            continue
        if line.startswith(("AUTOTRUST_FILE", "TEMPFILE_CONTENTS")):
            contents = _file_contents(reader)
            if line.startswith("AUTOTRUST_FILE"):
                scenario.key_files.append(contents)
            else:
                scenario.special.append(line)
            continue
        if line.startswith(("TEMPFILE_NAME", "COMMANDLINE")):
            continue
        for header in TESTBOUND_SECTIONS:
            if scenario.testbound and line.startswith(header):
                blocks += 1
                section = f"{header}{blocks}"
                line = line[len(header) :].strip()
        _take_options(scenario, section, line)


def _file_contents(reader: _Reader) -> list[str]:
    """Read the lines of a file that stands in the configuration, comments included."""
    contents: list[str] = []
    while reader.at < len(reader.lines):
        line = reader.lines[reader.at].strip()
        reader.at += 1
        if line.startswith(("AUTOTRUST_END", "TEMPFILE_END")):
            break
        contents.append(line)
    return contents


def _take_options(scenario: Scenario, section: str, line: str) -> None:
    """Take `key: value` pairs; the testbound dialect allows several on a line."""
    if not scenario.testbound:
        key, _, value = line.partition(":")
        value = value.strip()
        if value.startswith('"'):
            value = value[1:].partition('"')[0]
        else:
            value = value.partition("#")[0].partition(";")[0].strip()
        scenario.options.append((section, key.strip(), value))
        return
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = "#;" if '"' not in line else "#"
    key = ""
    values: list[str] = []
    for word in [*lexer, ":"]:
        if word.endswith(":") and (not key or values or word == ":"):
            if key:
                scenario.options.append((section, key, " ".join(values)))
            key = word[:-1]
            values = []
        else:
            values.append(word)


def _parse_range(reader: _Reader, words: list[str]) -> Range:
    """Read a range."""
    if len(words) < 3 or not words[1].isdigit() or not words[2].isdigit():
        raise reader.fail("RANGE_BEGIN needs two step numbers")
    found = Range(int(words[1]), int(words[2]))
    if len(words) > 3:  # some authors write the address here
        found.addresses.append(_address(reader, words[3]))
    while (line := reader.next()) is not None:
        if line.startswith("RANGE_END"):
            return found
        if line.startswith("ADDRESS"):
            found.addresses.append(_address(reader, line.split()[-1]))
        elif line.startswith("ENTRY_BEGIN"):
            found.entries.append(_parse_entry(reader))
        elif not line.startswith("$"):
            raise reader.fail(f"unexpected {line.split()[0]!r} in a range")
        else:
            _directive(reader, line)
    raise reader.fail("RANGE_END is missing")


def _address(reader: _Reader, text: str) -> str:
    """Return the normal form of an IP address; a port after @ does not matter."""
    try:
        return str(ip_address(text.partition("@")[0]))
    except ValueError as error:
        raise reader.fail(str(error)) from None


def _parse_step(reader: _Reader, words: list[str]) -> Step:
    """Read the line of a step; its entry follows."""
    if len(words) < 3 or not words[1].isdigit():
        raise reader.fail("STEP needs a number and a kind")
    return Step(int(words[1]), words[2], words[3:])


def _directive(reader: _Reader, line: str) -> None:
    """Take $ORIGIN and $TTL."""
    words = line.split()
    if words[0] == "$ORIGIN":
        reader.origin = words[1]
    elif words[0] == "$TTL":
        reader.ttl = int(words[1])


def _parse_entry(reader: _Reader) -> Entry:
    """Read an entry up to ENTRY_END."""
    entry = Entry(reader.at)
    section = 0
    while (line := reader.next()) is not None:
        words = line.split()
        head = words[0]
        if head == "ENTRY_END":
            return entry
        if head == "MATCH":
            entry.match.extend(words[1:])
        elif head == "ADJUST":
            entry.adjust.extend(words[1:])
        elif head in ("REPLY", "FLAGS"):
            entry.reply.extend(words[1:])
        elif head == "SECTION":
            section = SECTIONS.get(words[1], -1)
            if section < 0:
                raise reader.fail(f"unknown section {words[1]!r}")
        elif head == "HEX_ANSWER_BEGIN":
            entry.raw = _parse_hex(reader, "HEX_ANSWER_END")
        elif head == "HEX_EDNSDATA_BEGIN":
            entry.edns_data = _parse_hex(reader, "HEX_EDNSDATA_END")
            entry.has_edns_data = True
        elif head == "RAW":
            entry.raw = bytes.fromhex(reader.next() or "")
        elif head == "ADDRESS":
            entry.address = words[1]
        elif head.startswith("$"):
            _directive(reader, line)
        elif head in ("MANDATORY", "TSIG", "EXTRA_PACKET"):
            entry.adjust.append(head)
        elif section == 0:
            entry.questions.append(_parse_question(reader, words))
        else:
            entry.sections[section].append(_parse_record(reader, line))
    raise reader.fail("ENTRY_END is missing")


def _parse_hex(reader: _Reader, end: str) -> bytes:
    """Read hexadecimal lines up to ``end``."""
    digits = ""
    while (line := reader.next()) is not None and line != end:
        digits += "".join(line.split())
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise reader.fail(f"bad hexadecimal data: {error}") from None


def _owner(reader: _Reader, text: str) -> bytes:
    """Return a name in wire format, relative names completed with $ORIGIN."""
    try:
        return dns.name.from_text(text, dns.name.from_text(reader.origin)).to_wire() or b"\x00"
    except dns.exception.DNSException as error:
        raise reader.fail(f"bad name {text!r}: {error}") from None


def _parse_question(reader: _Reader, words: list[str]) -> Record:
    """Read `name [class] type`."""
    rest = [word for word in words[1:] if word not in ("IN", "CH", "HS")]
    rclass = dns.rdataclass.from_text(words[1]) if len(words) > 2 and words[1] in ("CH", "HS") else 1
    if not rest:
        raise reader.fail("a question needs a type")
    try:
        rtype = int(dns.rdatatype.from_text(rest[0]))
    except dns.exception.DNSException:
        raise reader.fail(f"unknown type {rest[0]!r}") from None
    return Record(_owner(reader, words[0]), rtype, int(rclass), 0, b"")


def _parse_record(reader: _Reader, line: str) -> Record:
    """Read a record: owner, TTL and class in either order, type, data."""
    words = line.split(None, 1)
    owner = _owner(reader, words[0])
    rest = words[1] if len(words) > 1 else ""
    ttl = reader.ttl
    rclass = 1
    while True:
        word, _, after = rest.strip().partition(" ") if "\t" not in rest.strip().split(" ")[0] else _cut(rest)
        if word.isdigit():
            ttl = int(word)
        elif word.upper() in ("IN", "CH", "HS", "CLASS1"):
            rclass = int(dns.rdataclass.from_text(word.upper()))
        else:
            break
        rest = after
    try:
        rtype = int(dns.rdatatype.from_text(word))
    except dns.exception.DNSException:
        raise reader.fail(f"unknown type {word!r}") from None
    return Record(owner, rtype, rclass, ttl, _rdata(reader, rtype, after.strip()))


def _cut(rest: str) -> tuple[str, str, str]:
    """Split at the first run of white space."""
    words = rest.split(None, 1)
    return words[0], " ", words[1] if len(words) > 1 else ""


def _rdata(reader: _Reader, rtype: int, text: str) -> bytes:
    """Return RDATA in wire format; generic data is taken literally even where it makes no sense."""
    if text.startswith("\\#"):
        try:
            return bytes.fromhex("".join(text.split()[2:]))
        except ValueError as error:
            raise reader.fail(f"bad generic data: {error}") from None
    try:
        kind = dns.rdatatype.RdataType.make(rtype)
        origin = dns.name.from_text(reader.origin)
        made = dns.rdata.from_text("IN", kind, text, origin, relativize=False)
        return made.to_wire() or b""
    except (dns.exception.DNSException, ValueError):
        return text.encode()  # deliberately malformed: whatever it is, it must not be accepted
