"""Worlds in which the registry of `de` is broken, has an anchor, and is asked for DS records it cannot vouch for."""

from collections.abc import Callable

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from holdfast.dns.iana import (
    EDE_DNSSEC_BOGUS,
    EDE_NEGATIVE_TRUST_ANCHOR,
    EDE_OTHER,
)
from holdfast.dnssec.anchor_scope import AnchorScope
from tests.support.engine_world import Message
from tests.support.registry_world import (
    MORE_ADDRESSES,
    RegistryWorld,
)
from tests.support.signed_world import CHILD_ADDRESS

REGISTRY = [CHILD_ADDRESS, *MORE_ADDRESSES]
RESOLVED = [EDE_DNSSEC_BOGUS, EDE_OTHER, EDE_NEGATIVE_TRUST_ANCHOR]
BELOW_STRICT = AnchorScope([], [], [], [], [], True)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


def broken_world(servers: int = 4, scope: AnchorScope | None = None, deeper: bool = False) -> RegistryWorld:
    """A world in which no child has been seen before its registry broke."""
    world = RegistryWorld(servers=servers, deeper=deeper)
    world.broken = True
    world.add_anchor(scope)
    return world


def asked_for_ds(world: RegistryWorld, name: str = "unseen.de") -> list[str]:
    """The servers that were asked for a DS RRset, sorted."""
    question = f"{name}. IN DS"
    return sorted(address for address, query in world.sent if query.question[0].to_text() == question)


def change_ds(world: RegistryWorld, change: Callable[[str, Message], Message | None], name: str = "unseen.de") -> None:
    """Let something happen to what servers answer to the question for a DS RRset."""
    respond = world.respond

    def changed(address: str, query: Message) -> Message | None:
        response = respond(address, query)
        if response is None or query.question[0].to_text() != f"{name}. IN DS":
            return response
        return change(address, response)

    world.respond = changed


def without_ds(response: Message) -> Message:
    """The denial of a DS RRset, as good as its server has one."""
    response.answer = []
    response.authority = [dns.rrset.from_text("de.", 900, "IN", "SOA", "ns.de. h.de. 1 2 3 4 5")]
    return response


def with_other_ds(response: Message) -> Message:
    """The same response with one octet changed in its DS RRset."""
    for at, rrset in enumerate(response.answer):
        if rrset.rdtype == dns.rdatatype.DS:
            (ds,) = rrset
            other = ds.replace(digest=bytes([ds.digest[0] ^ 1]) + ds.digest[1:])
            response.answer[at] = dns.rrset.from_rdata(rrset.name, rrset.ttl, other)
    return response


def statistic(world: RegistryWorld, name: str) -> int:
    return world.engine.statistics().get(name, 0)
