"""How long a failure is remembered: longer each time, and never beyond five minutes after servers were asked."""

from holdfast.base.cause import Cause
from holdfast.base.limits import FAILURE_TTL_MAXIMUM_S
from holdfast.base.security_status import INDETERMINATE
from holdfast.cache.failure_cache import REFRESH_UNREACHABLE, FailureCache, FailureEntry
from holdfast.dns.iana import EDE_NO_REACHABLE_AUTHORITY, TYPE_A

NAME = b"\x03www\x07example\x00"
SECOND_US = 1_000_000


def fail(failures: FailureCache, asked_us: int, now_us: int) -> FailureEntry:
    cause = Cause(EDE_NO_REACHABLE_AUTHORITY, "no server answers", "test.silent")
    return failures.put(NAME, TYPE_A, INDETERMINATE, REFRESH_UNREACHABLE, [cause], asked_us, now_us)


def fail_often(failures: FailureCache) -> int:
    """Fail until the time between attempts grows no more; returns when the last failure ends."""
    now_us = 0
    for _ in range(12):
        now_us = fail(failures, now_us, now_us).expires_us
    return now_us


def test_each_failure_in_a_row_is_remembered_twice_as_long() -> None:
    failures = FailureCache(100_000)
    first = fail(failures, 0, 0)
    second = fail(failures, first.expires_us, first.expires_us)
    assert (first.expires_us, second.expires_us) == (1 * SECOND_US, 3 * SECOND_US)
    assert second.failures == 2 and second.since_us == 0


def test_what_follows_from_an_older_failure_ends_five_minutes_after_that() -> None:
    failures = FailureCache(100_000)
    now_us = fail_often(failures)
    assert fail(failures, now_us, now_us).expires_us == now_us + FAILURE_TTL_MAXIMUM_S * SECOND_US
    now_us += FAILURE_TTL_MAXIMUM_S * SECOND_US
    entry = fail(failures, now_us - 299 * SECOND_US, now_us)
    assert entry.expires_us == now_us + SECOND_US
    assert entry.attempted_us == now_us


def test_an_attempt_of_just_now_is_no_later_than_now() -> None:
    failures = FailureCache(100_000)
    assert fail(failures, 1 << 62, 5 * SECOND_US).expires_us == 6 * SECOND_US


def test_the_failure_recheck_timer_prolongs_a_failure_within_the_five_minutes() -> None:
    failures = FailureCache(100_000)
    entry = fail(failures, 0, 290 * SECOND_US)
    failures.hold(NAME, TYPE_A, 295 * SECOND_US)
    assert entry.expires_us == 295 * SECOND_US
    failures.hold(NAME, TYPE_A, 320 * SECOND_US)
    assert entry.expires_us == FAILURE_TTL_MAXIMUM_S * SECOND_US
    assert failures.get(NAME, TYPE_A, 299 * SECOND_US) is entry
    assert failures.get(NAME, TYPE_A, 300 * SECOND_US) is None
