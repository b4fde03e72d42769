"""Asking one place: datagrams may be lost or forged, connections may close, and TLS must be the right one's."""

import asyncio
import contextlib
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import dns.message
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.server import zone_asking
from holdfast.server.texts import parse_vantage_point
from holdfast.server.vantage_point import VantagePoint
from holdfast.server.zone_asking import answers, ask_datagrams, ask_stream

QUERIES = [dns.message.make_query(f"n{number}.de", "DS").to_wire() for number in range(4)]
Answer = tuple[int, bytes | None, str]


def response_to(wire: bytes) -> bytes:
    return dns.message.make_response(dns.message.from_wire(wire)).to_wire()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one, True),
        (lambda one: bytes([one[0] ^ 1]) + one[1:], False),
        (lambda one: one[:2] + bytes([one[2] & 0x7F]) + one[3:], False),
        (lambda one: one.replace(b"n0", b"n1"), False),
        (lambda one: one.replace(b"n0", b"N0"), True),
        (lambda one: one[:11], False),
        (lambda one: one[:4] + bytes(8), True),
    ],
)
def test_only_a_response_with_the_id_and_the_question_is_an_answer(
    change: Callable[[bytes], bytes], expected: bool
) -> None:
    assert answers(QUERIES[0], change(response_to(QUERIES[0]))) is expected


class Datagrams(asyncio.DatagramProtocol):
    """A server that answers as ``answer`` says: with any number of datagrams."""

    def __init__(self, answer: Callable[[bytes, int], list[bytes]]) -> None:
        self.answer = answer
        self.seen: list[bytes] = []
        self.ports: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen.append(data)
        self.ports.add(addr[1])
        for one in self.answer(data, len(self.seen)):
            self.transport.sendto(one, addr)  # type: ignore[attr-defined]


async def ask_udp(answer: Callable[[bytes, int], list[bytes]]) -> tuple[list[Answer], Datagrams]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Datagrams(answer), local_addr=("127.0.0.1", 0))
    found: list[Answer] = []
    try:
        await ask_datagrams(transport.get_extra_info("sockname")[:2], QUERIES, lambda *one: found.append(one))
    finally:
        transport.close()
    return found, server


def test_each_question_has_a_port_and_an_id_of_its_own() -> None:
    found, server = asyncio.run(ask_udp(lambda query, _at: [response_to(query)]))
    assert [(number, failure) for number, _, failure in found] == [(at, "") for at in range(4)]
    assert len(server.ports) == 4
    assert [one[2:] for one in server.seen] == [one[2:] for one in QUERIES]


def test_a_lost_datagram_is_asked_for_again_and_forged_ones_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_asking, "TRY_S", 0.05)

    def lossy(query: bytes, at: int) -> list[bytes]:
        if at == 1:
            return []
        right = response_to(query)
        return [b"junk", bytes([right[0] ^ 1]) + right[1:], right]

    found, _ = asyncio.run(ask_udp(lossy))
    assert [failure for _, _, failure in found] == [""] * 4
    found, server = asyncio.run(ask_udp(lambda query, _at: [b"junk" + query] * 20))
    assert [failure for _, _, failure in found] == ["answers to other questions"] * 3, "then it is left alone"
    assert len(server.seen) == 3


def test_a_silent_place_is_left_alone_after_three_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_asking, "TRY_S", 0.02)
    found, server = asyncio.run(ask_udp(lambda _query, _at: []))
    assert [(number, failure) for number, _, failure in found] == [(at, "timeout") for at in range(3)]
    assert len(server.seen) == 3 * zone_asking.TRIES


def test_nobody_there_is_told_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        place = sock.getsockname()
    for ask in (ask_datagrams, ask_stream):
        found: list[Answer] = []
        asyncio.run(ask(place, QUERIES, lambda *one: found.append(one)))  # noqa: B023
        assert [failure for _, _, failure in found] == ["connection refused"] * 3


# -- streams -----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def stream_server(answers_before_close: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    """A server that closes each connection after so many answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            for _ in range(answers_before_close):
                query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                answer = response_to(query)
                writer.write(len(answer).to_bytes(2) + answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()


async def ask_tcp(
    answers_before_close: int,
    server: ssl.SSLContext | None = None,
    client: ssl.SSLContext | None = None,
    name: str = "",
) -> list[Answer]:
    found: list[Answer] = []
    async with stream_server(answers_before_close, server) as place:
        await ask_stream(place, QUERIES, lambda *one: found.append(one), client, name)
    return found


def test_a_connection_that_the_server_closes_is_opened_anew() -> None:
    for count in (1, 3, 10):
        found = asyncio.run(ask_tcp(count))
        assert [(number, failure) for number, _, failure in found] == [(at, "") for at in range(4)]


def test_a_server_that_closes_without_a_word_is_left_alone() -> None:
    assert [failure for _, _, failure in asyncio.run(ask_tcp(0))] == ["connection closed"] * 3


def tls_contexts(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a certificate for a name, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


def test_a_vantage_point_over_tls_must_have_the_certificate_of_its_name(tmp_path: Path) -> None:
    server, client = tls_contexts(tmp_path, "dns.example")
    found = asyncio.run(ask_tcp(10, server, client, "dns.example"))
    assert [failure for _, _, failure in found] == [""] * 4
    for context, name in (
        (client, "other.example"),
        (VantagePoint("127.0.0.1", 853, "dns.example").tls(), "dns.example"),
    ):
        found = asyncio.run(ask_tcp(10, server, context, name))
        assert [failure for _, _, failure in found] == ["TLS: CERTIFICATE_VERIFY_FAILED"] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.9", VantagePoint("192.0.2.9", 53)),
        ("tls://192.0.2.9#Dns.Example.", VantagePoint("192.0.2.9", 853, "dns.example")),
        ("tls://[2001:db8::9]:8853#dns.example", VantagePoint("2001:db8::9", 8853, "dns.example")),
        ("tunnel://10.0.0.9", VantagePoint("10.0.0.9", 53, is_tunnel=True)),
        ("tunnel://[2001:db8::9]:5301", VantagePoint("2001:db8::9", 5301, is_tunnel=True)),
    ],
)
def test_how_vantage_points_are_written(text: str, expected: VantagePoint) -> None:
    assert parse_vantage_point(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "dns.example",
        "tls://192.0.2.9",
        "tls://192.0.2.9#",
        "tls://192.0.2.9#a..b",
        "tls://x#y",
        "tunnel://here",
        "udp://192.0.2.9",
    ],
)
def test_what_is_no_vantage_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an IP address|has no name for the certificate|is no vantage point"):
        parse_vantage_point(text)
