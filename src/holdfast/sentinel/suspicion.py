"""The evidence against one zone: Page's cumulative sum (CUSUM) of log-likelihood ratios, its beginning, its reasons.

Two hypotheses: in a healthy zone at most one fresh verdict in a hundred fails (``HEALTHY_SHARE``), in a broken one at
least one in five does (``BROKEN_SHARE``). Each child of the zone that fails adds the logarithm of how much likelier
that is in a broken zone, each verdict that validates takes away a little; the sum never falls below zero, and the
moment when it last was zero is the best guess of when it began. At ``THRESHOLD`` the zone is called broken; it is
called well again only when the sum is back at zero.

How often that is a false alarm: a CUSUM whose steps are log-likelihood ratios runs at least exp(threshold) verdicts on
average before it crosses its threshold by chance (Lorden 1971), here ten million verdicts about the zone, even if one
in a hundred does fail. That needs verdicts that fail independently of one another. So a child counts once, however
many clients ask for it and however often, until the sum has been zero; only the zone's own keys, on which all the rest
depends, count again after a while. And failures of a child zone's own keys or servers are the child's: they never
count here.
"""

from dataclasses import dataclass
from math import log

from holdfast.sentinel.observation import Failures, Reason

HEALTHY_SHARE = 0.01  # far above what healthy zones show, so that the bound has room
BROKEN_SHARE = 0.2  # less is an outage of single names, which the whole zone should not pay for
FALSE_ALARM_VERDICTS = 10_000_000  # on average between two false alarms about one zone, at least; six failures open
THRESHOLD = log(FALSE_ALARM_VERDICTS)
FAILED_STEP = log(BROKEN_SHARE / HEALTHY_SHARE)
GOOD_STEP = log((1 - HEALTHY_SHARE) / (1 - BROKEN_SHARE))

LOOK_S = 10  # between two looks: short beside the minutes in which people act
KEYS_AGAIN_S = 300  # the zone's own failure counts again: another time, so another try
QUIET_S = 300  # without any failure, and with GOOD_TO_CLOSE good verdicts, is over as well: for zones that few ask for
GOOD_TO_CLOSE = 5
SILENT_S = (
    3600  # without any verdict, though validated, is the end of what can be said: nobody asks, or it is unsigned now
)
CHILDREN_REMEMBERED = 64  # an incident opens with six
REASONS_REMEMBERED = 64  # each child may have its own; the one that they share comes early
SERVERS_REMEMBERED = 32


@dataclass
class Suspicion:
    """One zone and kind of failure. Times are POSIX seconds; ``since_s`` is when the sum last left zero."""

    zone: bytes
    score: float = 0.0
    evidence: float = 0.0  # the same sum without bounds: how sure
    since_s: int = 0
    latest_failure_s: int = 0
    latest_s: int = 0
    failed: int = 0
    good: int = 0
    good_since_failure: int = 0

    def __post_init__(self) -> None:
        self.children: dict[bytes, int] = {}  # and when they last counted
        self.reasons: dict[tuple[int, str, int], Reason] = {}
        self.servers: dict[bytes, None] = {}

    def add(self, good: int, failures: Failures, now_s: int, is_open: bool) -> None:
        """Weigh what was seen since the last look; in an open incident every failing child counts at each look."""
        if not self.score:
            self._begin(now_s)
        self.latest_s = now_s
        counting = [child for child in failures.children if is_open or self._counts(child, now_s)]
        for child in counting:
            if child in self.children or len(self.children) < CHILDREN_REMEMBERED:
                self.children[child] = now_s
        for server in failures.servers:
            if len(self.servers) < SERVERS_REMEMBERED:
                self.servers[server] = None
        for reason in failures.reasons:
            self._give(reason)
        self.failed += len(counting)
        self.good += good
        if failures.total:
            self.latest_failure_s = now_s
            self.good_since_failure = 0
        self.good_since_failure += good
        step = FAILED_STEP * len(counting) - GOOD_STEP * good
        self.evidence += step
        self.score = min(max(0.0, self.score + step), THRESHOLD)

    @property
    def is_proven(self) -> bool:
        """Tell whether the zone is to be called broken."""
        return self.score >= THRESHOLD

    def is_over(self, now_s: int) -> bool:
        """Tell whether the zone, once called broken, is to be called well."""
        quiet = now_s - self.latest_failure_s >= QUIET_S and self.good_since_failure >= GOOD_TO_CLOSE
        return not self.score or quiet or now_s - self.latest_s >= SILENT_S

    def main_reason(self) -> Reason | None:
        """Return the reason given most often; of equals, the first."""
        return max(self.reasons.values(), key=lambda one: one.count, default=None)

    def _begin(self, now_s: int) -> None:
        self.since_s = now_s - LOOK_S
        self.evidence = 0.0
        self.failed = self.good = self.good_since_failure = 0
        self.children.clear()
        self.reasons.clear()
        self.servers.clear()

    def _counts(self, child: bytes, now_s: int) -> bool:
        counted_s = self.children.get(child)
        if counted_s is None:
            return len(self.children) < CHILDREN_REMEMBERED
        return child == self.zone and now_s - counted_s >= KEYS_AGAIN_S

    def _give(self, reason: Reason) -> None:
        key = (reason.info_code, reason.subject, reason.key_tag)
        old = self.reasons.get(key)
        if old is not None:
            count = old.count + reason.count
            self.reasons[key] = Reason(old.info_code, old.text, old.subject, old.key_tag, count)
        elif len(self.reasons) < REASONS_REMEMBERED:
            self.reasons[key] = reason
