"""A laboratory world on sockets, with every TTL one second, and the configuration that leads a server there."""

import json
import time
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query

from bench.outage import write_files
from holdfast.dns.name import to_text
from holdfast.lab.three_hours import Variant, three_hours
from holdfast.lab.world import Pace, World

DAY_S = 86400  # divides every TTL down to one second
WAIT_S = 60.0  # nothing takes this long; a test that would hang fails instead
EDE_STALE = 3
EDE_BOGUS = 6


def small_world(variant: Variant, scale: float, seed: int = 1) -> World:
    """The three hours, for a clock that tells the present."""
    return World.generate(three_hours(variant).scaled(scale), seed, Pace(DAY_S, int(time.time())))


def configuration(world: World, folder: Path, address_map: Mapping[bytes, tuple[str, int]]) -> str:
    """Sections of a configuration file (see `server_process.configuration`): hints, trust anchor, where servers are."""
    files = write_files(world, folder)
    places = "".join(f'"{ip_address(one)}" = "{host}:{port}"\n' for one, (host, port) in address_map.items())
    return (
        f"[validation]\ntrust_anchor_file = {json.dumps(str(files.trust_anchor))}\n"
        f"[upstream]\nroot_hints_file = {json.dumps(str(files.root_hints))}\n[upstream.address_map]\n{places}"
    )


def ask(port: int, name: bytes) -> dns.message.Message:
    """Ask a resolver for an address."""
    query = dns.message.make_query(to_text(name), "A", want_dnssec=True)
    return dns.query.udp(query, "127.0.0.1", port=port, timeout=WAIT_S)


def is_authentic(answer: dns.message.Message) -> bool:
    """Tell whether AD is set."""
    return bool(answer.flags & dns.flags.AD)


def errors(answer: dns.message.Message) -> list[int]:
    """The codes of the Extended DNS Errors."""
    return [int(option.code) for option in answer.options if isinstance(option, dns.edns.EDEOption)]
