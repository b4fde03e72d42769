"""A small Internet on loopback in which one zone is broken, for servers that run as processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message

from holdfast.lab.authority import Authority
from tests.support.signed_network import signed_network
from tests.support.signed_world import SignedWorld, spoil_signatures


class SpoiledAuthority(Authority):
    """Breaks what `example` signs."""

    def answer(self, wire: bytes, transport: int) -> bytes | None:
        """Answer, badly."""
        answer = super().answer(wire, transport)
        if answer is None:
            return None
        response = dns.message.from_wire(answer)
        spoil_signatures(response, "example.")
        return response.to_wire()


@contextmanager
def broken_network(folder: Path) -> Iterator[str]:
    """Serve a root, a sound zone and a broken one; yields the configuration that leads there."""
    world = SignedWorld({"example": "www 3600 IN A 203.0.113.1\n", "other": "www 3600 IN A 203.0.113.2\n"})
    with signed_network(folder, world, SpoiledAuthority) as network:
        yield network
