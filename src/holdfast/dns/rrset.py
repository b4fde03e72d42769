"""The unit of data in DNS: all records of one owner and type (RFC 2181 section 5), class IN."""

from typing import Final

from mypy_extensions import mypyc_attr


@mypyc_attr(acyclic=True)
class RRset:
    """Owner, type, TTL and RDATA, with the signatures that cover it.

    ``name`` is lower-cased. ``signatures`` holds RRSIG RDATA; they share the RRset's TTL, in seconds (RFC 4034
    section 3). ``rdatas`` is empty when a message held signatures only. RDATA is uncompressed, its case as received.
    """

    def __init__(self, name: bytes, rtype: int, ttl: int, rdatas: list[bytes], signatures: list[bytes]) -> None:
        self.name: Final = name
        self.rtype: Final = rtype
        self.ttl = ttl
        self.rdatas = rdatas
        self.signatures = signatures

    def __repr__(self) -> str:
        """Show what it is and how many, for test output and logs."""
        return f"RRset({self.name!r}, {self.rtype}, ttl={self.ttl}, {len(self.rdatas)}+{len(self.signatures)} records)"
