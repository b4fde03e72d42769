"""Ports of 127.0.0.1 for servers that have to be told one, which nobody else takes before they have bound it."""

import os
import socket
from itertools import chain
from pathlib import Path
from typing import Final

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST, HIGHEST = 10_000, 65_535  # below are the ports of services
_RESERVED: Final[list[socket.socket]] = []  # held until this process ends, in whatever way


def reserve_port() -> int:
    """Return a port that is free for UDP and TCP, and is no other test's, in any process, as long as this one runs.

    What the kernel gives away itself, to clients and to who asks for any port, is left out. The other tests are kept
    away by an abstract socket with the port in its name.
    """
    first, last = (int(number) for number in EPHEMERAL.read_text().split())
    start = LOWEST + os.getpid() * 97 % (HIGHEST - LOWEST)  # few begin at the same place
    for port in chain(range(start, HIGHEST + 1), range(LOWEST, start)):
        if (port < first or port > last) and _reserve(port):
            if _is_free(port):
                return port
            _RESERVED.pop().close()
    raise AssertionError(f"no port between {LOWEST} and {HIGHEST} is free")


def _reserve(port: int) -> bool:
    """Reserve a port among the tests; False: another one has it."""
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        reservation.bind(f"\0holdfast-test-port-{port}")
    except OSError:
        reservation.close()
        return False
    _RESERVED.append(reservation)
    return True


def _is_free(port: int) -> bool:
    """Tell whether a server could bind a port now."""
    with socket.socket(type=socket.SOCK_STREAM) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
