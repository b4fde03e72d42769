"""Mutations of messages: blind ones (bits, octets, slices) and ones that know the structure."""

from collections.abc import Callable
from random import Random

from fuzz.layout import HEADER_OCTETS, Layout, Record, survey

# Types that the engine looks into, and the ones that must never be data.
TYPES = [
    0,
    1,
    2,
    5,
    6,
    12,
    15,
    16,
    24,
    25,
    28,
    33,
    35,
    38,
    39,
    41,
    43,
    46,
    47,
    48,
    50,
    51,
    59,
    60,
    64,
    128,
    250,
    252,
    255,
]
CLASSES = [0, 1, 3, 4, 254, 255, 4096, 65535]
TTLS = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
LENGTHS = [0, 1, 3, 4, 15, 16, 255, 256, 0x7FFF, 0xFFFF]
OCTETS = [0x00, 0x01, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xFF]
MESSAGE_MAXIMUM = 65535
COPIES_MAXIMUM = 40
# Offsets inside RDATA that decide something: algorithms, labels, times, key tags, lengths, iterations, flags.
TELLING_OFFSETS = {
    43: [0, 1, 2, 3],
    46: [0, 1, 2, 3, 4, 8, 12, 16, 17, 18],
    48: [0, 1, 2, 3, 4],
    50: [0, 1, 2, 3, 4, 5, 6],
    41: [0, 1, 2, 3, 4],
}

Mutation = Callable[[Random, bytearray, Layout], None]


def random_octets(random: Random) -> bytes:
    """Nothing but noise, mostly short."""
    return random.randbytes(random.choice((0, 1, 11, 12, 13, 17, 40, 100, 512, 1500)))


def truncated(random: Random, wire: bytes) -> bytes:
    """The first part of a message."""
    return wire[: random.randrange(len(wire) + 1)]


def mutated(random: Random, wire: bytes) -> bytes:
    """A message with one to four changes."""
    out = bytearray(wire)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        if len(out) < HEADER_OCTETS:
            break
        random.choice(MUTATIONS)(random, out, survey(bytes(out)))
        del out[MESSAGE_MAXIMUM:]
    return bytes(out)


def _flip_bits(random: Random, out: bytearray, layout: Layout) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        out[random.randrange(len(out))] ^= 1 << random.randrange(8)


def _set_octet(random: Random, out: bytearray, layout: Layout) -> None:
    out[random.randrange(len(out))] = random.choice(OCTETS)


def _cut_slice(random: Random, out: bytearray, layout: Layout) -> None:
    start = random.randrange(len(out))
    del out[start : start + random.choice((1, 2, 4, 16, 64))]


def _double_slice(random: Random, out: bytearray, layout: Layout) -> None:
    start = random.randrange(len(out))
    out[start:start] = out[start : start + random.choice((1, 2, 4, 16, 64))]


def _insert_noise(random: Random, out: bytearray, layout: Layout) -> None:
    start = random.randrange(len(out) + 1)
    out[start:start] = random.randbytes(random.choice((1, 2, 10, 64)))


def _truncate(random: Random, out: bytearray, layout: Layout) -> None:
    del out[random.randrange(len(out)) :]


def _set_flags(random: Random, out: bytearray, layout: Layout) -> None:
    out[2] = random.choice((out[2] ^ 0x02, out[2] ^ 0x04, out[2] ^ 0x80, random.randrange(256)))
    out[3] = random.choice((out[3] & 0xF0 | random.randrange(16), out[3] ^ 0x80, random.randrange(256)))


def _set_count(random: Random, out: bytearray, layout: Layout) -> None:
    at = random.choice((4, 6, 8, 10))
    count = out[at] << 8 | out[at + 1]
    _put_u16(out, at, random.choice((count + 1, count - 1, 0, 1, 2, 2000, 2001, 65535)))


def _move_count(random: Random, out: bytearray, layout: Layout) -> None:
    """Let a record belong to another section."""
    source, target = random.sample((6, 8, 10), 2)
    count = out[source] << 8 | out[source + 1]
    if count:
        _put_u16(out, source, count - 1)
        _put_u16(out, target, (out[target] << 8 | out[target + 1]) + 1)


def _set_rdata_length(random: Random, out: bytearray, layout: Layout) -> None:
    record = _any_record(random, layout)
    if record is not None:
        length = record.end - record.rdata
        _put_u16(out, record.fixed + 8, random.choice((length + 1, length - 1, length + 16, *LENGTHS)))


def _resize_rdata(random: Random, out: bytearray, layout: Layout) -> None:
    """Change the size of an RDATA and its length field alike."""
    record = _any_record(random, layout)
    if record is None:
        return
    old = bytes(out[record.rdata : record.end])
    new = random.choice(
        (b"", old[:1], old[:-1], old + b"\x00", old + old, random.randbytes(len(old)), old[: len(old) // 2])
    )
    if len(new) <= 0xFFFF:
        out[record.rdata : record.end] = new
        _put_u16(out, record.fixed + 8, len(new))


def _set_type(random: Random, out: bytearray, layout: Layout) -> None:
    record = _any_record(random, layout)
    if record is not None:
        _put_u16(out, record.fixed, random.choice((random.choice(TYPES), random.randrange(65536))))


def _set_class(random: Random, out: bytearray, layout: Layout) -> None:
    record = _any_record(random, layout)
    if record is not None:
        _put_u16(out, record.fixed + 2, random.choice(CLASSES))


def _set_ttl(random: Random, out: bytearray, layout: Layout) -> None:
    record = _any_record(random, layout)
    if record is not None:
        out[record.fixed + 4 : record.fixed + 8] = random.choice(TTLS).to_bytes(4, "big")


def _set_label_length(random: Random, out: bytearray, layout: Layout) -> None:
    if layout.labels:
        out[random.choice(layout.labels)] = random.choice((0, 1, 62, 63, 64, 128, 191, 192, 255))


def _set_pointer(random: Random, out: bytearray, layout: Layout) -> None:
    """Bend a pointer, or put one where a label was: forward, at itself, into the header, anywhere."""
    places = layout.pointers or layout.labels
    if not places:
        return
    at = random.choice(places)
    target = random.choice((at, at + 2, 0, HEADER_OCTETS, len(out), 0x3FFF, random.randrange(len(out))))
    if at + 2 <= len(out):
        _put_u16(out, at, 0xC000 | target & 0x3FFF)


def _point_rdata(random: Random, out: bytearray, layout: Layout) -> None:
    """Let an RDATA start with a pointer."""
    record = _any_record(random, layout)
    if record is not None and record.rdata + 2 <= len(out):
        _put_u16(
            out,
            record.rdata,
            0xC000 | random.choice((HEADER_OCTETS, record.rdata, random.randrange(len(out)))) & 0x3FFF,
        )


def _change_field(random: Random, out: bytearray, layout: Layout) -> None:
    """Change an octet of an RDATA that decides something."""
    candidates = [record for record in layout.records if record.rtype in TELLING_OFFSETS]
    if not candidates:
        return _flip_bits(random, out, layout)
    record = random.choice(candidates)
    at = record.rdata + random.choice(TELLING_OFFSETS[record.rtype])
    if record.rtype == 41:
        at = record.fixed + random.randrange(2, 10)
    if at < min(record.end, len(out)):
        out[at] = random.choice((out[at] ^ 1 << random.randrange(8), 0, 1, 255, random.randrange(256)))
    return None


def _repeat_record(random: Random, out: bytearray, layout: Layout) -> None:
    """Say a record again and again, with or without a difference."""
    record = _any_record(random, layout)
    if record is None:
        return
    copies = random.choice((1, 2, 20, COPIES_MAXIMUM))
    vary = random.random() < 0.7 and record.end > record.rdata
    block = bytearray()
    for _ in range(copies):
        start = len(block)
        block += out[record.owner : record.end]
        if vary:
            block[start + random.randrange(record.rdata - record.owner, record.end - record.owner)] = random.randrange(
                256
            )
    out[record.end : record.end] = block
    at = random.choice((6, 8, 10))
    _put_u16(out, at, (out[at] << 8 | out[at + 1]) + copies)


def _swap_records(random: Random, out: bytearray, layout: Layout) -> None:
    """Let two records change places."""
    if len(layout.records) < 2:
        return
    first, second = sorted(random.sample(range(len(layout.records)), 2))
    a, b = layout.records[first], layout.records[second]
    middle = out[a.end : b.owner]
    out[a.owner : b.end] = out[b.owner : b.end] + middle + out[a.owner : a.end]


def _drop_record(random: Random, out: bytearray, layout: Layout) -> None:
    """Leave out a record, its count corrected or not."""
    record = _any_record(random, layout)
    if record is None:
        return
    del out[record.owner : record.end]
    at = random.choice((6, 8, 10))
    count = out[at] << 8 | out[at + 1]
    if count and random.random() < 0.8:
        _put_u16(out, at, count - 1)


def _rename_owner(random: Random, out: bytearray, layout: Layout) -> None:
    """Give a record another owner: the question's name, a part of it, the root, or noise."""
    record = _any_record(random, layout)
    if record is None:
        return
    owner = random.choice(
        (
            b"\xc0\x0c",
            b"\x00",
            b"\xc0" + bytes([HEADER_OCTETS + random.randrange(8)]),
            b"\x01*\xc0\x0c",
            b"\x03xxx\xc0\x0c",
        )
    )
    out[record.owner : record.fixed] = owner


def _add_opt(random: Random, out: bytearray, layout: Layout) -> None:
    """Add an OPT record with options that may be malformed."""
    rdata = b""
    for _ in range(random.randrange(4)):
        data = random.randbytes(random.choice((0, 1, 8, 16, 40, 41, 200)))
        length = random.choice((len(data), len(data), len(data) + 1, 0xFFFF))
        rdata += random.choice((3, 5, 8, 10, 11, 12, 15, random.randrange(65536))).to_bytes(2, "big")
        rdata += length.to_bytes(2, "big") + data
    owner = random.choice((b"\x00", b"\x00", b"\x00", b"\xc0\x0c"))
    size = random.choice((0, 511, 512, 1232, 4096, 65535)).to_bytes(2, "big")
    ttl = random.choice((b"\x00\x00\x80\x00", b"\x00\x00\x00\x00", b"\x00\x01\x00\x00", random.randbytes(4)))
    out += owner + b"\x00\x29" + size + ttl + len(rdata).to_bytes(2, "big") + rdata
    _put_u16(out, 10, (out[10] << 8 | out[11]) + 1)


def _any_record(random: Random, layout: Layout) -> Record | None:
    return random.choice(layout.records) if layout.records else None


def _put_u16(out: bytearray, at: int, value: int) -> None:
    value &= 0xFFFF
    out[at] = value >> 8
    out[at + 1] = value & 255


MUTATIONS: list[Mutation] = [
    _flip_bits,
    _set_octet,
    _cut_slice,
    _double_slice,
    _insert_noise,
    _truncate,
    _set_flags,
    _set_count,
    _move_count,
    _set_rdata_length,
    _resize_rdata,
    _set_type,
    _set_class,
    _set_ttl,
    _set_label_length,
    _set_pointer,
    _point_rdata,
    _change_field,
    _change_field,
    _repeat_record,
    _swap_records,
    _drop_record,
    _rename_owner,
    _add_opt,
]
