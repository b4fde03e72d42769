"""Reading names and numbers out of a message (RFC 1035 section 4.1.4).

Callers make sure that numbers lie inside the wire; names are checked here, because their length is not known before.
"""

from typing import Final

from holdfast.dns.name import LABEL_MAXIMUM, NAME_MAXIMUM

HEADER_OCTETS: Final = 12
POINTERS_MAXIMUM: Final = 127  # a name has at most 127 labels; longer chains only cost work
NO_NAME: Final = (b"", -1)


def u16(wire: bytes, offset: int) -> int:
    """Return the 16-bit number at ``offset``."""
    return wire[offset] << 8 | wire[offset + 1]


def u32(wire: bytes, offset: int) -> int:
    """Return the 32-bit number at ``offset``."""
    return wire[offset] << 24 | wire[offset + 1] << 16 | wire[offset + 2] << 8 | wire[offset + 3]


def name_end(wire: bytes, offset: int, end: int) -> int:
    """Return the offset after the uncompressed name at ``offset``; -1 if it is none or does not end by ``end``."""
    start = offset
    while offset < end:
        length = wire[offset]
        offset += 1
        if length == 0:
            return offset if offset - start <= NAME_MAXIMUM else -1
        if length > LABEL_MAXIMUM or offset - start > NAME_MAXIMUM:
            return -1
        offset += length
    return -1


def read_name(message: bytes, offset: int, end: int) -> tuple[bytes, int]:
    """Return the name at ``offset``, uncompressed and its case kept, and the offset after it.

    What stands at ``offset`` has to end by ``end``; pointers may lead anywhere before it. ``(b"", -1)`` if malformed.
    """
    start = offset
    while offset < end:
        length = message[offset]
        if length > LABEL_MAXIMUM:
            if length < 0xC0 or offset + 2 > end:
                return NO_NAME
            return _follow_pointers(message, start, offset), offset + 2
        offset += length + 1
        if offset - start > NAME_MAXIMUM:
            return NO_NAME
        if length == 0:
            return message[start:offset], offset
    return NO_NAME


def _follow_pointers(message: bytes, start: int, offset: int) -> bytes:
    """Return the name whose labels begin at ``start`` and whose first pointer is at ``offset``; empty if malformed.

    A pointer has to lead to a *prior* place: before the run of labels that it ends. So no chain of them can loop.
    """
    name = message[start:offset]
    size = len(message)
    run = start
    for _ in range(POINTERS_MAXIMUM):
        target = (message[offset] & 0x3F) << 8 | message[offset + 1]
        if target >= run or target < HEADER_OCTETS:
            return b""
        run = target
        offset = target
        length = message[offset]
        while 0 < length <= LABEL_MAXIMUM:
            offset += length + 1
            if offset >= size or offset - run > NAME_MAXIMUM:
                return b""
            length = message[offset]
        if length == 0:
            name += message[run : offset + 1]
            return name if len(name) <= NAME_MAXIMUM else b""
        if length < 0xC0 or offset + 1 >= size:
            return b""
        name += message[run:offset]
        if len(name) > NAME_MAXIMUM:
            return b""
    return b""
