"""EDNS(0): what an OPT record says (RFC 6891 section 6.1)."""

from typing import Final

from mypy_extensions import mypyc_attr

OPT_LENGTH_AT: Final = 9  # offset of RDLENGTH in an OPT record: after the root name, type, class and TTL


@mypyc_attr(acyclic=True)
class EdnsOption:
    """One option: code (``iana.EDNS_OPTION_*``) and its octets."""

    def __init__(self, code: int, data: bytes) -> None:
        self.code: Final = code
        self.data: Final = data


@mypyc_attr(acyclic=True)
class Edns:
    """A received OPT record. ``extended_rcode`` holds the upper eight bits of the RCODE only."""

    def __init__(self, version: int, udp_octets: int, do: bool, options: list[EdnsOption], extended_rcode: int) -> None:
        self.version: Final = version
        self.udp_octets: Final = udp_octets
        self.do: Final = do
        self.options: Final = options
        self.extended_rcode: Final = extended_rcode

    def option(self, code: int) -> bytes | None:
        """Return the data of the first option with ``code``, or None."""
        for option in self.options:
            if option.code == code:
                return option.data
        return None


def parse_options(wire: bytes, start: int, end: int) -> list[EdnsOption] | None:
    """Return the options in an OPT RDATA, ``wire[start:end]``; None if lengths do not add up."""
    options: list[EdnsOption] = []
    while start < end:
        data = start + 4
        if data > end:
            return None
        next_option = data + (wire[start + 2] << 8 | wire[start + 3])
        if next_option > end:
            return None
        options.append(EdnsOption(wire[start] << 8 | wire[start + 1], wire[data:next_option]))
        start = next_option
    return options


def parse_edns(wire: bytes, fixed: int, start: int, end: int) -> Edns | None:
    """Return the OPT record whose TYPE field is at ``fixed`` and RDATA ``wire[start:end]``; None if malformed."""
    options = parse_options(wire, start, end)
    if options is None:
        return None
    udp_octets = wire[fixed + 2] << 8 | wire[fixed + 3]
    return Edns(wire[fixed + 5], udp_octets, wire[fixed + 6] >= 0x80, options, wire[fixed + 4])


def extended_error(info_code: int, extra_text: str) -> EdnsOption:
    """Return the Extended DNS Error option (RFC 8914 section 2)."""
    return EdnsOption(15, bytes((info_code >> 8, info_code & 0xFF)) + extra_text.encode("utf-8"))


def option_octets(options: list[EdnsOption]) -> bytes:
    """Return options in wire format (RFC 6891 section 6.1.2)."""
    data: list[bytes] = []
    for option in options:
        data.append((option.code << 16 | len(option.data)).to_bytes(4, "big"))
        data.append(option.data)
    return b"".join(data)


def append_options(wire: bytes, opt_offset: int, octets: bytes) -> bytes:
    """Return a message with more options in its OPT record, which is the last record and begins at ``opt_offset``."""
    at = opt_offset + OPT_LENGTH_AT
    length = (wire[at] << 8 | wire[at + 1]) + len(octets)
    return wire[:at] + length.to_bytes(2, "big") + wire[at + 2 :] + octets
