"""Three hours of bad signatures: which questions fail under each policy, and how soon it is over."""

import pytest

from holdfast.lab.measurements import CLASSES, KNOWN_ZONE, UNSEEN_ZONE
from holdfast.lab.policies import POLICIES, Policy
from holdfast.lab.replay import play
from holdfast.lab.three_hours import VARIANTS, Outcome, Variant, three_hours, traffic

SCALE = 0.03
SEED = 3


def run(variant: Variant, policy: Policy) -> Outcome:
    outage = three_hours(variant).scaled(SCALE)
    measured = play(outage, policy, SEED, traffic().for_zones(outage.zones)).measured
    assert sum(minute.failed[name] for minute in measured.minutes for name in CLASSES) == sum(
        minute.failed[name] for minute in measured.minutes for name in (KNOWN_ZONE, UNSEEN_ZONE)
    )
    return Outcome.of(outage, measured)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.title)
def test_each_policy_is_better_than_the_one_before(variant: Variant) -> None:
    outcomes = {policy.name: run(variant, policy) for policy in POLICIES if policy.hands_off}
    shares = [outcome.last_third for outcome in outcomes.values()]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 2 * shares[1] > 0
    assert outcomes["last-known-good"].known_zone == 0
    assert outcomes["last-known-good"].settled == 0
