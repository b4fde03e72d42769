"""What is proposed, and what is not."""

import pytest

from holdfast.base.limits import ANCHOR_REASON_CHARACTERS, NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S
from holdfast.dnssec.anchor_scope import WIDE
from holdfast.sentinel.detector import Detector
from holdfast.sentinel.incident import Incident
from holdfast.sentinel.observation import Failures, Reason
from holdfast.sentinel.proposal import propose
from tests.support.seen_zones import APEX_REASON, at, failures, nothing_covered, seen, wire


def incident(zone: str = "de", reason: Reason = APEX_REASON, unreachable: bool = False) -> Incident:
    failed = failures(*(f"x{n}.{zone}" for n in range(8)), reason=reason)
    what = seen(zone, 0, Failures(), failed) if unreachable else seen(zone, 0, failed)
    (found,) = Detector().look([what], at(1), nothing_covered)
    return found


def test_a_proposal_is_built_from_the_evidence() -> None:
    proposal = propose(incident())
    assert proposal is not None
    assert proposal.zone == wire("de")
    assert proposal.scope.below_strict  # the children of a top-level domain are other people's
    assert proposal.reason == (
        "signatures do not verify since 2026-05-05T19:30Z, keytag 33834, a0d5d1p51kijsevll74k523htmq406bk.de/NSEC3"
    )
    assert 0 < proposal.lifetime_s <= NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S


def test_a_zone_below_a_top_level_domain_is_its_owners_as_a_whole() -> None:
    proposal = propose(incident("example.de"))
    assert proposal is not None
    assert proposal.scope is WIDE


@pytest.mark.parametrize("length", [1, 40, 63])
def test_a_reason_fits_and_can_be_printed(length: int) -> None:
    owner = ".".join(["x" * length] * 3)
    reason = Reason(9, "text", f"{owner}/DNSKEY", 12345, 1)
    proposal = propose(incident(reason=reason))
    assert proposal is not None
    assert len(proposal.reason) <= ANCHOR_REASON_CHARACTERS
    assert "keytag 12345" in proposal.reason
    assert proposal.reason.isprintable()


def test_nothing_is_proposed_that_would_not_help() -> None:
    assert propose(incident(unreachable=True)) is None
    root = incident("de")
    root.zone = wire(".")
    assert propose(root) is None
