"""Where the fields of a message are, so that mutations can aim at them; only for well-formed messages."""

from dataclasses import dataclass, field

HEADER_OCTETS = 12
FIXED_OCTETS = 10  # TYPE, CLASS, TTL, RDLENGTH
POINTER = 0xC0


@dataclass
class Record:
    """One resource record: offsets of owner, fixed part and RDATA, and the end."""

    owner: int
    fixed: int
    rdata: int
    end: int
    rtype: int


@dataclass
class Layout:
    """All records of a message, and the offsets of label lengths and compression pointers."""

    question_end: int = HEADER_OCTETS
    records: list[Record] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    pointers: list[int] = field(default_factory=list)


def survey(wire: bytes) -> Layout:
    """Find the fields of ``wire``; what comes after something malformed is left out."""
    layout = Layout()
    if len(wire) < HEADER_OCTETS:
        return layout
    counts = [wire[at] << 8 | wire[at + 1] for at in (4, 6, 8, 10)]
    offset = HEADER_OCTETS
    for _ in range(counts[0]):
        offset = _skip_name(wire, offset, layout)
        if offset < 0 or offset + 4 > len(wire):
            return layout
        offset += 4
    layout.question_end = offset
    for _ in range(sum(counts[1:])):
        owner = offset
        fixed = _skip_name(wire, offset, layout)
        if fixed < 0 or fixed + FIXED_OCTETS > len(wire):
            break
        end = fixed + FIXED_OCTETS + (wire[fixed + 8] << 8 | wire[fixed + 9])
        if end > len(wire):
            break
        layout.records.append(Record(owner, fixed, fixed + FIXED_OCTETS, end, wire[fixed] << 8 | wire[fixed + 1]))
        offset = end
    return layout


def _skip_name(wire: bytes, offset: int, layout: Layout) -> int:
    """Return the offset after a name, -1 if it is malformed; notes its labels and pointers."""
    while offset < len(wire):
        length = wire[offset]
        if length >= POINTER:
            layout.pointers.append(offset)
            return offset + 2 if offset + 2 <= len(wire) else -1
        layout.labels.append(offset)
        offset += 1 + length
        if length == 0:
            return offset
    return -1
