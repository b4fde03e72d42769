"""Zone cuts that are crossed with old delegation data, because the parent cannot be believed or reached now.

Everything that rests on such a cut carries the same `StaleCut`, so that one change ends it everywhere at once.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.dns.rrset import RRset

CUTS: Final = 20_000  # remembered at a time: about 10 MB; the one least recently opened goes first


class StaleCut:
    """One zone cut. ``cause`` (EDE 3) goes with every answer that crosses it while ``active``.

    ``ds`` is the DS RRset that was validated last, None if the proof of no DS was; ``has_ds_state`` False: only the
    name servers are old, nothing is known of the DS.
    """

    def __init__(self, zone: bytes, has_ds_state: bool, ds: RRset | None, cause: Cause) -> None:
        self.zone: Final = zone
        self.has_ds_state: Final = has_ds_state
        self.ds: Final = ds
        self.cause: Final = cause
        self.active: bool = True
        self.uses: int = 0


class StaleCuts:
    """The active cuts by zone."""

    def __init__(self) -> None:
        self.cuts: Final[dict[bytes, StaleCut]] = {}

    def open(self, cut: StaleCut) -> StaleCut:
        """Use a cut: the one that is active for the zone already if it says the same, else ``cut``."""
        known = self.cuts.pop(cut.zone, None)
        if known is None or known.has_ds_state != cut.has_ds_state or not same_rrset(known.ds, cut.ds):
            if known is not None:
                known.active = False
            known = cut
        elif len(self.cuts) >= CUTS:
            self.close(next(iter(self.cuts)))
        known.uses += 1
        self.cuts[cut.zone] = known
        return known

    def close(self, zone: bytes) -> StaleCut | None:
        """End a cut: the parent was heard again; returns it if there was one."""
        known = self.cuts.pop(zone, None)
        if known is not None:
            known.active = False
        return known


def same_rrset(left: RRset | None, right: RRset | None) -> bool:
    """Tell whether two RRsets hold the same records, in whatever order; None is equal to None only."""
    if left is None or right is None:
        return left is right
    return sorted(left.rdatas) == sorted(right.rdatas)
