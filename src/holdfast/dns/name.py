"""Domain names as uncompressed wire-format bytes (RFC 1035 section 3.1), lower-cased wherever names are compared.

Lower-casing whole wire names is safe: length octets are at most 63, below ``A``.
"""

from typing import Final

ROOT: Final = b"\x00"
NAME_MAXIMUM: Final = 255  # octets of a name with its length octets (RFC 1035 section 2.3.4)
LABEL_MAXIMUM: Final = 63
MAXIMUM: Final = NAME_MAXIMUM

# Printable octets that would mean something else in a zone file (RFC 1035 section 5.1).
_SPECIAL: Final = b'"().;\\@$'
_PLAIN: Final = bytes(octet for octet in range(0x21, 0x7F) if octet not in _SPECIAL)


def to_text(name: bytes) -> str:
    """Return the name as text, without a final dot except for the root; specials as ``\\X``, others as ``\\DDD``."""
    if len(name) <= 1:
        return "."
    labels: list[str] = []
    offset = 0
    length = name[0]
    while length:
        offset += 1
        labels.append(_label_text(name[offset : offset + length]))
        offset += length
        length = name[offset]
    return ".".join(labels)


def _label_text(label: bytes) -> str:
    if not label.translate(None, _PLAIN):
        return label.decode("ascii")
    text = ""
    for octet in label:
        if octet in _SPECIAL:
            text += "\\" + chr(octet)
        elif 0x20 < octet < 0x7F:
            text += chr(octet)
        else:
            text += f"\\{octet:03d}"
    return text


def from_text(text: str) -> bytes | None:
    """Return the lower-cased name, with or without final dot in ``text``; None if it is not a domain name.

    Escapes are those of RFC 1035 section 5.1. Text beyond ASCII has to come as A-labels (RFC 5890).
    """
    if not text.isascii() or not text:
        return None
    if text == ".":
        return ROOT
    if "\\" in text:
        return _from_escaped_text(text)
    if text.endswith("."):
        text = text[:-1]
    return _from_labels(text.lower().encode("ascii").split(b"."))


def _from_labels(labels: list[bytes]) -> bytes | None:
    wire: list[bytes] = []
    for label in labels:
        if not 0 < len(label) <= LABEL_MAXIMUM:
            return None
        wire.append(bytes((len(label),)))
        wire.append(label)
    wire.append(ROOT)
    name = b"".join(wire)
    return name if len(name) <= NAME_MAXIMUM else None


def _from_escaped_text(text: str) -> bytes | None:
    labels: list[bytes] = []
    label: list[int] = []
    octets = text.encode("ascii")
    size = len(octets)
    offset = 0
    while offset < size:
        octet = octets[offset]
        offset += 1
        if octet == 0x2E:
            labels.append(bytes(label).lower())
            label = []
            continue
        if octet == 0x5C:
            if offset == size:
                return None
            octet = octets[offset]
            offset += 1
            if 0x30 <= octet <= 0x39:
                digits = octets[offset - 1 : offset + 2]
                if len(digits) != 3 or not digits.isdigit():
                    return None
                octet = int(digits)
                offset += 2
                if octet > 255:
                    return None
        label.append(octet)
    if label:
        labels.append(bytes(label).lower())
    return _from_labels(labels)


def lower(wire: bytes) -> bytes:
    """Return an uncompressed wire name with ASCII letters in lower case (RFC 4343)."""
    return wire.lower()


def wildcard_of(zone: bytes) -> bytes:
    """Return the wildcard directly below ``zone``."""
    return b"\x01*" + zone


def parent(name: bytes) -> bytes:
    """Return the name without its first label; the root's parent is the root."""
    return name[name[0] + 1 :] if len(name) > 1 else ROOT


def label_count(name: bytes) -> int:
    """Return the number of labels; the root has none."""
    count = 0
    offset = 0
    length = name[0]
    while length:
        count += 1
        offset += length + 1
        length = name[offset]
    return count


def label_offsets(name: bytes) -> list[int]:
    """Return where each label starts (its length octet), from the left; the root label is not listed."""
    offsets: list[int] = []
    offset = 0
    length = name[0]
    while length:
        offsets.append(offset)
        offset += length + 1
        length = name[offset]
    return offsets


def is_subdomain(name: bytes, zone: bytes) -> bool:
    """Say whether ``name`` is ``zone`` or below it."""
    start = len(name) - len(zone)
    if start < 0 or not name.endswith(zone):
        return False
    offset = 0
    while offset < start:
        offset += name[offset] + 1
    return offset == start


def suffix(name: bytes, labels: int) -> bytes:
    """Return the last ``labels`` labels of ``name``; the whole name if it has no more."""
    offsets = label_offsets(name)
    if labels <= 0:
        return ROOT
    return name[offsets[-labels] :] if labels < len(offsets) else name


def common_ancestor(a: bytes, b: bytes) -> bytes:
    """Return the longest name that both are equal to or below."""
    while not is_subdomain(a, b):
        b = parent(b)
    return b


def replace_suffix(name: bytes, old: bytes, new: bytes) -> bytes | None:
    """Return ``name``, which is at or below ``old``, moved to ``new`` (RFC 6672 section 2.2); None if too long."""
    moved = name[: len(name) - len(old)] + new
    return moved if len(moved) <= NAME_MAXIMUM else None


def canonical_key(name: bytes) -> bytes:
    """Return a key whose byte order is the canonical order of names (RFC 4034 section 6.1).

    Labels come from the right, each closed by 0. Within a label 0 and 1 become 1 1 and 1 2, so that 0 stays the end.
    """
    labels: list[bytes] = []
    offset = 0
    length = name[0]
    while length:
        offset += 1
        label = name[offset : offset + length]
        if 0 in label or 1 in label:
            label = label.replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01")
        labels.append(label)
        offset += length
        length = name[offset]
    labels.reverse()
    labels.append(b"")
    return b"\x00".join(labels)


def canonical_compare(a: bytes, b: bytes) -> int:
    """Return -1, 0 or 1 as ``a`` sorts before, equal to or after ``b`` (RFC 4034 section 6.1)."""
    if a == b:
        return 0
    return -1 if canonical_key(a) < canonical_key(b) else 1
