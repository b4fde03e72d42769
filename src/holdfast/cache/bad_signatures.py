"""RRsets that failed validation, and which servers hand them out, so that failures are not repeated (RFC 9520).

An RRset that three servers of a zone return octet by octet the same, signatures included, is not a fault of one of
them: asking more would only repeat the failure. In an outage like that of .de, the NSEC3 record of the apex is such an
RRset, and it is part of every denial.
"""

from hashlib import blake2b
from typing import Final

from holdfast.dns.rrset import RRset

SIGHTINGS_TO_BELIEVE: Final = 3  # distinct servers; a broken secondary or a forger near one server does not reach it
REMEMBERED_US: Final = 60_000_000  # since the last sighting
RRSETS_REMEMBERED: Final = 10_000
SIGNERS_REMEMBERED: Final = 10_000
SIGNER_REMEMBERED_US: Final = 300_000_000  # a server that lags behind is repaired within minutes


class BadRRset:
    """One of them: the servers that returned it lately."""

    def __init__(self) -> None:
        self.servers: Final[list[bytes]] = []
        self.until_us: int = 0


def fingerprint(rrset: RRset) -> bytes:
    """Return a short name for an RRset with its signatures, TTL left out."""
    state = blake2b(rrset.name, digest_size=16)
    state.update(rrset.rtype.to_bytes(2, "big"))
    for rdata in sorted(rrset.rdatas):
        state.update(rdata)
    for rdata in sorted(rrset.signatures):
        state.update(rdata)
    return state.digest()


class BadSignatures:
    """Bad RRsets by fingerprint, and the servers of a zone whose data failed lately: the others are asked first."""

    def __init__(self) -> None:
        self.rrsets: Final[dict[bytes, BadRRset]] = {}
        self.signers: Final[dict[bytes, int]] = {}  # zone and server address: until when, in monotonic microseconds

    def note(self, rrset: RRset, server: bytes, now_us: int) -> bool:
        """Remember that ``server`` (b"": unknown) returned it; True: the RRset is bad wherever it comes from."""
        key = fingerprint(rrset)
        entry = self.rrsets.pop(key, None)
        if entry is None or entry.until_us <= now_us:
            if len(self.rrsets) >= RRSETS_REMEMBERED:
                del self.rrsets[next(iter(self.rrsets))]
            entry = BadRRset()
        self.rrsets[key] = entry
        entry.until_us = now_us + REMEMBERED_US
        if server and server not in entry.servers and len(entry.servers) < SIGHTINGS_TO_BELIEVE:
            entry.servers.append(server)
        return len(entry.servers) >= SIGHTINGS_TO_BELIEVE

    def note_bad_signer(self, zone: bytes, server: bytes, now_us: int) -> None:
        """Remember that data of ``zone`` from this server did not validate."""
        key = zone + server
        self.signers.pop(key, None)
        if len(self.signers) >= SIGNERS_REMEMBERED:
            del self.signers[next(iter(self.signers))]
        self.signers[key] = now_us + SIGNER_REMEMBERED_US

    def note_good_signer(self, zone: bytes, server: bytes) -> None:
        """Data of ``zone`` from this server validated."""
        if self.signers:
            self.signers.pop(zone + server, None)

    def is_bad_signer(self, zone: bytes, server: bytes, now_us: int) -> bool:
        """Tell whether data of ``zone`` from this server failed validation lately."""
        return self.signers.get(zone + server, 0) > now_us
