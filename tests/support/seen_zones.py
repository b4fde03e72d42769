"""Observations for tests of the detector."""

from holdfast.dns.iana import EDE_DNSSEC_BOGUS
from holdfast.dns.name import from_text
from holdfast.sentinel.observation import Failures, Observation, Reason
from holdfast.sentinel.suspicion import LOOK_S

START_S = 1_778_009_400  # 2026-05-05T19:30:00Z
APEX = "a0d5d1p51kijsevll74k523htmq406bk.de/NSEC3"
APEX_REASON = Reason(EDE_DNSSEC_BOGUS, f"RRSIG with invalid signature for {APEX} (keytag=33834)", APEX, 33834, 1)
NO_FAILURES = Failures()


def wire(text: str) -> bytes:
    name = from_text(text)
    assert name is not None
    return name


def failures(*children: str, reason: Reason = APEX_REASON, servers: int = 3) -> Failures:
    return Failures(
        len(children), tuple(map(wire, children)), (reason,), tuple(bytes([192, 0, 2, n]) for n in range(servers))
    )


def seen(
    zone: str = "de", validated: int = 0, bogus: Failures = NO_FAILURES, unreachable: Failures = NO_FAILURES
) -> Observation:
    return Observation(wire(zone), validated, 0, bogus, unreachable)


def nothing_covered(_zone: bytes) -> bool:
    return False


def at(look: int) -> int:
    return START_S + look * LOOK_S
