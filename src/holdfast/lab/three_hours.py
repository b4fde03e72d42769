"""The plain experiment: every signature of a top-level domain's zone signing key is bad for exactly three hours.

Taken from the outage of .de of 5 May 2026, with all that makes figures hard to compare left out: all servers heal at
the same moment, nobody asks for names that do not exist, and zones have many names, so that an unseen name in a known
zone is common.
"""

from dataclasses import dataclass, replace

from holdfast.lab.measurements import KNOWN_ZONE, UNSEEN_ZONE, Measurements
from holdfast.lab.outage import Outage, find_outage
from holdfast.lab.traffic import TrafficParameters

BASE = "de-2026-05-05"
BREAK_S = 3 * 3600
AFTERWARDS_S = 900
WARM_UP_S = 600  # with the half hour before the break: short enough that some zones have never been asked for
NAMES_PER_ZONE = 21
SETTLED_S = 10  # this long after the healing nothing may fail any more


@dataclass(frozen=True)
class Variant:
    """Which signatures are bad: made by these back ends of the outage file."""

    title: str
    back_ends: tuple[str, ...]
    apex_denial: str


VARIANTS = (
    Variant("all bad", ("hsm2",), "hsm2"),
    Variant("one in three good", ("new", "hsm2", "hsm3"), "hsm2"),
)


def three_hours(variant: Variant) -> Outage:
    """Return the experiment as an outage."""
    outage = find_outage(BASE)
    broken_s = outage.broken_s
    healed_s = broken_s + BREAK_S
    early, advance, bad, repaired = outage.versions
    versions = (
        early,
        advance,
        replace(bad, sign=variant.back_ends, apex_denial=variant.apex_denial),
        replace(repaired, start_s=healed_s, complete_s=0),
    )
    population = replace(outage.population, names_per_zone=NAMES_PER_ZONE)
    return replace(
        outage,
        name="three-hours",
        versions=versions,
        healed_s=healed_s,
        end_s=healed_s + AFTERWARDS_S,
        population=population,
        warm_up_s=WARM_UP_S,
    )


def traffic() -> TrafficParameters:
    """Return the clients of the experiment."""
    return TrafficParameters(nonexistent_percent=0.0)


@dataclass(frozen=True)
class Outcome:
    """Failed questions in percent of those that reached the resolver."""

    whole: float
    last_third: float
    known_zone: float
    unseen_zone: float
    first_seconds: float
    settled: float

    @classmethod
    def of(cls, outage: Outage, measured: Measurements) -> "Outcome":
        """Sum up a run."""
        third_s = outage.healed_s - BREAK_S / 3
        settled_s = outage.healed_s + SETTLED_S
        return cls(
            measured.share(outage.broken_s, outage.healed_s).percent,
            measured.share(third_s, outage.healed_s).percent,
            measured.share(third_s, outage.healed_s, KNOWN_ZONE).percent,
            measured.share(third_s, outage.healed_s, UNSEEN_ZONE).percent,
            _percent([failed for at_s, failed in measured.asked_after if at_s < settled_s]),
            _percent([failed for at_s, failed in measured.asked_after if at_s >= settled_s]),
        )


def _percent(failures: list[bool]) -> float:
    return 100 * sum(failures) / len(failures) if failures else 0.0
