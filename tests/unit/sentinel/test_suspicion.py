"""The cumulative sum against one zone, and how seldom it is wrong."""

from math import ceil, exp, log
from random import Random

import pytest

from holdfast.cache.zone_health import CAUSES_COUNTED, CHILDREN_COUNTED, ZONES_WATCHED
from holdfast.sentinel.observation import Failures
from holdfast.sentinel.suspicion import (
    BROKEN_SHARE,
    CHILDREN_REMEMBERED,
    FAILED_STEP,
    FALSE_ALARM_VERDICTS,
    GOOD_STEP,
    GOOD_TO_CLOSE,
    HEALTHY_SHARE,
    KEYS_AGAIN_S,
    LOOK_S,
    QUIET_S,
    THRESHOLD,
    Suspicion,
)
from tests.support.seen_zones import at, failures, wire
from tests.support.sources import ROOT

DE = wire("de")
NONE = Failures()


def test_steps_are_log_likelihood_ratios() -> None:
    # Under the healthy hypothesis the expected likelihood ratio of one verdict is one: what the bound rests on.
    assert HEALTHY_SHARE * exp(FAILED_STEP) + (1 - HEALTHY_SHARE) * exp(-GOOD_STEP) == pytest.approx(1)
    assert log(FALSE_ALARM_VERDICTS) == THRESHOLD


def test_six_children_are_enough_and_five_are_not() -> None:
    suspicion = Suspicion(DE)
    proven = []
    for children in ([f"site{n}.de" for n in range(5)], ["site5.de"]):
        suspicion.add(0, failures(*children), at(1), False)
        proven.append(suspicion.is_proven)
    assert proven == [False, True]
    assert suspicion.since_s == at(1) - LOOK_S


def test_one_child_counts_once_however_often_it_fails() -> None:
    suspicion = Suspicion(DE)
    for look in range(1000):
        suspicion.add(0, failures("site1.de"), at(look), False)
    assert suspicion.score == FAILED_STEP


def test_the_zone_itself_counts_again_after_a_while() -> None:
    suspicion = Suspicion(DE)
    for look in range(1 + KEYS_AGAIN_S // LOOK_S):
        suspicion.add(0, failures("de"), at(look), False)
    assert suspicion.score == 2 * FAILED_STEP


def test_good_verdicts_clear_a_zone_and_the_next_failure_is_a_new_beginning() -> None:
    suspicion = Suspicion(DE)
    suspicion.add(0, failures("site1.de"), at(1), False)
    suspicion.add(15, NONE, at(2), False)
    assert suspicion.score == 0
    suspicion.add(0, failures("site1.de"), at(9), False)
    assert (suspicion.since_s, suspicion.score) == (at(8), FAILED_STEP)


def test_an_open_incident_counts_every_look_and_falls_back_only_by_good_verdicts() -> None:
    suspicion = Suspicion(DE)
    suspicion.add(0, failures(*(f"site{n}.de" for n in range(20))), at(1), False)
    assert suspicion.score == THRESHOLD
    suspicion.add(40, failures("site1.de"), at(2), True)  # much better, but not well yet
    assert 0 < suspicion.score < THRESHOLD
    assert not suspicion.is_over(at(2))
    suspicion.add(100, NONE, at(3), True)
    assert suspicion.is_over(at(3))


def test_tables_are_bounded() -> None:
    suspicion = Suspicion(DE)
    for look in range(100):
        suspicion.add(0, failures(*(f"site{look}-{n}.de" for n in range(10))), at(look), False)
    assert len(suspicion.children) == CHILDREN_REMEMBERED


def test_no_false_alarm_in_a_million_verdicts_of_a_zone_that_is_as_bad_as_healthy_zones_may_be() -> None:
    chance = Random(1)
    suspicion = Suspicion(DE)
    highest = 0.0
    for look in range(100_000):
        bad = [f"x{look}-{n}.de" for n in range(10) if chance.random() < HEALTHY_SHARE]
        suspicion.add(10 - len(bad), failures(*bad) if bad else NONE, at(look), False)
        highest = max(highest, suspicion.score)
    assert 0 < highest < THRESHOLD


def test_a_zone_in_which_one_verdict_in_five_fails_is_found_within_some_dozen_verdicts() -> None:
    chance = Random(2)
    suspicion = Suspicion(DE)
    verdicts = 0
    while not suspicion.is_proven:
        bad = [f"x{verdicts}-{n}.de" for n in range(5) if chance.random() < 0.2]
        suspicion.add(5 - len(bad), failures(*bad) if bad else NONE, at(verdicts), False)
        verdicts += 5
    assert verdicts < 100


def test_the_documentation_has_the_same_figures() -> None:
    text = " ".join((ROOT / "docs" / "sentinel.md").read_text(encoding="utf-8").split())
    assert f"adds ln {BROKEN_SHARE / HEALTHY_SHARE:.0f} = {FAILED_STEP:.1f}" in text
    assert f"takes away {GOOD_STEP:.2f}" in text
    assert f"opens at ln {FALSE_ALARM_VERDICTS:,}".replace(",", " ") + f" = {THRESHOLD:.1f}" in text
    bounds = f"{ZONES_WATCHED} zones in use between two looks, {CHILDREN_COUNTED} names and {CAUSES_COUNTED} causes"
    assert f"({bounds} for each)" in text
    assert ceil(THRESHOLD / FAILED_STEP) == 6 and "six children" in text
    assert (LOOK_S, QUIET_S, GOOD_TO_CLOSE) == (10, 300, 5) and "five quiet minutes with five good verdicts" in text
