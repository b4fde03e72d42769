"""What vantage points saw of the RRsets that are bad here: the only thing that nobody on the path to here can imitate.

Bad signatures prove nothing about who made them bad, so a vantage point counts for the registry's mistake only if the
way to it is protected. Good signatures prove themselves, whatever way they came.
"""

from dataclasses import dataclass

from holdfast.dns.rdata import RRSIG
from holdfast.dnssec.signature_time import seconds_between
from holdfast.evidence.bundle import PROTECTED
from holdfast.evidence.examine import Examination, Sighting, signatures_of
from holdfast.evidence.signs import DETERMINISTIC, SIGNS, where

_RRset = tuple[bytes, int]


@dataclass(frozen=True)
class Elsewhere:
    """Sentences about the RRsets that verify at no server as seen from here, and how many of them each kind is about.

    ``same``: a vantage point over a protected way has them bad too, octet for octet. ``unprotected``: so says one that
    somebody on the path to here could speak for. ``altered``: elsewhere the very signature verifies. ``well``: they
    verify elsewhere, signed later than here. ``older``: signed no later, so perhaps from a cache.
    """

    same: tuple[str, ...]
    unprotected: tuple[str, ...]
    altered: tuple[str, ...]
    well: tuple[str, ...]
    older: tuple[str, ...]
    same_count: int
    better_count: int

    @property
    def confirms(self) -> bool:
        """Tell whether what is bad here is as bad elsewhere: at least as many RRsets as are better there."""
        return bool(self.same) and self.same_count >= self.better_count


def look_elsewhere(examination: Examination) -> Elsewhere:
    """Compare what is bad here with what vantage points saw of it."""
    bad: dict[_RRset, list[Sighting]] = {}
    good: dict[_RRset, bool] = {}
    for sighting in examination.of_servers():
        key = (sighting.name, sighting.rtype)
        if sighting.judgement.good:
            good[key] = True
        elif sighting.data:  # a denial that proves nothing has no octets of its own to compare
            bad.setdefault(key, []).append(sighting)
    found: dict[str, dict[str, None]] = {}
    kinds: dict[str, dict[_RRset, None]] = {}
    for sighting in examination.of_vantage_points():
        key = (sighting.name, sighting.rtype)
        if key in bad and key not in good:
            kind = _compared(sighting, bad[key])
            found.setdefault(kind, {})[_sentence(examination, sighting, kind)] = None
            kinds.setdefault(kind, {})[key] = None
    better = {key: None for kind in ("altered", "well", "older") for key in kinds.get(kind, {})}
    same, unprotected, altered, well, older = [
        tuple(found.get(kind, {}))[:SIGNS] for kind in ("same", "unprotected", "altered", "well", "older")
    ]
    same_count = len([one for one in kinds.get("same", {}) if one not in better])
    return Elsewhere(same, unprotected, altered, well, older, same_count, len(better))


def _compared(there: Sighting, here: list[Sighting]) -> str:
    """Return what an RRset elsewhere is beside the bad one here; "other": another version, as bad."""
    if not there.judgement.good:
        if (there.data, there.signatures) not in [(one.data, one.signatures) for one in here]:
            return "other"
        return "same" if there.reply.transport in PROTECTED else "unprotected"
    good = signatures_of(there)
    for one in here:
        if one.data == there.data and any(_altered(bad, good) for bad in signatures_of(one)):
            return "altered"
    newest_here = [rrsig.inception for one in here for rrsig in signatures_of(one)]
    # What was signed no later than what was seen here may have been cached before the zone broke.
    if newest_here and all(seconds_between(rrsig.inception, max(newest_here)) >= 0 for rrsig in good):
        return "older"
    return "well"


def _altered(bad: RRSIG, good: list[RRSIG]) -> bool:
    """Tell whether a bad signature is one of the good ones with other octets."""
    return bad.algorithm in DETERMINISTIC and any(
        bad.rdata_prefix == one.rdata_prefix and bad.signature != one.signature for one in good
    )


def _sentence(examination: Examination, there: Sighting, kind: str) -> str:
    place, subject = where(examination, there.source), there.subject
    if kind == "same":
        return f"{place} sees the same {subject}, octet for octet"
    if kind == "unprotected":
        return f"{place} sees the same {subject}, but whoever is on the path to here could have made that up as well"
    if kind == "altered":
        return f"{place} has the very signature over {subject} that is bad here, with other octets, and it verifies"
    if kind == "well":
        return f"{subject} verifies as {place} sees it, and at no server as seen from here"
    return f"{subject} verifies as {place} sees it, but was signed no later than here: perhaps cached before it broke"


def delegation_differs(examination: Examination) -> list[str]:
    """Tell what speaks against the DS RRset that the keys are measured by: another one elsewhere, or none asked."""
    parent = examination.bundle.parent
    same: list[str] = []
    differ: dict[str, None] = {}
    for source, ds in examination.delegations:
        if ds == tuple(sorted(parent.ds)):
            same.append(where(examination, source))
        else:
            differ[f"{where(examination, source)} has other DS records of the zone: those here may be old ones"] = None
    if differ:
        return list(differ)[:SIGNS]
    return [] if same else ["no vantage point said which DS records the zone has: those here may be old ones"]
