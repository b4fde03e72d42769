"""Protection against DNS rebinding: public names must not point to private addresses.

An attacker's name that resolves to an address inside the client's network makes a browser treat that address as part of
the attacker's site. Records that do so are removed from answers to clients, after validation and beside the cache:
what the zone said stays known, what the client sees is policy.

Limitation: names in the text of other types (TXT, NAPTR) are not looked at; no browser connects to them.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.settings import AccessRule, EngineSettings
from holdfast.dns.iana import EDE_BLOCKED, TYPE_A, TYPE_AAAA, TYPE_HTTPS, TYPE_SVCB, type_name
from holdfast.dns.name import is_subdomain, to_text
from holdfast.dns.reader import name_end, u16
from holdfast.dns.rrset import RRset
from holdfast.resolve.delegation import in_prefix
from holdfast.service.respond import LocalPart, Part, Response
from holdfast.service.special_names import LOCALHOST

MAPPED_PREFIX: Final = b"\x00" * 10 + b"\xff\xff"  # RFC 4291 section 2.5.5.2: connecting to it is connecting to IPv4
SVC_PARAM_IPV4HINT: Final = 4  # RFC 9460 section 14.3.2
SVC_PARAM_IPV6HINT: Final = 6


class PrivateAddresses:
    """Removes the records of public names that point into ``settings.private_prefixes``."""

    def __init__(self, settings: EngineSettings) -> None:
        self.prefixes: Final[list[AccessRule]] = settings.private_prefixes
        self.exceptions: Final[list[bytes]] = [*settings.private_exceptions, LOCALHOST]

    def remove_from(self, response: Response) -> bool:
        """Remove what must not be seen, and say so with EDE 15; False: there was nothing to remove.

        What is left of an RRset loses its signatures, which were made for the whole of it.
        """
        if not self.prefixes:
            return False
        found = False
        kept: list[Part] = []
        for part in response.answer:
            rrset = part.rrset
            public = rrset.rdatas if isinstance(part, LocalPart) else self.public_records(rrset)
            if len(public) == len(rrset.rdatas):
                kept.append(part)
                continue
            found = True
            text = f"private address removed from {to_text(rrset.name)}/{type_name(rrset.rtype)} (DNS rebinding)"
            response.causes.append(Cause(EDE_BLOCKED, text, "rebinding.private"))
            if public:
                kept.append(Part(RRset(rrset.name, rrset.rtype, rrset.ttl, public, []), part.ttl_s))
        response.answer = kept
        return found

    def public_records(self, rrset: RRset) -> list[bytes]:
        """Return the RDATA of an RRset that clients may see."""
        if any(is_subdomain(rrset.name, zone) for zone in self.exceptions):
            return rrset.rdatas
        if rrset.rtype == TYPE_A or rrset.rtype == TYPE_AAAA:
            return [rdata for rdata in rrset.rdatas if not self.is_private(rdata)]
        if rrset.rtype == TYPE_SVCB or rrset.rtype == TYPE_HTTPS:
            return [rdata for rdata in rrset.rdatas if not any(self.is_private(one) for one in address_hints(rdata))]
        return rrset.rdatas

    def is_private(self, address: bytes) -> bool:
        """Tell whether a packed address, or the IPv4 address mapped into it, lies in a private prefix."""
        if len(address) == 16 and address.startswith(MAPPED_PREFIX) and self.is_private(address[12:]):
            return True
        return any(in_prefix(address, rule) for rule in self.prefixes)


def address_hints(rdata: bytes) -> list[bytes]:
    """Return the packed addresses in the ipv4hint and ipv6hint of an SVCB or HTTPS RDATA (RFC 9460 section 7.3).

    What does not parse ends the search: a client that reads the record takes nothing from there either.
    """
    addresses: list[bytes] = []
    size = len(rdata)
    at = name_end(rdata, 2, size)
    while 0 < at <= size - 4:
        key = u16(rdata, at)
        start = at + 4
        at = start + u16(rdata, at + 2)
        if at > size:
            break
        octets = 4 if key == SVC_PARAM_IPV4HINT else 16 if key == SVC_PARAM_IPV6HINT else 0
        if octets:
            addresses.extend(rdata[one : one + octets] for one in range(start, at, octets))
    return addresses
