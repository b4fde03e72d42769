"""Putting negative trust anchors in force, and ending them (RFC 7646 sections 2 and 4), for what is cached too.

A new policy epoch makes whole answers of before unfindable, and requests that are under way are worked on once more.
Views make the trust of before unfindable where it could be another one now, and nowhere else (`dnssec.trust_view`).
What was learned before stays. What a temporary anchor lets through is kept unchecked: when the anchor ends, it is
validated on its next use, and what was validated before was never displaced.
"""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.resolve.recovery import forget_failures
from holdfast.resolve.state import ResolverState
from holdfast.resolve.timers import Timer

END_CHECK_US: Final = 60_000_000  # ends are by the wall clock: a step of it is noticed within a minute


def put_negative_anchor(state: ResolverState, anchor: NegativeTrustAnchor, now: Instant) -> None:
    """Put an anchor in force, in place of an earlier one of its zone."""
    state.negative_anchors.put(anchor)
    change_policy(state)
    state.record("negative-trust-anchor", anchor.zone.decode("latin-1"), described(anchor))
    if anchor.is_temporary():
        EndTimer(state, anchor, now.monotonic_us).fire(now)


def described(anchor: NegativeTrustAnchor) -> str:
    """Say everything about an anchor, for the journal."""
    scope = anchor.scope.text()
    return f"{anchor.text()} (by {anchor.author})" + (f"; {scope}" if scope else "")


def remove_negative_anchor(state: ResolverState, zone: bytes) -> bool:
    """End an anchor; False: there is none, or the configuration says that the zone is insecure.

    Failures from before are forgotten: the anchor may well end because the zone is well again.
    """
    anchor = state.negative_anchors.get(zone)
    if anchor is None:
        return False
    state.negative_anchors.remove(zone)
    forget_failures(state, zone)
    change_policy(state)
    state.record("negative-trust-anchor-ended", zone.decode("latin-1"), anchor.text())
    return True


def change_policy(state: ResolverState) -> None:
    """Let no decision of before count that could be another one now, and tell audiences apart that must be."""
    state.policy_epoch += 1
    audiences = state.audiences
    if audiences.several:
        anchors = state.negative_anchors
        audiences.divide([anchors.treatment(one) + state.rule_treatments[one.number] for one in audiences.all])


class EndTimer(Timer):
    """The end of an anchor, unless it has been replaced or removed."""

    def __init__(self, state: ResolverState, anchor: NegativeTrustAnchor, deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.state: Final = state
        self.anchor: Final = anchor

    def fire(self, now: Instant) -> None:
        """End it if it is time, else come back."""
        if self.state.negative_anchors.get(self.anchor.zone) is not self.anchor:
            return
        left_us = (self.anchor.end_s - now.wall_s) * 1_000_000
        if left_us <= 0:
            remove_negative_anchor(self.state, self.anchor.zone)
        else:
            self.state.timers.add(EndTimer(self.state, self.anchor, now.monotonic_us + min(left_us, END_CHECK_US)))
