"""Every named limit is enforced by some code, and says why it has its value."""

import re

import pytest

from tests.support.sources import PACKAGE, python_files

LIMITS = PACKAGE / "base" / "limits.py"
DECLARED = re.findall(r"^([A-Z][A-Z0-9_]+): Final = ", LIMITS.read_text(encoding="utf-8"), re.MULTILINE)
# Values that RFC 8767 and RFC 5011 give a name of its own are explained by their section's heading.
EXPLAINED_BY_HEADING = {
    "CLIENT_RESPONSE_TIMER_MS",
    "STALE_ANSWER_TTL_S",
    "FAILURE_RECHECK_TIMER_S",
    "TRUST_ANCHOR_HOLD_DOWN_S",
    "TRUST_ANCHOR_REMOVE_S",
}


@pytest.mark.parametrize("name", DECLARED)
def test_every_limit_is_used_where_it_binds(name: str) -> None:
    word = re.compile(rf"\b{name}\b")
    uses = 0
    for path in python_files("src/holdfast"):
        if path == LIMITS:
            continue
        text = path.read_text(encoding="utf-8")
        imported = re.sub(r"from holdfast\.base\.limits import (\([^)]*\)|[^\n]*)", "", text)
        uses += len(word.findall(imported))
    assert uses > 0, f"base/limits.py: nothing enforces {name}"


@pytest.mark.parametrize("name", DECLARED)
def test_every_limit_says_why(name: str) -> None:
    text = LIMITS.read_text(encoding="utf-8")
    start = text.index(f"\n{name}: Final = ") + 1
    end = text.find("\n\n", start)
    following = re.search(r"\n[A-Z]", text[start:end])
    lines = text[start : start + following.start() if following else end]
    assert "#" in lines or name in EXPLAINED_BY_HEADING


def test_the_same_number_is_not_given_twice() -> None:
    """The package dns cannot import base, so what both need is said in both: then it has to be the same."""
    from holdfast.base import limits
    from holdfast.dns import message

    assert message.MESSAGE_RECORDS == limits.MESSAGE_RECORDS
    assert message.TTL_HIGHEST_BIT == limits.TTL_HIGHEST_BIT
