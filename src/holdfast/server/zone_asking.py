"""Asking one place one list of questions: datagrams with a second try, or one connection, each within its time."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence

from holdfast.base.effects import FAILURE_CLOSED, FAILURE_REFUSED, FAILURE_UNREACHABLE
from holdfast.dns.reader import HEADER_OCTETS, name_end
from holdfast.driver.datagram_exchanges import failure_of

TRY_S = 1.5  # for one datagram; name servers of large zones answer within a tenth of that
TRIES = 2  # of each question over UDP: a lost packet must not look like a silent server
STREAM_S = 4.0  # to connect, and then for each answer
FAILURES_IN_ROW = 3  # after so many a place is left alone
MISMATCHES = 8  # datagrams that answer something else, before a try is given up (RFC 5452 section 9.2)
MESSAGE_OCTETS = 65535

Asked = Callable[[int, bytes | None, str], None]  # question number, message, failure
SocketAddress = tuple[str, int]


def failure_text(error: OSError) -> str:
    """Return why nothing came."""
    failure = failure_of(error)
    if failure == FAILURE_REFUSED:
        return "connection refused"
    if failure == FAILURE_UNREACHABLE:
        return "unreachable"
    if failure == FAILURE_CLOSED:
        return "connection closed"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def answers(query: bytes, message: bytes) -> bool:
    """Tell whether a message has the ID and the question of a query, and is a response."""
    if len(message) < HEADER_OCTETS or message[:2] != query[:2] or not message[2] & 0x80:
        return False
    if message[4:6] == b"\x00\x00":
        return len(message) == HEADER_OCTETS  # an error from a server that did not read the question
    end = name_end(query, HEADER_OCTETS, len(query)) + 4
    return message[HEADER_OCTETS:end].lower() == query[HEADER_OCTETS:end].lower()


async def ask_datagrams(address: SocketAddress, queries: Sequence[bytes], asked: Asked) -> None:
    """Ask one question after the other over UDP; what is left out after repeated failures is not reported."""
    failures = 0
    for number, query in enumerate(queries):
        message, failure = None, ""
        for _ in range(TRIES):
            message, failure = await _try_datagram(address, query)
            if message is not None or failure != "timeout":
                break
        asked(number, message, failure)
        failures = failures + 1 if message is None else 0
        if failures >= FAILURES_IN_ROW:
            return


async def _try_datagram(address: SocketAddress, query: bytes) -> tuple[bytes | None, str]:
    """Send one datagram, from a port of its own with an ID of its own, and wait for its answer."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    query = os.urandom(2) + query[2:]
    try:
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect(address)
            async with asyncio.timeout(TRY_S):
                await loop.sock_sendall(sock, query)
                for _ in range(MISMATCHES):
                    message = await loop.sock_recv(sock, MESSAGE_OCTETS)
                    if answers(query, message):
                        return message, ""
    except TimeoutError:
        return None, "timeout"
    except OSError as error:
        return None, failure_text(error)
    return None, "answers to other questions"


async def ask_stream(
    address: SocketAddress,
    queries: Sequence[bytes],
    asked: Asked,
    tls: ssl.SSLContext | None = None,
    tls_name: str = "",
) -> None:
    """Ask one question after the other over one connection, which is opened anew if the server closes it."""
    number = 0
    failures = 0
    while number < len(queries) and failures < FAILURES_IN_ROW:
        writer: asyncio.StreamWriter | None = None
        begun = number
        failure = "connection closed"
        try:
            async with asyncio.timeout(STREAM_S):
                reader, writer = await asyncio.open_connection(
                    *address, ssl=tls, server_hostname=tls_name if tls is not None else None
                )
            while number < len(queries):
                async with asyncio.timeout(STREAM_S):
                    message = await _exchange(reader, writer, queries[number])
                asked(number, message, "")
                number += 1
        except TimeoutError:
            failure = "timeout"
        except ssl.SSLError as error:
            failure = f"TLS: {error.reason or error}"
        except OSError as error:
            failure = failure_text(error)
        except (asyncio.IncompleteReadError, ValueError):
            failure = "connection closed"
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(STREAM_S):
                        await writer.wait_closed()
        if number == begun and number < len(queries):
            asked(number, None, failure)
            number += 1
            failures += 1
        elif number > begun:
            failures = 0


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, query: bytes) -> bytes:
    """Return the answer to one query. Raises ValueError if something else comes."""
    query = os.urandom(2) + query[2:]
    writer.write(len(query).to_bytes(2, "big") + query)
    size = int.from_bytes(await reader.readexactly(2))
    message = await reader.readexactly(size)
    if not answers(query, message):
        raise ValueError("the answer is to another question")
    return message
