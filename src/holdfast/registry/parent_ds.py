"""The parent's DS records, from a file as `dig DS` or a zone file writes them."""

from dataclasses import dataclass

from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.registry.problems import RegistryError
from holdfast.registry.zone_file import read_records

NONE = "none"
DEFAULT_TTL_S = 86400  # of records without TTL, as signers write them for the parent; the root and most TLDs use it


@dataclass(frozen=True)
class ParentDs:
    """The DS RRset of a zone: RDATA, none if the parent has no DS, and TTL in seconds."""

    rdatas: list[bytes]
    ttl_s: int


def read_parent_ds(path: str, zone: bytes) -> ParentDs:
    """Read the DS records of ``zone`` from a file; the word ``none`` instead says that the parent has no DS.

    `RegistryError` names what is wrong. A file without DS records is a mistake, most likely a query that failed.
    """
    if path == NONE:
        return ParentDs([], 0)
    found = [
        record
        for record in read_records(path, default_ttl_s=DEFAULT_TTL_S)
        if record[3] == iana.TYPE_DS and record[1] == zone
    ]
    if not found:
        raise RegistryError([f"{path}: has no DS record of {to_text(zone)}; if the parent has none, say {NONE!r}"])
    rdatas = list(dict.fromkeys(record[4] for record in found))
    return ParentDs(rdatas, min((record[2] for record in found), default=0))
