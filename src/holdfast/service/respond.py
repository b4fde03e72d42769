"""From what is known to the octets of a response."""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.cause import Cause
from holdfast.base.limits import PLAIN_UDP_OCTETS
from holdfast.base.settings import EngineSettings
from holdfast.dns.edns import EdnsOption, append_options
from holdfast.dns.iana import (
    EDNS_OPTION_EDE,
    FLAG_AD,
    FLAG_CD,
    FLAG_QR,
    FLAG_RA,
    FLAG_RD,
    FLAG_TC,
    TYPE_ANY,
    TYPE_NSEC,
    TYPE_NSEC3,
)
from holdfast.dns.message import Question
from holdfast.dns.rrset import RRset
from holdfast.dns.writer import SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY, MessageWriter, opt_octets

TCP_OCTETS: Final = 65535
EXTRA_TEXT_OCTETS: Final = 250  # of one EDE: long enough for two names, short enough for a 512 octet answer
EXTENDED_ERRORS: Final = 4  # in one answer


@mypyc_attr(acyclic=True)
class Part:
    """An RRset of a response with the TTL to show."""

    def __init__(self, rrset: RRset, ttl_s: int) -> None:
        self.rrset: Final = rrset
        self.ttl_s: Final = ttl_s


class LocalPart(Part):
    """An RRset that an override rule of the operator made up: no protection removes it."""


class Response:
    """A response before it is written for a particular client."""

    def __init__(self, rcode: int) -> None:
        self.rcode: int = rcode
        self.answer: list[Part] = []
        self.authority: list[Part] = []  # what the answer needs: SOA and denial
        self.name_servers: Part | None = None  # welcome if it fits, as the additional section
        self.additional: list[Part] = []
        self.secure: bool = False
        self.recursion_available: bool = True  # to this client (RFC 1035 section 4.1.1)
        self.causes: list[Cause] = []


@mypyc_attr(acyclic=True)
class Written:
    """A response on the wire. ``complete`` False: not what every client should get; ``opt_offset`` 0: no OPT record."""

    def __init__(self, wire: bytes, ttl_offsets: list[int], opt_offset: int, truncated: bool, complete: bool) -> None:
        self.wire: Final = wire
        self.ttl_offsets: Final = ttl_offsets
        self.opt_offset: Final = opt_offset
        self.truncated: Final = truncated
        self.complete: Final = complete

    def with_options(self, octets: bytes) -> bytes:
        """Return the message with more options, for which room was left."""
        return append_options(self.wire, self.opt_offset, octets) if octets and self.opt_offset else self.wire


def limit_octets(question: Question, is_stream: bool, settings: EngineSettings) -> int:
    """Return how large a response the client takes (RFC 6891 section 6.2.3)."""
    if is_stream:
        return TCP_OCTETS
    if question.edns is None:
        return PLAIN_UDP_OCTETS
    return max(PLAIN_UDP_OCTETS, min(question.edns.udp_octets, settings.edns_buffer_octets))


def ede_options(causes: list[Cause], with_texts: bool) -> list[EdnsOption]:
    """Write the causes as EDE options, the innermost first (RFC 8914 section 2)."""
    options: list[EdnsOption] = []
    for cause in causes[:EXTENDED_ERRORS]:
        text = cause.extra_text.encode("utf-8", "replace") if with_texts else b""
        if len(text) > EXTRA_TEXT_OCTETS:
            text = text[:EXTRA_TEXT_OCTETS].decode("utf-8", "ignore").encode()  # no half of a character
        options.append(EdnsOption(EDNS_OPTION_EDE, bytes([cause.info_code >> 8, cause.info_code & 255]) + text))
    return options


def write_response(
    question: Question, response: Response, is_stream: bool, settings: EngineSettings, room_octets: int = 0
) -> Written:
    """Write a response for one client: its ID, its letter case, its size, its EDNS.

    ``room_octets`` are left free for options of its own (``Written.with_options``). The texts of errors go before any
    data has to (RFC 8914 section 3). ANY over UDP gets one RRset of all (RFC 8482 section 4.1): it is hardly ever asked
    but to have a large answer sent to somebody else.
    """
    limit = limit_octets(question, is_stream, settings) - room_octets
    if question.edns is not None and settings.extended_errors and response.causes:
        whole = write_message(question, response, is_stream, settings, limit, ede_options(response.causes, True))
        if not whole.truncated:
            return whole
        return write_message(question, response, is_stream, settings, limit, ede_options(response.causes, False))
    return write_message(question, response, is_stream, settings, limit, [])


def write_message(
    question: Question,
    response: Response,
    is_stream: bool,
    settings: EngineSettings,
    limit: int,
    options: list[EdnsOption],
) -> Written:
    """Write a response of at most ``limit`` octets, truncated if it does not fit."""
    edns = question.edns
    wants_dnssec = edns is not None and edns.do
    flags = FLAG_QR | (question.flags & (FLAG_RD | FLAG_CD)) | (question.opcode << 11) | (response.rcode & 15)
    if response.secure and (wants_dnssec or question.flags & FLAG_AD) and not question.flags & FLAG_CD:
        flags |= FLAG_AD  # RFC 6840 section 5.8; with CD nothing is checked, whatever the cache happens to know
    if response.recursion_available:
        flags |= FLAG_RA
    writer = MessageWriter(limit)
    if edns is not None:
        writer.reserve(opt_octets(options))
    writer.header(question.id, flags)
    if question.qname_wire:
        writer.question(question.qname_wire, question.qtype, question.qclass)
    complete = writer.size + writer.reserved <= limit
    depends_on_transport = question.qtype == TYPE_ANY and settings.minimal_any
    shown = response.answer[:1] if depends_on_transport and not is_stream else response.answer
    for part in shown:
        if complete and not writer.rrset(SECTION_ANSWER, part.rrset, part.ttl_s, wants_dnssec):
            complete = False
    if complete:
        for part in response.authority:
            if not wants_dnssec and (part.rrset.rtype == TYPE_NSEC or part.rrset.rtype == TYPE_NSEC3):
                continue  # RFC 4035 section 3.2.1: without DO no DNSSEC records beyond those asked for
            if not writer.rrset(SECTION_AUTHORITY, part.rrset, part.ttl_s, wants_dnssec):
                complete = False
                break
    if complete:
        write_extras(writer, response, wants_dnssec)
    if edns is not None:
        writer.opt(settings.edns_buffer_octets, response.rcode >> 4, edns.do, options)
    wire = writer.finish()
    if not complete:
        out = bytearray(wire)
        out[2] |= FLAG_TC >> 8
        wire = bytes(out)
    return Written(wire, writer.ttl_offsets, writer.opt_offset, not complete, complete and not depends_on_transport)


def write_extras(writer: MessageWriter, response: Response, wants_dnssec: bool) -> None:
    """Write what the client can do without, as far as there is room; nothing missing here means TC (RFC 2181 9)."""
    servers = response.name_servers
    if servers is not None and not writer.rrset(SECTION_AUTHORITY, servers.rrset, servers.ttl_s, wants_dnssec):
        return
    for part in response.additional:
        if not writer.rrset(SECTION_ADDITIONAL, part.rrset, part.ttl_s, wants_dnssec):
            return
