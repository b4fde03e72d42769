"""For whom, for which types and how deep a negative trust anchor holds.

It should touch no more than the failure does. The *wide* scope is the classic one: all clients, all types, everything
below. The *narrow* one is made for a top-level domain that breaks its own signatures: what people need to reach a
service is let through, what secures it is not, and signed zones below stay validated.
"""

from typing import Final

from holdfast.base.audience import Audience
from holdfast.dns.iana import (
    TYPE_ANY,
    TYPE_CAA,
    TYPE_CDNSKEY,
    TYPE_CDS,
    TYPE_CERT,
    TYPE_DNSKEY,
    TYPE_DS,
    TYPE_HIP,
    TYPE_IPSECKEY,
    TYPE_KEY,
    TYPE_OPENPGPKEY,
    TYPE_SMIMEA,
    TYPE_SSHFP,
    TYPE_TLSA,
    type_name,
)
from holdfast.dns.name import label_count

# Keys, fingerprints and who may certify: of use only if they are authentic. ANY may bring any of them.
SECURING_TYPES: Final = [
    TYPE_KEY,
    TYPE_CERT,
    TYPE_DS,
    TYPE_SSHFP,
    TYPE_IPSECKEY,
    TYPE_DNSKEY,
    TYPE_TLSA,
    TYPE_SMIMEA,
    TYPE_HIP,
    TYPE_CDS,
    TYPE_CDNSKEY,
    TYPE_OPENPGPKEY,
    TYPE_ANY,
    TYPE_CAA,
]


class AnchorScope:
    """Each list of services, client groups and types names the only ones it holds for; empty: all.

    ``except_clients`` and ``except_types`` are those that it never holds for. ``below_strict``: zones further down are
    validated by their DS records, as far as those are known (RFC 7646 section 1.1: validation goes on below).
    """

    def __init__(
        self,
        services: list[str],
        clients: list[str],
        except_clients: list[str],
        types: list[int],
        except_types: list[int],
        below_strict: bool,
    ) -> None:
        self.services: Final = services
        self.clients: Final = clients
        self.except_clients: Final = except_clients
        self.types: Final = types
        self.except_types: Final = except_types
        self.below_strict: Final = below_strict

    def holds_for(self, audience: Audience) -> bool:
        """Tell whether it relaxes anything for an audience: never for one on the never list."""
        if audience.strict or (self.services and audience.service not in self.services):
            return False
        return audience.group not in self.except_clients and (not self.clients or audience.group in self.clients)

    def relaxes(self, rtype: int) -> bool:
        """Tell whether questions for a type are let through."""
        return rtype not in self.except_types and (not self.types or rtype in self.types)

    def public_text(self) -> str:
        """Say what clients may know of it, "": it is wide. Services and groups are no business of theirs."""
        parts: list[str] = []
        if self.types:
            parts.append("for " + type_list(self.types))
        if self.except_types:
            parts.append("not for " + type_list(self.except_types))
        if self.below_strict:
            parts.append("zones below are validated")
        return ", ".join(parts)

    def text(self) -> str:
        """Say in words what it is, "": everything for everybody."""
        parts: list[str] = []
        if self.services:
            parts.append("service " + " ".join(self.services))
        if self.clients:
            parts.append("clients " + " ".join(self.clients))
        if self.except_clients:
            parts.append("not clients " + " ".join(self.except_clients))
        public = self.public_text()
        if public:
            parts.append(public)
        return ", ".join(parts)


def type_list(types: list[int]) -> str:
    """Write types as people do."""
    return " ".join([type_name(rtype) for rtype in types])


def narrow_scope() -> AnchorScope:
    """Return the narrow scope."""
    return AnchorScope([], [], [], [], SECURING_TYPES, True)


WIDE: Final = AnchorScope([], [], [], [], [], False)


def default_scope(zone: bytes) -> AnchorScope:
    """Return the scope that a zone gets unless said otherwise: narrow for a top-level domain, else wide."""
    return narrow_scope() if label_count(zone) == 1 else WIDE
