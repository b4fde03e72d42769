"""What one resolver process saw of a zone since its last look: the only thing that the detector goes by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.cache.zone_health import FailureCount, ZoneHealth

Values = dict[str, Any]


@dataclass(frozen=True)
class Reason:
    """An innermost cause, and how often it was given: EDE code, text, ``owner/TYPE`` or "", key tag or -1."""

    info_code: int
    text: str
    subject: str
    key_tag: int
    count: int


@dataclass(frozen=True)
class Failures:
    """Failures of one kind: how many, which children of the zone (wire format), why, and bad data's packed sources."""

    total: int = 0
    children: tuple[bytes, ...] = ()
    reasons: tuple[Reason, ...] = ()
    servers: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Observation:
    """One zone: what its keys vouched for, what its servers answered, and both kinds of failure."""

    zone: bytes
    validated: int
    answered: int
    bogus: Failures
    unreachable: Failures


def observations(taken: Sequence[ZoneHealth]) -> list[Observation]:
    """Return what an engine's ``take_health`` gave."""
    return [
        Observation(one.zone, one.validated, one.answered, _failures(one.bogus), _failures(one.unreachable))
        for one in taken
    ]


def _failures(count: FailureCount) -> Failures:
    reasons = tuple(
        Reason(one.cause.info_code, one.cause.extra_text, one.cause.subject, one.cause.key_tag, one.count)
        for one in count.causes
    )
    return Failures(count.total, tuple(count.children), reasons, tuple(count.servers))


def to_values(seen: Observation) -> Values:
    """Return an observation as JSON values, for the way from a worker to the supervisor."""
    return {
        "zone": seen.zone.hex(),
        "validated": seen.validated,
        "answered": seen.answered,
        "bogus": _failure_values(seen.bogus),
        "unreachable": _failure_values(seen.unreachable),
    }


def _failure_values(failures: Failures) -> Values:
    return {
        "total": failures.total,
        "children": [one.hex() for one in failures.children],
        "reasons": [[one.info_code, one.text, one.subject, one.key_tag, one.count] for one in failures.reasons],
        "servers": [one.hex() for one in failures.servers],
    }


def from_values(values: Values) -> Observation:
    """Return the observation of ``to_values``; its other end is this program, so nothing is checked."""
    zone = bytes.fromhex(values["zone"])
    bogus, unreachable = (_failures_of(values[kind]) for kind in ("bogus", "unreachable"))
    return Observation(zone, values["validated"], values["answered"], bogus, unreachable)


def _failures_of(values: Values) -> Failures:
    return Failures(
        values["total"],
        tuple(bytes.fromhex(one) for one in values["children"]),
        tuple(Reason(*one) for one in values["reasons"]),
        tuple(bytes.fromhex(one) for one in values["servers"]),
    )
