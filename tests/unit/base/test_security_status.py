"""The security status of an answer made of several parts."""

import itertools

from holdfast.base.security_status import BOGUS, INDETERMINATE, INSECURE, NAMES, SECURE, UNCHECKED, weaker


def test_the_weakest_part_decides() -> None:
    order = [SECURE, INSECURE, INDETERMINATE, BOGUS]
    for left, right in itertools.product(range(len(order)), repeat=2):
        assert weaker(order[left], order[right]) == order[max(left, right)]


def test_each_status_has_its_name() -> None:
    named = {NAMES[status] for status in (UNCHECKED, SECURE, INSECURE, INDETERMINATE, BOGUS)}
    assert named == {"unchecked", "secure", "insecure", "indeterminate", "bogus"}
    assert NAMES[BOGUS] == "bogus" and NAMES[SECURE] == "secure"
