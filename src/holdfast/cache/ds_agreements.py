"""DS RRsets that nobody can vouch for, but that all name servers of the parent state alike.

Below a negative trust anchor that lets signed zones be validated they are where validation resumes. They say nothing
about who is authentic: what is validated by them is never more than insecure.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.limits import DS_AGREEMENT_MINIMUM_S, DS_AGREEMENTS, DS_ROUNDS_PER_SECOND
from holdfast.dns.name import is_subdomain
from holdfast.dns.rrset import RRset


class DsAgreement:
    """One DS RRset. ``cause`` says why it does not validate (None: not known), ``remark`` who agrees on it."""

    def __init__(self, ds: RRset, cause: Cause | None, remark: Cause, expires_us: int) -> None:
        self.ds: Final = ds
        self.cause: Final = cause
        self.remark: Final = remark
        self.expires_us = expires_us

    def causes(self) -> list[Cause]:
        """Return what goes with every answer that rests on it."""
        return [self.remark] if self.cause is None else [self.cause, self.remark]

    def doubt(self, now_us: int) -> None:
        """The child's keys do not match: it may have changed them, and its DS with them, so look again soon."""
        self.expires_us = min(self.expires_us, now_us + DS_AGREEMENT_MINIMUM_S * 1_000_000)


class DsAgreements:
    """Agreements by ``TrustView.key`` of the child, the oldest first, and how many more may be looked for.

    They go with the trust decisions under which they were made.
    """

    def __init__(self) -> None:
        self.by_child: Final[dict[bytes, DsAgreement]] = {}
        self.second = -1
        self.rounds: Final[dict[bytes, int]] = {}  # begun in this second, by the zone that is excused

    def get(self, key: bytes, now_us: int) -> DsAgreement | None:
        """Return what was agreed on, if that is not too long ago."""
        known = self.by_child.get(key)
        return known if known is not None and known.expires_us > now_us else None

    def put(self, key: bytes, agreement: DsAgreement) -> None:
        """Remember an agreement."""
        self.by_child.pop(key, None)
        if len(self.by_child) >= DS_AGREEMENTS:
            del self.by_child[next(iter(self.by_child))]
        self.by_child[key] = agreement

    def remove(self, key: bytes) -> None:
        """Forget one agreement."""
        self.by_child.pop(key, None)

    def remove_subtree(self, zone: bytes) -> None:
        """Forget what was agreed on at and below a zone."""
        for key in [key for key in self.by_child if is_subdomain(key, zone)]:
            del self.by_child[key]

    def clear(self) -> None:
        """Forget everything: a trust decision was made."""
        self.by_child.clear()

    def take_round(self, zone: bytes, now_us: int) -> bool:
        """Take the right to ask all servers once for a child of ``zone``; False: not in this second."""
        second = now_us // 1_000_000
        if second != self.second:
            self.second = second
            self.rounds.clear()
        begun = self.rounds.get(zone, 0)
        if begun >= DS_ROUNDS_PER_SECOND:
            return False
        self.rounds[zone] = begun + 1
        return True
