"""The scenario player itself: what passes, and above all what must not."""

from pathlib import Path

import pytest

from holdfast.lab.scenario import FAIL, PASS, play

WORLD = """do-ip6: no
stub-addr: 192.0.2.1
CONFIG_END
SCENARIO_BEGIN test
RANGE_BEGIN 0 100 192.0.2.1
ENTRY_BEGIN
MATCH qtype qname
REPLY QR AA NOERROR
SECTION QUESTION
. NS
SECTION ANSWER
. NS k.root-servers.net.
SECTION ADDITIONAL
k.root-servers.net. A 192.0.2.1
ENTRY_END
ENTRY_BEGIN
MATCH qtype qname
REPLY QR AA NOERROR
SECTION QUESTION
www.example. A
SECTION ANSWER
www.example. 300 A 203.0.113.1
ENTRY_END
ENTRY_BEGIN
MATCH qtype qname
REPLY QR AA NOERROR
SECTION QUESTION
example. NS
SECTION AUTHORITY
. SOA a. b. 1 2 3 4 5
ENTRY_END
RANGE_END
STEP 1 QUERY
ENTRY_BEGIN
REPLY RD
SECTION QUESTION
www.example. A
ENTRY_END
"""


def check(match: str, address: str, ttl: int = 300) -> str:
    return (
        f"STEP 10 CHECK_ANSWER\nENTRY_BEGIN\n{match}\nREPLY QR RD RA NOERROR\nSECTION QUESTION\nwww.example. A\n"
        f"SECTION ANSWER\nwww.example. {ttl} A {address}\nENTRY_END\nSCENARIO_END\n"
    )


@pytest.mark.parametrize(
    ("match", "address", "ttl", "verdict"),
    [
        ("MATCH all", "203.0.113.1", 300, PASS),
        ("MATCH all ttl", "203.0.113.1", 300, PASS),
        ("MATCH all", "203.0.113.2", 300, FAIL),
        ("MATCH all ttl", "203.0.113.1", 299, FAIL),
        ("MATCH rcode", "203.0.113.2", 300, PASS),
        ("", "203.0.113.2", 300, PASS),  # no MATCH line: whatever was answered
    ],
)
def test_an_answer_is_compared_by_its_match_words(
    tmp_path: Path, match: str, address: str, ttl: int, verdict: str
) -> None:
    path = tmp_path / "one.rpl"
    path.write_text(WORLD + check(match, address, ttl))
    assert play(path).verdict == verdict, play(path).reason


def test_without_an_answer_even_a_check_that_compares_nothing_fails(tmp_path: Path) -> None:
    path = tmp_path / "one.rpl"
    path.write_text(WORLD.replace("STEP 1 QUERY", "STEP 1 NOTHING") + check("", "203.0.113.1"))
    assert "no answer" in play(path).reason


OUT_QUERY = "STEP 5 CHECK_OUT_QUERY\nENTRY_BEGIN\nMATCH qname\nSECTION QUESTION\n{name}. A\nENTRY_END\n"


def test_an_upstream_query_that_was_not_needed_for_the_answer_is_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "one.rpl"
    path.write_text(WORLD + OUT_QUERY.format(name="another.example") + check("MATCH all", "203.0.113.1"))
    assert play(path).verdict == PASS
    path.write_text(WORLD + OUT_QUERY.format(name="another.example") + check("MATCH all", "203.0.113.2"))
    assert "answer lacks" in play(path).reason


def test_an_upstream_query_that_nothing_makes_up_for_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "one.rpl"
    path.write_text(
        WORLD + check("MATCH all", "203.0.113.1").replace("SCENARIO_END\n", "") + OUT_QUERY.format(name="x")
    )
    assert "the expected upstream query was not sent" in play(path).reason
