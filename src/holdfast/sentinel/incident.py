"""An incident: which zone is broken, in which way, since when, which record and key show it, and how sure that is."""

from dataclasses import astuple, dataclass, field
from math import log
from typing import Any

from holdfast.dns import iana
from holdfast.dns.name import from_text, to_text
from holdfast.dnssec.signature_time import utc_text
from holdfast.sentinel.observation import Reason
from holdfast.sentinel.suspicion import Suspicion

BOGUS, UNREACHABLE = "bogus", "unreachable"
EXAMPLES = 5  # of children that fail, shown to people
BESIDE_SHOWN = 3
BESIDE_KEPT = 12  # in a journal, whose lines have a length
SUREST = 99.0  # powers of ten: more says nothing more

GROUPS = {
    iana.EDE_DNSSEC_BOGUS: "signatures do not verify",
    iana.EDE_SIGNATURE_EXPIRED: "signatures have expired",
    iana.EDE_SIGNATURE_NOT_YET_VALID: "signatures are not valid yet",
    iana.EDE_DNSKEY_MISSING: "keys are missing or not those that were announced",
    iana.EDE_RRSIGS_MISSING: "signatures are missing",
    iana.EDE_NO_ZONE_KEY_BIT_SET: "keys are not zone keys",
    iana.EDE_NSEC_MISSING: "denials of existence prove nothing",
}
OTHER_GROUP = "data does not validate"
UNREACHABLE_GROUP = "servers do not answer"

_NUMBERS = ("number", "since_s", "opened_s", "closed_s", "reopened", "failed", "good", "children", "latest_failure_s")


@dataclass
class Incident:
    """A broken zone. Times are POSIX seconds; ``closed_s`` 0: it is open.

    ``since_s`` is the best guess of the onset, ``opened_s`` when the evidence sufficed. ``powers_of_ten``: so much
    likelier is what was seen if the zone is broken than if it is well. ``children``: how many children of the zone
    failed (none beyond the number that is remembered), with ``examples``; ``servers`` (packed) sent the bad data.
    """

    number: int
    zone: bytes
    kind: str
    since_s: int
    opened_s: int
    closed_s: int = 0
    reopened: int = 0
    reason: Reason | None = None
    powers_of_ten: float = 0.0
    failed: int = 0
    good: int = 0
    children: int = 0
    examples: tuple[bytes, ...] = ()
    servers: tuple[bytes, ...] = ()
    latest_failure_s: int = 0
    beside: tuple[bytes, ...] = field(default=())  # unrelated zones that broke at the same time

    @property
    def is_open(self) -> bool:
        """Tell whether the zone is broken still."""
        return not self.closed_s

    @property
    def group(self) -> str:
        """Return in words what is wrong."""
        if self.kind == UNREACHABLE:
            return UNREACHABLE_GROUP
        return GROUPS.get(self.reason.info_code, OTHER_GROUP) if self.reason is not None else OTHER_GROUP

    def learn(self, evidence: Suspicion) -> None:
        """Take over what is known by now."""
        self.reason = evidence.main_reason()
        self.powers_of_ten = max(self.powers_of_ten, min(SUREST, round(evidence.evidence / log(10), 1)))
        self.failed, self.good = evidence.failed, evidence.good
        self.children = len(evidence.children)
        self.examples = tuple(list(evidence.children)[:EXAMPLES])
        self.servers = tuple(evidence.servers)
        self.latest_failure_s = evidence.latest_failure_s

    def text(self) -> str:
        """Say it in one line."""
        zone = to_text(self.zone)
        parts = [f"{zone}: {self.group} since {utc_text(self.since_s)}"]
        if self.reason is not None and self.reason.text:
            parts.append(self.reason.text)
        parts.append(f"{self.failed} failures against {self.good} good verdicts")
        if self.servers:
            parts.append(f"from {len(self.servers)} server address" + ("es" if len(self.servers) > 1 else ""))
        if self.closed_s:
            parts.append(f"over since {utc_text(self.closed_s)}")
        return "; ".join(parts)

    def caution(self) -> str:
        """Return what people should think of first, "": nothing."""
        if self.beside:
            more = len(self.beside) - BESIDE_SHOWN
            names = ", ".join(to_text(one) for one in self.beside[:BESIDE_SHOWN])
            names += f" and {more} more zones" if more > 0 else ""
            return f"{names} broke at the same time: look at the clock and the network of this resolver first"
        if self.kind == BOGUS and len(self.servers) == 1:
            return "all bad data came from one server address: it or the way to it may be what is broken"
        return ""

    def values(self) -> dict[str, Any]:
        """Return the incident as JSON values."""
        return {
            "number": self.number,
            "zone": to_text(self.zone),
            "kind": self.kind,
            "group": self.group,
            "since_s": self.since_s,
            "opened_s": self.opened_s,
            "closed_s": self.closed_s,
            "reopened": self.reopened,
            "info_code": self.reason.info_code if self.reason is not None else -1,
            "reason": self.reason.text if self.reason is not None else "",
            "subject": self.reason.subject if self.reason is not None else "",
            "key_tag": self.reason.key_tag if self.reason is not None else -1,
            "powers_of_ten": self.powers_of_ten,
            "failed": self.failed,
            "good": self.good,
            "children": self.children,
            "examples": [to_text(one) for one in self.examples],
            "servers": len(self.servers),
            "caution": self.caution(),
            "text": self.text(),
        }

    def kept(self) -> dict[str, Any]:
        """Return all that has to be known to go on with it after a restart, as JSON values; see `read_kept`."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {
            **numbers,
            "zone": to_text(self.zone),
            "kind": self.kind,
            "reason": list(astuple(self.reason)) if self.reason is not None else None,
            "powers_of_ten": self.powers_of_ten,
            "examples": [to_text(one) for one in self.examples],
            "servers": [one.hex() for one in self.servers],
            "beside": [to_text(one) for one in self.beside[:BESIDE_KEPT]],
        }


def read_kept(values: dict[str, Any]) -> Incident:
    """Return the incident of `Incident.kept`. Raises KeyError, TypeError or ValueError if it is none."""
    numbers = {name: _checked(values[name], int) for name in _NUMBERS}
    if values["kind"] not in (BOGUS, UNREACHABLE):
        raise ValueError(f"unknown kind {values['kind']!r}")
    reason = None
    if values["reason"] is not None:
        kinds = (int, str, str, int, int)
        reason = Reason(*[_checked(one, kind) for one, kind in zip(values["reason"], kinds, strict=True)])
    return Incident(
        zone=_name(values["zone"]),
        kind=values["kind"],
        reason=reason,
        powers_of_ten=float(values["powers_of_ten"]),
        examples=tuple(map(_name, values["examples"])),
        servers=tuple(map(bytes.fromhex, values["servers"])),
        beside=tuple(map(_name, values["beside"])),
        **numbers,
    )


def _checked(value: Any, kind: type) -> Any:
    """Return a value of a kind. Raises TypeError if it is of another."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _name(text: str) -> bytes:
    """Return a domain name in wire format. Raises ValueError if it is none."""
    name = from_text(_checked(text, str))
    if name is None:
        raise ValueError(f"{text!r} is no domain name")
    return name
