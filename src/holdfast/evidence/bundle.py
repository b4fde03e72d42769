"""An evidence bundle: everything that a verdict on a zone rests on, as one JSON document of a known version and size.

Raw messages are stored as they came, once each and with their ID set to 0, so that equal answers are equal octets. No
clock and no network are needed to judge a bundle again, and the same bundle always gets the same judgement.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from holdfast.dns.name import from_text, to_text

FORMAT = "holdfast evidence"
VERSION = 1
BUNDLE_OCTETS = 8 * 1024 * 1024  # of the document; what the limits below let a probe collect is far less
PLACES = 64  # addresses asked: 32 of name servers, and vantage points
QUESTIONS = 40  # asked of each address, over each transport
MESSAGES = 4000  # different ones; of a zone whose servers agree there are hardly more than questions
REPLIES = PLACES * QUESTIONS * 2
KNOWN_RRSETS = 200  # earlier validated RRsets to compare with
MESSAGE_OCTETS = 65535

SERVER = "server"
VANTAGE = "vantage"
UDP, TCP, TLS, TUNNEL = "udp", "tcp", "tls", "tunnel"
PROTECTED = (TLS, TUNNEL)  # nobody on the way can change what is said: by certificate, or as the operator vouches
NOT_ASKED = "not asked"  # the reason why there is no reply: time was up, or the address had been silent
NO_MESSAGE = -1


class BundleError(Exception):
    """A document is no evidence bundle; the text names the place in it and what is wrong there."""


@dataclass(frozen=True)
class Question:
    """A question that was asked everywhere: name in wire format, type, and what for (`QUESTION_KINDS`)."""

    name: bytes
    rtype: int
    kind: str


KEYS, SOA, APEX, DENIAL, SAMPLE = "keys", "soa", "apex", "denial", "sample"
CLIENTS = "clients"  # part of the sample, as clients asked for it: nobody but the zone's own servers is told
PARENT = "parent"  # the zone's DS: for vantage points, as the zone's own servers do not have it
QUESTION_KINDS = (KEYS, SOA, APEX, DENIAL, SAMPLE, CLIENTS, PARENT)


@dataclass(frozen=True)
class Place:
    """Where was asked: one address (text form) of a name server of the zone, or a vantage point, with its name."""

    kind: str
    name: str
    address: str


@dataclass(frozen=True)
class Reply:
    """What became of one question at one place: ``message`` is an index, or NO_MESSAGE and ``failure`` says why."""

    place: int
    transport: str
    question: int
    at_ms: int  # since the start of the probe
    message: int
    failure: str = ""


@dataclass(frozen=True)
class Known:
    """An RRset that was validated before; without ``rdatas`` it is the validated absence of the type."""

    name: bytes
    rtype: int
    rdatas: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    validated_s: int


@dataclass(frozen=True)
class Parent:
    """What the resolver's own chain of trust says about the delegation: ``status`` is that of the zone's DS RRset.

    ``keys`` are the parent's validated DNSKEY RDATA; ``anchors`` DNSKEY RDATA of a trust anchor at the zone itself.
    """

    zone: bytes
    status: str
    text: str
    ds: tuple[bytes, ...] = ()
    ds_ttl_s: int = 0
    ds_signatures: tuple[bytes, ...] = ()
    keys: tuple[bytes, ...] = ()
    anchors: tuple[bytes, ...] = ()


STATUSES = ("secure", "insecure", "indeterminate", "bogus", "failed")


@dataclass(frozen=True)
class Bundle:
    """The whole. Times are POSIX seconds; ``validation_time_s`` -1: signature times are not judged."""

    zone: bytes
    started_s: int
    ended_s: int
    validation_time_s: int
    algorithms: tuple[int, ...]
    digest_types: tuple[int, ...]
    iterations_limit: int
    parent: Parent
    places: tuple[Place, ...]
    questions: tuple[Question, ...]
    replies: tuple[Reply, ...]
    messages: tuple[bytes, ...]
    known: tuple[Known, ...] = ()
    notes: tuple[str, ...] = ()


def encode(bundle: Bundle) -> bytes:
    """Write a bundle. Raises BundleError if it is larger than may be."""
    parent = bundle.parent
    document = {
        "format": FORMAT,
        "version": VERSION,
        "zone": to_text(bundle.zone),
        "started_s": bundle.started_s,
        "ended_s": bundle.ended_s,
        "validation_time_s": bundle.validation_time_s,
        "algorithms": list(bundle.algorithms),
        "digest_types": list(bundle.digest_types),
        "iterations_limit": bundle.iterations_limit,
        "parent": {
            "zone": to_text(parent.zone),
            "status": parent.status,
            "text": parent.text,
            "ds": _texts(parent.ds),
            "ds_ttl_s": parent.ds_ttl_s,
            "ds_signatures": _texts(parent.ds_signatures),
            "keys": _texts(parent.keys),
            "anchors": _texts(parent.anchors),
        },
        "places": [vars(place) for place in bundle.places],
        "questions": [{"name": to_text(one.name), "type": one.rtype, "kind": one.kind} for one in bundle.questions],
        "replies": [vars(reply) for reply in bundle.replies],
        "messages": _texts(bundle.messages),
        "known": [
            {
                "name": to_text(one.name),
                "type": one.rtype,
                "rdatas": _texts(one.rdatas),
                "signatures": _texts(one.signatures),
                "validated_s": one.validated_s,
            }
            for one in bundle.known
        ],
        "notes": list(bundle.notes),
    }
    octets = json.dumps(document, indent=0, sort_keys=True).encode() + b"\n"
    if len(octets) > BUNDLE_OCTETS:
        raise BundleError(f"the bundle has {len(octets)} octets, more than {BUNDLE_OCTETS}")
    return octets


def decode(octets: bytes) -> Bundle:
    """Read a bundle. Raises BundleError."""
    if len(octets) > BUNDLE_OCTETS:
        raise BundleError(f"it has more than {BUNDLE_OCTETS} octets")
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError):
        raise BundleError("it is not JSON") from None
    top = _Table(document, "")
    if top.text("format") != FORMAT:
        raise BundleError(f"format: must be {FORMAT!r}")
    version = top.number("version", 1, 1 << 16)
    if version != VERSION:
        raise BundleError(f"version: this program reads version {VERSION}, not {version}")
    return Bundle(
        zone=top.name("zone"),
        started_s=top.number("started_s"),
        ended_s=top.number("ended_s"),
        validation_time_s=top.number("validation_time_s", -1),
        algorithms=tuple(top.numbers("algorithms", 255)),
        digest_types=tuple(top.numbers("digest_types", 255)),
        iterations_limit=top.number("iterations_limit", 0, 0xFFFF),
        parent=_parent(top.table("parent")),
        places=(places := tuple(_place(one) for one in top.tables("places", PLACES))),
        questions=(questions := tuple(_question(one) for one in top.tables("questions", QUESTIONS))),
        messages=(messages := top.octets("messages", MESSAGES)),
        replies=tuple(
            _reply(one, len(places), len(questions), len(messages)) for one in top.tables("replies", REPLIES)
        ),
        known=tuple(_known(one) for one in top.tables("known", KNOWN_RRSETS)),
        notes=tuple(top.texts("notes", 100)),
    )


def _parent(table: "_Table") -> Parent:
    return Parent(
        table.name("zone"),
        table.one_of("status", STATUSES),
        table.text("text"),
        table.octets("ds", 100),
        table.number("ds_ttl_s"),
        table.octets("ds_signatures", 100),
        table.octets("keys", 100),
        table.octets("anchors", 100),
    )


def _place(table: "_Table") -> Place:
    return Place(table.one_of("kind", (SERVER, VANTAGE)), table.text("name"), table.text("address"))


def _question(table: "_Table") -> Question:
    return Question(table.name("name"), table.number("type", 1, 0xFFFF), table.one_of("kind", QUESTION_KINDS))


def _reply(table: "_Table", places: int, questions: int, messages: int) -> Reply:
    return Reply(
        table.number("place", 0, places - 1),
        table.one_of("transport", (UDP, TCP, TLS, TUNNEL)),
        table.number("question", 0, questions - 1),
        table.number("at_ms"),
        table.number("message", NO_MESSAGE, messages - 1),
        table.text("failure"),
    )


def _known(table: "_Table") -> Known:
    return Known(
        table.name("name"),
        table.number("type", 1, 0xFFFF),
        table.octets("rdatas", 1000),
        table.octets("signatures", 100),
        table.number("validated_s"),
    )


def _texts(octets: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(one).decode() for one in octets]


class _Table:
    """An object of the document, with its place for messages."""

    def __init__(self, values: Any, place: str) -> None:
        if not isinstance(values, dict):
            raise BundleError(f"{place or 'the document'}: must be an object")
        self._values = values
        self._place = f"{place}." if place else ""

    def _take(self, key: str, kind: type, what: str) -> Any:
        value = self._values.get(key)
        if type(value) is not kind:
            raise BundleError(f"{self._place}{key}: must be {what}")
        return value

    def text(self, key: str) -> str:
        """Return a text."""
        return str(self._take(key, str, "a text"))

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return one of a few words."""
        word = self.text(key)
        if word not in allowed:
            raise BundleError(f"{self._place}{key}: must be one of {', '.join(allowed)}")
        return word

    def number(self, key: str, least: int = 0, most: int = 1 << 62) -> int:
        """Return a whole number."""
        number = int(self._take(key, int, "a whole number"))
        if not least <= number <= most:
            raise BundleError(f"{self._place}{key}: must be from {least} to {most}, not {number}")
        return number

    def name(self, key: str) -> bytes:
        """Return a domain name in wire format."""
        name = from_text(self.text(key))
        if name is None:
            raise BundleError(f"{self._place}{key}: must be a domain name")
        return name

    def table(self, key: str) -> "_Table":
        """Return an object."""
        return _Table(self._values.get(key), f"{self._place}{key}")

    def tables(self, key: str, most: int) -> list["_Table"]:
        """Return a list of objects."""
        return [_Table(one, f"{self._place}{key}[{at}]") for at, one in enumerate(self._items(key, most))]

    def texts(self, key: str, most: int) -> list[str]:
        """Return a list of texts."""
        return self._each(key, most, "a text", lambda one: one if isinstance(one, str) else None)

    def numbers(self, key: str, most: int) -> list[int]:
        """Return a list of numbers from 0 to ``most``."""
        wanted = f"a number from 0 to {most}"
        return self._each(key, most + 1, wanted, lambda one: one if type(one) is int and 0 <= one <= most else None)

    def octets(self, key: str, most: int) -> tuple[bytes, ...]:
        """Return a list of octet strings."""
        return tuple(self._each(key, most, "octets in base64, 65535 at most", _octets))

    def _items(self, key: str, most: int) -> list[Any]:
        items = list(self._take(key, list, "a list"))
        if len(items) > most:
            raise BundleError(f"{self._place}{key}: must have {most} entries at most, not {len(items)}")
        return items

    def _each(self, key: str, most: int, what: str, read: Callable[[Any], Any]) -> list[Any]:
        found = []
        for at, one in enumerate(self._items(key, most)):
            value = read(one)
            if value is None:
                raise BundleError(f"{self._place}{key}[{at}]: must be {what}")
            found.append(value)
        return found


def _octets(text: Any) -> bytes | None:
    try:
        octets = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None
    return octets if octets is not None and len(octets) <= MESSAGE_OCTETS else None
