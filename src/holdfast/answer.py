"""What a resolution returns: records in presentation form, the security status, and the chain of trust behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from holdfast.base import security_status
from holdfast.base.cause import Cause
from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dns.rdata import parse_dnskey, parse_ds, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.engine.inputs import ChainLink, Resolution


class SecurityStatus(StrEnum):
    """The four security statuses of RFC 4035 section 4.3, and ``UNCHECKED`` for what nobody has judged."""

    SECURE = "secure"
    INSECURE = "insecure"
    INDETERMINATE = "indeterminate"
    BOGUS = "bogus"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record in presentation form (RFC 1035 section 5.1); names end with a dot."""

    name: str
    type: str
    ttl_s: int
    data: str


@dataclass(frozen=True, slots=True)
class ExtendedError:
    """An Extended DNS Error (RFC 8914): code, its registered name, and the text that says what exactly is wrong."""

    code: int
    name: str
    text: str

    def __str__(self) -> str:
        """Show it on one line."""
        return f"EDE {self.code} ({self.name})" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True, slots=True)
class DelegationSigner:
    """A DS record, or a trust anchor in the form of one (RFC 4034 section 5)."""

    key_tag: int
    algorithm: str
    digest_type: str


@dataclass(frozen=True, slots=True)
class Key:
    """A DNSKEY record. ``role`` is KSK if its SEP flag is set, otherwise ZSK (RFC 4034 section 2.1.1)."""

    key_tag: int
    algorithm: str
    role: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """An RRSIG record: who signed what, and the period in which it counts (RFC 4034 section 3.1)."""

    type_covered: str
    key_tag: int
    algorithm: str
    signer: str
    inception: datetime
    expiration: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """One zone of a chain of trust. ``ds`` vouches for one of ``keys``, which signed the keys with ``signatures``."""

    zone: str
    status: SecurityStatus
    ds: tuple[DelegationSigner, ...]
    keys: tuple[Key, ...]
    signatures: tuple[Signature, ...]
    error: ExtendedError | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a resolution.

    ``rcode`` is a mnemonic such as ``NOERROR``, ``NXDOMAIN`` or ``SERVFAIL``; a failure to resolve is an answer too,
    with the reasons in ``extended_errors``. ``records`` and ``authority`` are those two sections without their RRSIGs;
    ``signatures`` are the RRSIGs of ``records``. ``chain`` runs from the trust anchor down to the name.
    """

    name: str
    type: str
    rcode: str
    status: SecurityStatus
    records: tuple[Record, ...]
    authority: tuple[Record, ...]
    signatures: tuple[Signature, ...]
    extended_errors: tuple[ExtendedError, ...]
    chain: tuple[Link, ...]

    @property
    def secure(self) -> bool:
        """Whether signatures prove the answer, from a trust anchor down."""
        return self.status is SecurityStatus.SECURE

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as values that JSON knows; docs/cli.md describes the stable schema."""
        return {
            "name": self.name,
            "type": self.type,
            "rcode": self.rcode,
            "status": self.status.value,
            "records": [_plain(record) for record in self.records],
            "authority": [_plain(record) for record in self.authority],
            "signatures": [_plain(signature) for signature in self.signatures],
            "extended_errors": [_plain(error) for error in self.extended_errors],
            "chain": [_plain(link) for link in self.chain],
        }


def presentation_name(name: bytes) -> str:
    """Return a name in presentation form with its final dot."""
    return to_text(name).removesuffix(".") + "."


def extended_error(code: int, text: str) -> ExtendedError:
    """Return an Extended DNS Error with its registered name."""
    return ExtendedError(code, iana.EDE_NAMES.get(code, "unassigned"), text)


def answer_of(name: bytes, rtype: int, resolution: Resolution) -> Answer:
    """Return the engine's result for a question in presentation form."""
    return Answer(
        name=presentation_name(name),
        type=iana.type_name(rtype),
        rcode=iana.rcode_name(resolution.rcode),
        status=_status(resolution.status),
        records=_records(resolution.answer),
        authority=_records(resolution.authority),
        signatures=_signatures(rdata for rrset in resolution.answer for rdata in rrset.signatures),
        extended_errors=tuple(_error(cause) for cause in resolution.causes),
        chain=tuple(_link(link) for link in resolution.chain),
    )


def signature_of(rdata: bytes) -> Signature | None:
    """Return the view of an RRSIG's RDATA; None if it is malformed."""
    view = parse_rrsig(rdata)
    if view is None:
        return None
    return Signature(
        iana.type_name(view.type_covered),
        view.key_tag,
        iana.algorithm_name(view.algorithm),
        presentation_name(view.signer),
        datetime.fromtimestamp(view.inception, UTC),
        datetime.fromtimestamp(view.expiration, UTC),
    )


def rdata_text(rtype: int, rdata: bytes) -> str:
    """Return RDATA in presentation form; what its type's rules do not allow is shown as RFC 3597 section 5 says."""
    kind = dns.rdatatype.RdataType.make(rtype)
    try:
        return dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text()
    except (dns.exception.DNSException, ValueError):
        return f"\\# {len(rdata)} {rdata.hex()}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "__dataclass_fields__"):
        return {field: _plain(getattr(value, field)) for field in value.__dataclass_fields__}
    return value


def _status(status: int) -> SecurityStatus:
    return SecurityStatus(security_status.NAMES[status])


def _error(cause: Cause) -> ExtendedError:
    return extended_error(cause.info_code, cause.extra_text)


def _records(rrsets: list[RRset]) -> tuple[Record, ...]:
    return tuple(
        Record(presentation_name(rrset.name), iana.type_name(rrset.rtype), rrset.ttl, rdata_text(rrset.rtype, rdata))
        for rrset in rrsets
        for rdata in rrset.rdatas
    )


def _signatures(rdatas: Iterable[bytes]) -> tuple[Signature, ...]:
    return tuple(signature for rdata in rdatas if (signature := signature_of(rdata)) is not None)


def _link(link: ChainLink) -> Link:
    signers = [signer for rdata in link.ds if (signer := parse_ds(rdata)) is not None]
    keys = [key for rdata in link.dnskey if (key := parse_dnskey(rdata)) is not None]
    return Link(
        zone=presentation_name(link.zone),
        status=_status(link.status),
        ds=tuple(
            DelegationSigner(
                signer.key_tag,
                iana.algorithm_name(signer.algorithm),
                iana.DIGEST_NAMES.get(signer.digest_type, f"DIGEST{signer.digest_type}"),
            )
            for signer in signers
        ),
        keys=tuple(
            Key(
                key.key_tag,
                iana.algorithm_name(key.algorithm),
                "KSK" if key.flags & iana.DNSKEY_FLAG_SEP else "ZSK",
                key.flags & iana.DNSKEY_FLAG_REVOKE != 0,
            )
            for key in keys
        ),
        signatures=_signatures(link.rrsigs),
        error=_error(link.cause) if link.cause is not None else None,
    )
