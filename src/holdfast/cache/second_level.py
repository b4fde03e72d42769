"""The seam to a cache below this one, shared by all workers and kept over restarts, and the form of its records.

A record is one value under one key, complete in itself: what was judged, with its signatures, verdict and times. Only
judged data has a record, so nothing unchecked can come back as validated, whenever the writer stopped. Times are POSIX
seconds, since monotonic clocks start anew with the machine. A checksum over key and value shows damage.

Layout of a value: checksum (8), kind (1), status (1), rank (1), stored, expires and proved-until times (8 each), cause,
then RRsets. Numbers are big-endian.
"""

from abc import ABC, abstractmethod
from hashlib import blake2b
from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_S, Instant
from holdfast.base.security_status import INSECURE, SECURE
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.cache.negative_cache import NODATA, NXDOMAIN, NegativeEntry
from holdfast.cache.rrset_cache import CachedRRset
from holdfast.dns.name import canonical_key
from holdfast.dns.rrset import RRset

KIND_RRSET: Final = 1
KIND_DENIAL: Final = 2
KIND_DELEGATION: Final = 3
KEY_OCTETS: Final = 500  # the store takes keys of 511; longer names are not worth an exception
VALUE_OCTETS: Final = 65535  # larger RRsets are not kept
CHECKSUM_OCTETS: Final = 8
CLOCK_ERROR_S: Final = 300  # a record from further in the future than this is not believed
RECORD_SITE: Final = "second-level.record"


@mypyc_attr(allow_interpreted_subclasses=True)
class SecondLevelCache(ABC):
    """Reads records; writing goes by ``Remember`` and ``Forget`` effects."""

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """Return the record, or None if there is none or it cannot be read; never raise."""


def record_key(kind: int, name: bytes, rtype: int) -> bytes:
    """Return the key of a record: names sort so that everything at and below a zone is one range (`zone_prefix`)."""
    return canonical_key(name) + bytes((0, kind, rtype >> 8, rtype & 255))


def zone_prefix(zone: bytes) -> bytes:
    """Return what the keys of all records at and below ``zone`` begin with."""
    return canonical_key(zone)


class _Writer:
    """Collects the octets of a record."""

    def __init__(self, kind: int, status: int, rank: int) -> None:
        self.parts: Final[list[bytes]] = [bytes((kind, status, rank))]

    def number(self, value: int, octets: int) -> None:
        self.parts.append(value.to_bytes(octets, "big"))

    def text(self, data: bytes) -> None:
        self.parts.append(len(data).to_bytes(2, "big"))
        self.parts.append(data)

    def texts(self, many: list[bytes]) -> None:
        self.parts.append(len(many).to_bytes(2, "big"))
        for data in many:
            self.text(data)

    def rrset(self, rrset: RRset) -> None:
        self.text(rrset.name)
        self.number(rrset.rtype, 2)
        self.number(rrset.ttl, 4)
        self.texts(rrset.rdatas)
        self.texts(rrset.signatures)

    def rrsets(self, many: list[RRset]) -> None:
        self.number(len(many), 2)
        for rrset in many:
            self.rrset(rrset)

    def times(self, stored_us: int, expires_us: int, proved_until_s: int, now: Instant) -> None:
        self.number(now.wall_s - (now.monotonic_us - stored_us) // 1_000_000, 8)
        self.number(max(now.wall_s + (expires_us - now.monotonic_us) // 1_000_000, 0), 8)
        self.number(proved_until_s, 8)

    def cause(self, cause: Cause | None) -> None:
        self.number(0 if cause is None else cause.info_code + 1, 2)
        self.text(b"" if cause is None else cause.extra_text.encode("utf-8"))

    def finish(self, key: bytes) -> bytes:
        """Return the value; b"" if it is too large."""
        body = b"".join(self.parts)
        return b"" if len(body) > VALUE_OCTETS or len(key) > KEY_OCTETS else checksum(key, body) + body


class _Reader:
    """Takes a record apart; ``failed`` once something does not fit."""

    def __init__(self, value: bytes) -> None:
        self.value: Final = value
        self.at = CHECKSUM_OCTETS
        self.failed = False

    def number(self, octets: int) -> int:
        end = self.at + octets
        if end > len(self.value):
            self.failed = True
            return 0
        found = int.from_bytes(self.value[self.at : end], "big")
        self.at = end
        return found

    def text(self) -> bytes:
        length = self.number(2)
        end = self.at + length
        if end > len(self.value):
            self.failed = True
            return b""
        found = self.value[self.at : end]
        self.at = end
        return found

    def texts(self) -> list[bytes]:
        found: list[bytes] = []
        for _ in range(self.number(2)):
            if self.failed:
                break
            found.append(self.text())
        return found

    def rrset(self) -> RRset:
        name = self.text()
        rtype = self.number(2)
        ttl = self.number(4)
        rdatas = self.texts()
        return RRset(name, rtype, ttl, rdatas, self.texts())

    def rrsets(self) -> list[RRset]:
        found: list[RRset] = []
        for _ in range(self.number(2)):
            if self.failed:
                break
            found.append(self.rrset())
        return found

    def cause(self) -> Cause | None:
        code = self.number(2)
        text = self.text()
        return Cause(code - 1, text.decode("utf-8", "replace"), RECORD_SITE) if code else None


class RecordTimes:
    """The times of a record, on this process's clocks. ``believable``: it does not come from the future."""

    def __init__(self, stored_s: int, expires_s: int, proved_until_s: int, now: Instant) -> None:
        self.stored_s: Final = stored_s
        self.proved_until_s: Final = min(proved_until_s, FOREVER_S)
        self.believable: Final = stored_s <= now.wall_s + CLOCK_ERROR_S and stored_s <= expires_s
        self.stored_us: Final = now.monotonic_us - (now.wall_s - stored_s) * 1_000_000
        self.expires_us: Final = self.stored_us + (expires_s - stored_s) * 1_000_000


def checksum(key: bytes, body: bytes) -> bytes:
    """Return the checksum of a record."""
    return blake2b(body, key=key[:64], digest_size=CHECKSUM_OCTETS).digest()


def open_record(key: bytes, value: bytes, kind: int) -> _Reader | None:
    """Return a reader behind the kind, or None if the record is damaged or of another kind."""
    if len(value) < CHECKSUM_OCTETS + 3 or checksum(key, value[CHECKSUM_OCTETS:]) != value[:CHECKSUM_OCTETS]:
        return None
    reader = _Reader(value)
    return reader if reader.number(1) == kind else None


def read_times(reader: _Reader, now: Instant) -> RecordTimes:
    """Read the three times."""
    stored_s = reader.number(8)
    expires_s = reader.number(8)
    return RecordTimes(stored_s, expires_s, reader.number(8), now)


class _Judged:
    """How the record of something judged begins; ``detail`` is an RRset's rank, or the kind of a denial."""

    def __init__(self, reader: _Reader, now: Instant) -> None:
        self.reader: Final = reader
        self.status: Final = reader.number(1)
        self.detail: Final = reader.number(1)
        self.times: Final = read_times(reader, now)
        self.cause: Final = reader.cause()

    def may_be_used(self) -> bool:
        """Tell, when all of it is read, whether it is whole, judged, and not from the future."""
        return not self.reader.failed and self.times.believable and self.status in (SECURE, INSECURE)


def encode_rrset(key: bytes, entry: CachedRRset, now: Instant) -> bytes:
    """Return the record of a judged RRset, b"" if it cannot be kept."""
    writer = _Writer(KIND_RRSET, entry.status, entry.rank)
    writer.times(entry.stored_us, entry.expires_us, entry.proved_until_s, now)
    writer.cause(entry.cause)
    writer.rrset(entry.rrset)
    writer.rrsets(entry.wildcard_proof)
    return writer.finish(key)


def decode_rrset(key: bytes, value: bytes, now: Instant) -> CachedRRset | None:
    """Return the RRset of a record, None if it is damaged, from the future, or not judged."""
    reader = open_record(key, value, KIND_RRSET)
    if reader is None:
        return None
    judged = _Judged(reader, now)
    times = judged.times
    rrset = reader.rrset()
    proof = reader.rrsets()
    if not judged.may_be_used() or not rrset.rdatas:
        return None
    entry = CachedRRset(rrset, judged.status, judged.detail, times.stored_us, times.expires_us, judged.cause, proof)
    entry.proved_until_s = times.proved_until_s
    return entry


def encode_denial(key: bytes, entry: NegativeEntry, now: Instant) -> bytes:
    """Return the record of a judged denial, b"" if it cannot be kept."""
    writer = _Writer(KIND_DENIAL, entry.status, entry.kind)
    writer.times(entry.stored_us, entry.expires_us, entry.proved_until_s, now)
    writer.cause(entry.cause)
    writer.number(1 if entry.insecure_delegation else 0, 1)
    writer.text(entry.name)
    writer.rrsets([entry.soa] if entry.soa is not None else [])
    writer.rrsets(entry.proof)
    return writer.finish(key)


def decode_denial(key: bytes, value: bytes, now: Instant) -> NegativeEntry | None:
    """Return the denial of a record, None if it is damaged, from the future, or not judged."""
    reader = open_record(key, value, KIND_DENIAL)
    if reader is None:
        return None
    judged = _Judged(reader, now)
    times, kind = judged.times, judged.detail
    insecure_delegation = reader.number(1) == 1
    name = reader.text()
    soa = reader.rrsets()
    proof = reader.rrsets()
    if not judged.may_be_used() or kind not in (NODATA, NXDOMAIN):
        return None
    first = soa[0] if soa else None
    entry = NegativeEntry(name, kind, first, proof, judged.status, judged.cause, times.stored_us, times.expires_us)
    entry.insecure_delegation = insecure_delegation
    entry.proved_until_s = times.proved_until_s
    return entry


def encode_delegation(key: bytes, delegation: Delegation, now: Instant) -> bytes:
    """Return the record of a zone cut, b"" if it cannot be kept."""
    writer = _Writer(KIND_DELEGATION, 0, 0)
    writer.times(now.monotonic_us, delegation.expires_us, FOREVER_S, now)
    writer.text(delegation.zone)
    writer.number(delegation.port, 2)
    writer.number(len(delegation.servers), 2)
    for server in delegation.servers:
        writer.text(server.name)
        writer.texts(server.addresses)
    return writer.finish(key)


def decode_delegation(key: bytes, value: bytes, now: Instant) -> Delegation | None:
    """Return the zone cut of a record, None if it is damaged or from the future."""
    reader = open_record(key, value, KIND_DELEGATION)
    if reader is None:
        return None
    reader.number(2)
    times = read_times(reader, now)
    zone = reader.text()
    port = reader.number(2)
    servers: list[NameServer] = []
    for _ in range(reader.number(2)):
        if reader.failed:
            break
        name = reader.text()
        servers.append(NameServer(name, reader.texts()))
    if reader.failed or not times.believable:
        return None
    return Delegation(zone, servers, times.expires_us, port, False)
