"""Values that go in and out of the engine beside packets."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.dns.rrset import RRset


class ChainLink:
    """One zone of a chain of trust: its DS and DNSKEY RDATA, the RRSIGs over the keys, security status, cause."""

    def __init__(
        self, zone: bytes, status: int, ds: list[bytes], dnskey: list[bytes], rrsigs: list[bytes], cause: Cause | None
    ) -> None:
        self.zone: Final = zone
        self.status: Final = status
        self.ds: Final = ds
        self.dnskey: Final = dnskey
        self.rrsigs: Final = rrsigs
        self.cause: Final = cause


class Resolution:
    """The result of ``ResolverEngine.resolve``; ``token`` is the caller's."""

    def __init__(
        self,
        token: int,
        rcode: int,
        status: int,
        answer: list[RRset],
        authority: list[RRset],
        causes: list[Cause],
        chain: list[ChainLink],
    ) -> None:
        self.token: Final = token
        self.rcode: Final = rcode
        self.status: Final = status
        self.answer: Final = answer
        self.authority: Final = authority
        self.causes: Final = causes
        self.chain: Final = chain
