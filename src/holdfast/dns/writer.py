"""Writing messages (RFC 1035 section 4) with name compression."""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.dns import iana
from holdfast.dns.edns import EdnsOption, option_octets
from holdfast.dns.reader import HEADER_OCTETS, name_end
from holdfast.dns.rrset import RRset

SECTION_ANSWER: Final = 1
SECTION_AUTHORITY: Final = 2
SECTION_ADDITIONAL: Final = 3

_POINTER_LIMIT: Final = 0x4000  # offsets beyond do not fit a compression pointer
_OPT_OCTETS: Final = 11
_EDNS_DO: Final = 0x8000

# Where the names in RDATA start that may be compressed (RFC 3597 section 4: only types of RFC 1035).
_COMPRESSED: Final[dict[int, int]] = {
    iana.TYPE_NS: 0,
    iana.TYPE_CNAME: 0,
    iana.TYPE_SOA: 0,
    iana.TYPE_PTR: 0,
    iana.TYPE_MX: 2,
}


@mypyc_attr(acyclic=True)
class MessageWriter:
    """One message in the making: header, question, then RRsets section by section, then OPT.

    ``limit`` is the size in octets that must not be exceeded. ``flags`` may be changed until ``finish`` (TC, RCODE).
    ``ttl_offsets`` tells where the TTL fields are, OPT excepted, for caches that age them.
    """

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self.id = 0
        self.flags = 0
        self.size = HEADER_OCTETS
        self.ttl_offsets: Final[list[int]] = []
        self.reserved = 0
        self.opt_offset = 0  # where the OPT record begins, 0: there is none
        self.parts: Final[list[bytes]] = [b""]  # the first is the header's place
        self.counts: Final[list[int]] = [0, 0, 0, 0]
        self.qname = b""
        self.names: Final[dict[bytes, int]] = {}  # lower-cased name -> offset of its first occurrence
        self.added_names: Final[list[bytes]] = []  # by the RRset being written, to take back

    def header(self, id: int, flags: int) -> None:
        """Set the ID and the 16 flag bits, OPCODE and RCODE included. The counts come by themselves."""
        self.id = id
        self.flags = flags

    def question(self, qname_wire: bytes, qtype: int, qclass: int) -> None:
        """Write the question, the name's case as given."""
        self.qname = qname_wire.lower()
        self._write_name(qname_wire, HEADER_OCTETS)
        self.parts.append(qname_wire)
        self.parts.append((qtype << 16 | qclass).to_bytes(4, "big"))
        self.size += len(qname_wire) + 4
        self.counts[0] = 1

    def reserve(self, octets: int) -> None:
        """Keep this much space free for the OPT record (``opt_octets``)."""
        self.reserved = octets

    def rrset(self, section: int, rrset: RRset, ttl: int, with_signatures: bool) -> bool:
        """Write an RRset, all records with ``ttl`` seconds; False, and nothing written, if it does not fit."""
        size_before = self.size
        parts_before = len(self.parts)
        ttls_before = len(self.ttl_offsets)
        self.added_names.clear()
        fits = self._write_records(rrset.name, rrset.rtype, rrset.rdatas, ttl)
        count = len(rrset.rdatas)
        if fits and with_signatures and rrset.signatures:
            fits = self._write_records(rrset.name, iana.TYPE_RRSIG, rrset.signatures, ttl)
            count += len(rrset.signatures)
        if fits:
            self.counts[section] += count
            return True
        self.size = size_before
        del self.parts[parts_before:]
        del self.ttl_offsets[ttls_before:]
        for name in self.added_names:
            del self.names[name]
        return False

    def _write_records(self, name: bytes, rtype: int, rdatas: list[bytes], ttl: int) -> bool:
        parts = self.parts
        room = self.limit - self.reserved
        size = self.size
        prefix = _COMPRESSED.get(rtype, -1)
        fixed = (rtype << 16 | iana.CLASS_IN).to_bytes(4, "big") + ttl.to_bytes(4, "big")
        for rdata in rdatas:
            owner = self._write_name(name, size)
            start = size + len(owner) + 10
            if prefix >= 0:
                rdata = self._compress_rdata(rtype, rdata, prefix, start)
            length = len(rdata)
            if start + length > room:
                return False
            self.ttl_offsets.append(start - 6)
            parts.append(owner)
            parts.append(fixed)
            parts.append(length.to_bytes(2, "big"))
            parts.append(rdata)
            size = start + length
        self.size = size
        return True

    def _write_name(self, name: bytes, offset: int) -> bytes:
        """Return what to write for ``name`` at ``offset``, and remember its suffixes for later names."""
        names = self.names
        lower = name.lower()
        start = 0
        length = lower[0]
        while length:
            suffix = lower[start:]
            known = names.get(suffix, 0)
            if known:
                return name[:start] + (0xC000 | known).to_bytes(2, "big")
            if offset + start < _POINTER_LIMIT:
                names[suffix] = offset + start
                self.added_names.append(suffix)
            start += length + 1
            length = lower[start]
        return name

    def _compress_rdata(self, rtype: int, rdata: bytes, prefix: int, offset: int) -> bytes:
        """Return the RDATA with its names compressed, given that it will stand at ``offset``."""
        if rtype == iana.TYPE_SOA:
            size = len(rdata)
            mname_end = name_end(rdata, 0, size)
            rname_end = name_end(rdata, mname_end, size) if mname_end > 0 else -1
            if rname_end < 0:
                return rdata
            mname = self._write_name(rdata[:mname_end], offset)
            return mname + self._write_name(rdata[mname_end:rname_end], offset + len(mname)) + rdata[rname_end:]
        return rdata[:prefix] + self._write_name(rdata[prefix:], offset + prefix)

    def opt(self, udp_octets: int, extended_rcode: int, do: bool, options: list[EdnsOption]) -> None:
        """Write the OPT record, in the space reserved for it; ``extended_rcode`` are the upper eight bits."""
        wire = opt_record(udp_octets, extended_rcode, do, options)
        self.parts.append(wire)
        self.opt_offset = self.size
        self.size += len(wire)
        self.reserved = 0
        self.counts[SECTION_ADDITIONAL] += 1

    def finish(self) -> bytes:
        """Return the message."""
        counts = self.counts
        self.parts[0] = (
            (self.id << 16 | self.flags).to_bytes(4, "big")
            + (counts[0] << 16 | counts[1]).to_bytes(4, "big")
            + (counts[2] << 16 | counts[3]).to_bytes(4, "big")
        )
        return b"".join(self.parts)


def opt_octets(options: list[EdnsOption]) -> int:
    """Return the size of an OPT record with these options."""
    size = _OPT_OCTETS
    for option in options:
        size += 4 + len(option.data)
    return size


def opt_record(udp_octets: int, extended_rcode: int, do: bool, options: list[EdnsOption]) -> bytes:
    """Return an OPT record of EDNS version 0 (RFC 6891 section 6.1.2)."""
    fixed = b"\x00\x00\x29" + udp_octets.to_bytes(2, "big")
    flags = (extended_rcode << 24 | (_EDNS_DO if do else 0)).to_bytes(4, "big")
    if not options:
        return fixed + flags + b"\x00\x00"
    rdata = option_octets(options)
    return fixed + flags + len(rdata).to_bytes(2, "big") + rdata


def build_query(
    id: int, qname_wire: bytes, qtype: int, flags: int, edns_octets: int, do: bool, options: list[EdnsOption]
) -> bytes:
    """Return a query of class IN; without OPT if ``edns_octets``, the UDP size to announce, is 0."""
    return query_with_opt(id, qname_wire, qtype, flags, opt_record(edns_octets, 0, do, options) if edns_octets else b"")


def query_with_opt(id: int, qname_wire: bytes, qtype: int, flags: int, opt: bytes) -> bytes:
    """Return a query of class IN with an OPT record that was written before; without one if ``opt`` is empty."""
    header = (id << 16 | flags).to_bytes(4, "big")
    question = (qtype << 16 | iana.CLASS_IN).to_bytes(4, "big")
    counts = b"\x00\x01\x00\x00\x00\x00\x00\x01" if opt else b"\x00\x01\x00\x00\x00\x00\x00\x00"
    return b"".join((header, counts, qname_wire, question, opt))
