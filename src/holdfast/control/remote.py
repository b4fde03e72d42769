"""Asking a server over the network: what `holdfast query NAME @SERVER` does."""

import socket

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset

from holdfast.answer import Answer, Record, SecurityStatus, Signature, extended_error, signature_of
from holdfast.base.limits import EDNS_BUFFER_OCTETS
from holdfast.control.problems import InputError
from holdfast.dns import iana
from holdfast.server.texts import parse_endpoint


class NoResponseError(Exception):
    """The server did not give a usable response; the text says why."""


def server_endpoint(text: str) -> tuple[str, int]:
    """Return address and port of ``SERVER`` or ``SERVER:PORT``, where a host name is looked up by the system."""
    try:
        return parse_endpoint(text)
    except ValueError as error:
        host, _, port = text.partition(":")
        number = iana.decimal(port, 0xFFFF) if port else 53
        if number < 0 or not host or host[0] == "[" or host.replace(".", "").isdigit():
            raise InputError([str(error)]) from None
        try:
            found = socket.getaddrinfo(host, number, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as failure:
            raise InputError([f"server {host!r} has no address: {failure}"]) from None
        return str(found[0][4][0]), number


def ask(name: bytes, rtype: int, server: tuple[str, int], tcp: bool, timeout_s: float) -> Answer:
    """Return the server's answer. Its status is secure if the server says so (AD), otherwise unchecked.

    Raises `NoResponseError` if there is none in time.
    """
    query = dns.message.make_query(
        dns.name.from_wire(name, 0)[0],
        dns.rdatatype.RdataType.make(rtype),
        use_edns=0,
        payload=EDNS_BUFFER_OCTETS,
        want_dnssec=True,
        flags=dns.flags.RD | dns.flags.AD,
    )
    address, port = server
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    try:
        if tcp:
            response = dns.query.tcp(query, address, timeout_s, port)
        else:
            response, _ = dns.query.udp_with_fallback(query, address, timeout_s, port)
    except dns.exception.Timeout:
        raise NoResponseError(f"{place} did not respond within {timeout_s:g} s") from None
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise NoResponseError(f"{place} gave no usable response: {str(error) or type(error).__name__}") from None
    return _answer(query, response)


def _answer(query: dns.message.Message, response: dns.message.Message) -> Answer:
    question = query.question[0]
    authenticated = bool(response.flags & dns.flags.AD)
    options = [option for option in response.options if isinstance(option, dns.edns.EDEOption)]
    return Answer(
        name=question.name.to_text(),
        type=iana.type_name(question.rdtype),
        rcode=iana.rcode_name(response.rcode()),
        status=SecurityStatus.SECURE if authenticated else SecurityStatus.UNCHECKED,
        records=_records(response.answer),
        authority=_records(response.authority),
        signatures=_signatures(response.answer),
        extended_errors=tuple(extended_error(int(option.code), option.text or "") for option in options),
        chain=(),
    )


def _records(section: list[dns.rrset.RRset]) -> tuple[Record, ...]:
    return tuple(
        Record(rrset.name.to_text(), iana.type_name(rrset.rdtype), rrset.ttl, rdata.to_text())
        for rrset in section
        if rrset.rdtype != iana.TYPE_RRSIG
        for rdata in rrset
    )


def _signatures(section: list[dns.rrset.RRset]) -> tuple[Signature, ...]:
    rrsigs = [rdata for rrset in section if rrset.rdtype == iana.TYPE_RRSIG for rdata in rrset]
    return tuple(found for rdata in rrsigs if (found := signature_of(rdata.to_wire() or b"")) is not None)
