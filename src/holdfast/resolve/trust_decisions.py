"""Putting trust anchors and negative trust anchors in force, and ending them, at once and for what is cached too.

A new policy epoch makes whole answers of before unfindable, and requests that are under way are worked on once more.
Views make the trust of before unfindable where it could be another one now, and nowhere else (`dnssec.trust_view`).
What was learned before stays. What a temporary anchor lets through is kept unchecked: when the anchor ends, it is
validated on its next use, and what was validated before was never displaced.
"""

from typing import Final

from holdfast.base.instant import Instant
from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.name import is_subdomain
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.dnssec.trust_anchor import TrustAnchor
from holdfast.resolve.recall import forget_subtree
from holdfast.resolve.recovery import forget_failures
from holdfast.resolve.state import ResolverState
from holdfast.resolve.timers import Timer

END_CHECK_US: Final = 60_000_000  # ends are by the wall clock: a step of it is noticed within a minute


def put_negative_anchor(state: ResolverState, anchor: NegativeTrustAnchor, now: Instant) -> None:
    """Put an anchor in force, in place of an earlier one of its zone."""
    if anchor.is_temporary() and state.negative_anchors.get(anchor.zone) is None:
        state.shadows.begin(anchor.zone)
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
    state.shadows.end(zone)
    forget_failures(state, zone)
    change_policy(state)
    state.record("negative-trust-anchor-ended", zone.decode("latin-1"), anchor.text())
    return True


def change_policy(state: ResolverState) -> None:
    """Let no decision of before count that could be another one now, and tell audiences apart that must be."""
    state.policy_epoch += 1
    state.agreements.clear()
    audiences = state.audiences
    if audiences.several:
        anchors = state.negative_anchors
        audiences.divide([anchors.treatment(one) + state.rule_treatments[one.number] for one in audiences.all])


def forgive(state: ResolverState, zone: bytes) -> None:
    """Forget what has failed in a zone: it need not fail any more."""
    forget_failures(state, zone)
    for broken in list(state.broken.zones):
        if is_subdomain(broken, zone):
            state.broken.remove(broken)


def put_anchor(state: ResolverState, setting: TrustAnchorSetting, now: Instant) -> None:
    """Trust these keys of a zone from now on, and no others but those that they vouch for (RFC 5011).

    What was learned about keys that are still trusted stays. What was judged under other keys is judged anew: data of a
    zone that had no anchor, or of one whose key was taken away, is dropped, for it was judged by nobody's word or by
    that key.
    """
    zone = setting.zone
    old = state.anchors.get(zone)
    if old is not None and old.tracked and setting.tracked:
        setting = TrustAnchorSetting(zone, setting.ds, setting.dnskey, True, old.state_text())
    anchor = TrustAnchor(setting)
    state.anchors[zone] = anchor
    change_policy(state)
    state.trust.remove_subtree(zone)
    if old is None or anchor.withdraw_seeds_missing_from(old):
        forget_subtree(state, zone, now)
    forgive(state, zone)
    tags = ", ".join([str(tag) for tag in anchor.trusted_key_tags()])
    state.record("trust-anchor", zone.decode("latin-1"), f"trusted keys: {tags}")
    if anchor.tracked:
        state.record("trust-anchor-state", zone.decode("latin-1"), anchor.state_text())


def remove_anchor(state: ResolverState, zone: bytes, now: Instant) -> bool:
    """Trust no key of a zone by itself any more: its parent decides, if anybody. False: there is no anchor."""
    if state.anchors.pop(zone, None) is None:
        return False
    change_policy(state)
    forget_subtree(state, zone, now)
    forgive(state, zone)
    state.record("trust-anchor-removed", zone.decode("latin-1"), "no trusted keys")
    return True


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
