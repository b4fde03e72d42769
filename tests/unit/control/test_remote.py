"""Asking a server: what is sent, what is made of the response, and what is said when there is none."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from holdfast.answer import ExtendedError, Record, SecurityStatus
from holdfast.control.problems import InputError
from holdfast.control.remote import NoResponseError, ask, server_endpoint

NAME = b"\3www\7example\2de\0"
Reply = Callable[[dns.message.Message], dns.message.Message]


@contextmanager
def server(reply: Reply) -> Iterator[tuple[str, int]]:
    """A UDP server on loopback that answers one query."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve() -> None:
        wire, client = sock.recvfrom(4096)
        sock.sendto(reply(dns.message.from_wire(wire)).to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield sock.getsockname()
    finally:
        thread.join(5)
        sock.close()


def test_a_signed_answer() -> None:
    asked: list[dns.message.Message] = []

    def reply(query: dns.message.Message) -> dns.message.Message:
        asked.append(query)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AD
        response.answer.append(dns.rrset.from_text("www.example.de.", 300, "IN", "A", "192.0.2.1"))
        rrsig = "A 13 3 300 20260521000000 20260507000000 33834 example.de. AAAA"
        response.answer.append(dns.rrset.from_text("www.example.de.", 300, "IN", "RRSIG", rrsig))
        return response

    with server(reply) as place:
        answer = ask(NAME, 1, place, tcp=False, timeout_s=5)
    assert asked[0].ednsflags & dns.flags.DO
    assert asked[0].flags & dns.flags.RD
    assert asked[0].payload == 1232
    assert (answer.rcode, answer.status) == ("NOERROR", SecurityStatus.SECURE)
    assert answer.records == (Record("www.example.de.", "A", 300, "192.0.2.1"),)
    assert [found.key_tag for found in answer.signatures] == [33834]


def test_a_failure_with_extended_errors() -> None:
    def reply(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.SERVFAIL)
        response.use_edns(
            0,
            options=[
                dns.edns.EDEOption(dns.edns.EDECode.SIGNATURE_EXPIRED, "expired"),
                dns.edns.GenericOption(dns.edns.OptionType.EDE, b"\0\x21"),
            ],
        )
        return response

    with server(reply) as place:
        answer = ask(NAME, 28, place, tcp=False, timeout_s=5)
    assert (answer.type, answer.rcode, answer.status) == ("AAAA", "SERVFAIL", SecurityStatus.UNCHECKED)
    assert answer.extended_errors == (
        ExtendedError(7, "Signature Expired", "expired"),
        ExtendedError(33, "Negative Trust Anchor", ""),
    )


def test_silence_and_refusal_are_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with pytest.raises(NoResponseError, match=rf"127\.0\.0\.1:{port} did not respond within 0\.1 s"):
            ask(NAME, 1, ("127.0.0.1", port), tcp=False, timeout_s=0.1)
    with pytest.raises(NoResponseError, match=rf"127\.0\.0\.1:{port} gave no usable response"):
        ask(NAME, 1, ("127.0.0.1", port), tcp=True, timeout_s=5)


def test_servers() -> None:
    assert server_endpoint("[::1]:5300") == ("::1", 5300)
    assert server_endpoint("localhost:5300")[1] == 5300
    for bad in ("", "1.2.3", "localhost:x", "[x]", "a..b"):
        with pytest.raises(InputError):
            server_endpoint(bad)
