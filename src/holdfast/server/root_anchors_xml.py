"""IANA's file of the root zone's trust anchors, root-anchors.xml (RFC 9718 section 2), read strictly.

The parser accepts no document type, so there are no entities to expand; size and number of keys are bounded.
"""

import base64
import binascii
from datetime import UTC, datetime
from xml.parsers import expat

from holdfast.base.instant import FOREVER_S
from holdfast.dns.iana import DNSKEY_FLAG_ZONE, DNSKEY_PROTOCOL, TYPE_DS, decimal
from holdfast.dns.name import ROOT
from holdfast.dns.rdata import parse_dnskey
from holdfast.dnssec.ds import digest

XML_OCTETS = 8 * 1024  # IANA's file has some 2 KiB; this fits into a line of the control socket, escapes included
SIGNATURE_OCTETS = 12 * 1024  # of its signature: IANA's has some 4 KiB, certificates included; fits into the same line
AUTHORITY_OCTETS = 12 * 1024  # of the certificates that the signature must be under: ICANN's two have 4 KiB
SIGNER = "dnssec@iana.org"  # in the certificate of whoever signs for IANA
KEY_DIGESTS = 32  # in 15 years there were three
KEY_DIGEST = "KeyDigest"
TEXTS = ("Zone", "KeyTag", "Algorithm", "DigestType", "Digest", "PublicKey", "Flags")
DIGEST_OCTETS = {1: 20, 2: 32, 4: 48}


class RootAnchor:
    """One key of the file: DS RDATA, and from when to when it is to be trusted (POSIX seconds)."""

    def __init__(self, ds: bytes, from_s: int, until_s: int) -> None:
        self.rtype = TYPE_DS
        self.ds = ds
        self.from_s = from_s
        self.until_s = until_s


class _Reader:
    """Collects the elements. ``keys``: for each KeyDigest its attributes and the texts of its children."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.zone = ""
        self.keys: list[tuple[dict[str, str], dict[str, str]]] = []
        self.text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        self.text = ""
        if self.path[0] != "TrustAnchor":
            raise ValueError(f"the outermost element is {self.path[0]}, not TrustAnchor")
        if self.path == ["TrustAnchor", KEY_DIGEST]:
            if len(self.keys) >= KEY_DIGESTS:
                raise ValueError(f"there are more than {KEY_DIGESTS} keys")
            self.keys.append((attributes, {}))

    def end(self, name: str) -> None:
        text = self.text.strip()
        if self.path == ["TrustAnchor", "Zone"]:
            self.zone = text
        elif self.path[:-1] == ["TrustAnchor", KEY_DIGEST] and name in TEXTS:
            if name in self.keys[-1][1]:
                raise ValueError(f"a {KEY_DIGEST} has two elements {name}")
            self.keys[-1][1][name] = text
        self.path.pop()
        self.text = ""

    def data(self, text: str) -> None:
        self.text += text


def _refuse_document_type(*_: object) -> None:
    raise ValueError("it has a document type, which the format does not")


def read_root_anchors(document: str | bytes) -> list[RootAnchor]:
    """Return the keys in the file, also those that are not valid now.

    Raises ValueError with a reason made for users.
    """
    octets = document.encode() if isinstance(document, str) else document
    if len(octets) > XML_OCTETS:
        raise ValueError(f"it has more than {XML_OCTETS} octets")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as error:
        raise ValueError(f"it is not XML: line {error.lineno}: {expat.errors.messages[error.code]}") from None
    if reader.zone != ".":
        raise ValueError(f"it is about the zone {reader.zone!r}, not the root")
    if not reader.keys:
        raise ValueError(f"it has no {KEY_DIGEST}")
    return [_anchor(number, *key) for number, key in enumerate(reader.keys, 1)]


def _anchor(number: int, attributes: dict[str, str], texts: dict[str, str]) -> RootAnchor:
    """Return a key. Raises ValueError."""
    where = f"{KEY_DIGEST} {number}" + (f" ({attributes['id']})" if "id" in attributes else "")
    tag = _number(where, texts, "KeyTag", 0xFFFF)
    algorithm = _number(where, texts, "Algorithm", 255)
    digest_type = _number(where, texts, "DigestType", 255)
    try:
        value = bytes.fromhex(texts.get("Digest", ""))
    except ValueError:
        value = b""
    if not value or len(value) != DIGEST_OCTETS.get(digest_type, len(value)):
        raise ValueError(f"{where}: Digest is not a digest of type {digest_type} in hexadecimal")
    if "validFrom" not in attributes:
        raise ValueError(f"{where}: validFrom is missing")
    from_s = _time(where, attributes, "validFrom")
    until_s = _time(where, attributes, "validUntil") if "validUntil" in attributes else FOREVER_S
    if until_s <= from_s:
        raise ValueError(f"{where}: validUntil is not after validFrom")
    if "PublicKey" in texts:
        _check_public_key(where, texts, tag, algorithm, digest_type, value)
    return RootAnchor(tag.to_bytes(2, "big") + bytes((algorithm, digest_type)) + value, from_s, until_s)


def _number(where: str, texts: dict[str, str], name: str, most: int) -> int:
    found = decimal(texts.get(name, ""), most)
    if found < 0:
        raise ValueError(f"{where}: {name} is not a number in 0..{most}")
    return found


def _time(where: str, attributes: dict[str, str], name: str) -> int:
    """Return a time (xsd:dateTime), in UTC if it does not say."""
    try:
        found = datetime.fromisoformat(attributes[name])
    except ValueError:
        raise ValueError(f"{where}: {name} is not a time such as 2017-02-02T00:00:00+00:00") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _check_public_key(
    where: str, texts: dict[str, str], tag: int, algorithm: int, digest_type: int, value: bytes
) -> None:
    """Compare the whole key with its digest, if the file has it. Raises ValueError."""
    flags = _number(where, texts, "Flags", 0xFFFF)
    try:
        key = base64.b64decode("".join(texts["PublicKey"].split()), validate=True)
    except binascii.Error:
        raise ValueError(f"{where}: PublicKey is not base64") from None
    rdata = flags.to_bytes(2, "big") + bytes((DNSKEY_PROTOCOL, algorithm)) + key
    parsed = parse_dnskey(rdata)
    if parsed is None or parsed.key_tag != tag or not flags & DNSKEY_FLAG_ZONE:
        raise ValueError(f"{where}: PublicKey is not the key with the tag {tag}")
    if digest_type in DIGEST_OCTETS and digest(ROOT, rdata, digest_type) != value:
        raise ValueError(f"{where}: Digest is not that of PublicKey")
