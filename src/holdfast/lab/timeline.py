"""What an operator does during an outage, as data: steps with their moments, and whether pages arrive."""

from dataclasses import dataclass

NTA_ADD, NTA_REMOVE = "nta-add", "nta-remove"
ACTIONS = (NTA_ADD, NTA_REMOVE)
BREAK, HEALING, PAGE = "break", "healing", "page"
MOMENTS = (BREAK, HEALING, PAGE)
APPROVAL_S = 600  # read the page, look at the evidence, decide: an operator on call, not one who waits for it


@dataclass(frozen=True)
class Step:
    """One action: ``delay_s`` after break, healing or page (``after``), or ``at_s`` (POSIX seconds; no ``after`` then).

    After a page, what is done is what the page proposes, for as long as it proposes; otherwise the negative trust
    anchor is for the outage's zone, and stays until it is removed.
    """

    do: str
    after: str = ""
    delay_s: int = 0
    at_s: int = 0

    def moment_s(self, broken_s: int, healed_s: int) -> int:
        """Return when it is done, as far as that is known before the outage is played (POSIX seconds)."""
        return {"": self.at_s, BREAK: broken_s, HEALING: healed_s}[self.after] + self.delay_s


@dataclass(frozen=True)
class Timeline:
    """An operator's outage. ``page_lost``: the detector fires, and nobody hears of it."""

    steps: tuple[Step, ...] = ()
    page_lost: bool = False

    def after_page(self) -> list[Step]:
        """Return what is done when a page arrives."""
        return [step for step in self.steps if step.after == PAGE]

    def fixed(self) -> list[Step]:
        """Return what is done whatever the detector says."""
        return [step for step in self.steps if step.after != PAGE]


NOTHING = Timeline()
ON_PROPOSAL = Timeline((Step(NTA_ADD, PAGE, APPROVAL_S),))


def anchor_after(delay_s: int) -> Timeline:
    """Return the timeline of an operator who needs so long from the break to a negative trust anchor."""
    return Timeline((Step(NTA_ADD, BREAK, delay_s),))
