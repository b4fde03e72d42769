"""Override rules as people write them: what is taken, what is said of mistakes, and that both forms are one."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.base.limits import OVERRIDE_RULE_LISTED, OVERRIDE_RULE_RECORDS, OVERRIDE_RULE_SERVERS
from holdfast.base.override_rule import BELOW, EXACT, SUBTREE, OverrideRule
from holdfast.dns.iana import EDE_BLOCKED, EDE_PROHIBITED, TYPE_A, TYPE_HTTPS, TYPE_TXT
from holdfast.server.rule_values import ACTIONS, EDE_CODES, REACHES, Audiences, RuleError, read_rule, rule_values
from tests.support.dnssec_records import wire_name
from tests.support.rules import GROUPS, SERVICES, rule

AUDIENCES = Audiences(SERVICES, GROUPS)
GOOD: dict[str, Any] = {"id": "one", "action": "nxdomain", "name": "ads.example", "reason": "test", "author": "ops"}


@pytest.mark.parametrize(
    ("name", "match", "reach", "wanted"),
    [
        ("ads.example", None, SUBTREE, "ads.example"),
        ("Ads.Example.", "exact", EXACT, "ads.example"),
        ("ads.example", "below", BELOW, "ads.example"),
        ("*.ads.example", None, BELOW, "ads.example"),
        ("*.ads.example", "below", BELOW, "ads.example"),
        (".", None, SUBTREE, "."),
        ("bücher.example", None, SUBTREE, "xn--bcher-kva.example"),
    ],
)
def test_names_and_how_far_they_reach(name: str, match: str | None, reach: int, wanted: str) -> None:
    made = rule("nxdomain", name, **({} if match is None else {"match": match}))
    assert (made.match.name, made.match.reach) == (wire_name(wanted), reach)


def test_records_of_a_type_are_one_rrset_with_the_lowest_ttl() -> None:
    texts = ["A 192.0.2.1", "30 A 192.0.2.2", "A 192.0.2.1", 'IN TXT "a b" c', "HTTPS 1 . alpn=h2"]
    records = rule("records", "www.example", records=texts, ttl_s=600).records
    assert [(one.rtype, one.ttl, len(one.rdatas)) for one in records] == [
        (TYPE_A, 30, 2),
        (TYPE_TXT, 600, 1),
        (TYPE_HTTPS, 600, 1),
    ]


def test_a_refusal_to_some_is_prohibition_one_to_all_blocking() -> None:
    assert rule("refuse", "a.example").info_code == EDE_BLOCKED
    assert rule("refuse", "a.example", client_groups=["school"]).info_code == EDE_PROHIBITED


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({"action": "nxdomian"}, [("action", "did you mean 'nxdomain'?")]),
        ({"action": "drop it"}, [("action", "must be one of pass, bogus, refuse")]),
        ({"action": None}, [("action", "is required")]),
        ({"name": None}, [("name", "is required")]),
        ({"name": "a..b"}, [("name", "it has an empty label")]),
        ({"match": "subtre"}, [("match", "did you mean 'subtree'?")]),
        ({"name": "*.a.example", "match": "exact"}, [("match", "leave the '*.' away")]),
        ({"types": ["A", "AAAAA"]}, [("types", "'AAAAA' is not a record type")]),
        ({"types": ["AXFR"]}, [("types", "is not a type of data")]),
        ({"types": ["A"] * (OVERRIDE_RULE_LISTED + 1)}, [("types", "has more than")]),
        ({"types": "A"}, [("types", "must be of the type list")]),
        ({"types": [1]}, [("types", "must be a list of texts")]),
        ({"services": ["quik"]}, [("services", "there is no service 'quik'; did you mean 'quick'?")]),
        ({"client_groups": ["zzz"]}, [("client_groups", "there are mail, school")]),
        ({"id": "One Rule"}, [("id", "is not a plain name")]),
        ({"ede": "blokced"}, [("ede", "did you mean 'blocked'?")]),
        ({"ttl_s": -1}, [("ttl_s", "must be from 0 to 86400, not -1")]),
        ({"records": ["A 192.0.2.1"]}, [("records", "goes with records only, not with nxdomain")]),
        ({"target": "a.example"}, [("target", "goes with cname only")]),
        ({"servers": ["192.0.2.1"]}, [("servers", "goes with forward only")]),
        ({"action": "pass", "ede": "blocked"}, [("ede", "goes with refuse or nxdomain or nodata only")]),
        ({"action": "no-stale", "ttl_s": 60}, [("ttl_s", "not with no-stale")]),
        ({"action": "records"}, [("records", "is required")]),
        ({"action": "records", "records": ["A 192.0.2"]}, [("records", "bad A record")]),
        ({"action": "records", "records": ["192.0.2.1"]}, [("records", "'192.0.2.1'")]),
        ({"action": "records", "records": ["CNAME a."]}, [("records", "use the action cname")]),
        ({"action": "records", "records": ["OPT 1"]}, [("records", "OPT")]),
        ({"action": "records", "records": ["CH A 192.0.2.1"]}, [("records", "'CH' is not a class")]),
        ({"action": "records", "records": ["99999999 A 192.0.2.1"]}, [("records", "the TTL must be at most")]),
        ({"action": "records", "records": ["$INCLUDE x"]}, [("records", "'$INCLUDE'")]),
        (
            {"action": "records", "records": ["A 192.0.2.1"] * (OVERRIDE_RULE_RECORDS + 1)},
            [("records", "has more than")],
        ),
        (
            {"action": "records", "records": [f"TXT {'x' * 250} {'y' * 200}{n}" for n in range(10)]},
            [("records", "octets")],
        ),
        ({"action": "cname"}, [("target", "is required")]),
        ({"action": "cname", "target": "a..b"}, [("target", "is not a domain name")]),
        ({"action": "forward"}, [("servers", "is required")]),
        ({"action": "forward", "servers": ["dns.example"]}, [("servers", "is not an IP address")]),
        ({"action": "forward", "servers": ["::1"] * (OVERRIDE_RULE_SERVERS + 1)}, [("servers", "has more than")]),
        ({"action": "insecure", "match": "exact"}, [("match", "subtree")]),
        ({"action": "insecure", "name": "."}, [("name", "validation.enabled")]),
        (
            {"action": "refus", "name": "a..b", "types": ["Q"]},
            [("action", "did you mean 'refuse'?"), ("name", "empty label"), ("types", "'Q'")],
        ),
    ],
)
def test_every_mistake_is_said_with_its_key(changed: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    values = {key: value for key, value in {**GOOD, **changed}.items() if value is not None}
    with pytest.raises(RuleError) as caught:
        read_rule(values, AUDIENCES)
    assert [key for key, _ in caught.value.problems] == [key for key, _ in problems]
    for (_, said), (_, wanted) in zip(caught.value.problems, problems, strict=True):
        assert wanted in said


WORDS = st.sampled_from(
    ["a", "b.example", "*.c.example", ".", "x", "é", "", "a..b", "nxdomain", "A", "192.0.2.1", "TXT a"]
)


@example({"action": "pass", "name": "a"})
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": WORDS,
            "action": st.sampled_from([*ACTIONS, "drop"]),
            "name": WORDS,
            "match": st.sampled_from([*REACHES, "all"]),
            "types": st.lists(WORDS, max_size=3),
            "services": st.lists(WORDS, max_size=2),
            "client_groups": st.lists(WORDS, max_size=2),
            "records": st.lists(st.text(max_size=30) | WORDS, max_size=3),
            "target": WORDS | st.text(max_size=20),
            "servers": st.lists(WORDS | st.text(max_size=20), max_size=2),
            "ede": st.sampled_from([*EDE_CODES, "none"]),
            "ttl_s": st.integers(-10, 100_000),
        },
    )
)
def test_whatever_is_written_is_a_rule_or_a_mistake_in_words(values: dict[str, Any]) -> None:
    try:
        made = read_rule(values, AUDIENCES)
    except RuleError as error:
        assert all(key and reason for key, reason in error.problems)
    else:
        assert same(made, read_rule(rule_values(made), AUDIENCES))


@pytest.mark.parametrize(
    "made",
    [
        rule("nxdomain", "*.ads.example", types=["A", "TYPE65280"], ede="filtered", ttl_s=5),
        rule(
            "records",
            "a.example",
            records=["A 192.0.2.1", r'TXT "a\"b" \200', "HTTPS 1 . alpn=h2", r"TYPE65280 \# 1 ff"],
        ),
        rule("cname", "a.example", target=r"weird\.label.example"),
        rule("forward", "a.example", servers=["192.0.2.1:5300", "[2001:db8::1]:53"], services=["quick"]),
        rule("refuse", "a.example", client_groups=["mail", "school"]),
        rule("insecure", "a.example", end_s=2_000_000_000, start_s=1_900_000_000),
    ],
    ids=lambda made: made.action,
)
def test_what_is_written_out_is_read_again(made: OverrideRule) -> None:
    assert same(made, read_rule(rule_values(made), AUDIENCES))


def same(one: OverrideRule, other: OverrideRule) -> bool:
    """Whether two rules are alike."""

    def parts(rule: OverrideRule) -> list[object]:
        match = rule.match
        return [
            *(rule.identity, rule.action, rule.reason, rule.author, rule.start_s, rule.end_s),
            *(rule.info_code, rule.ttl_s, rule.target),
            *(match.name, match.reach, match.types, match.services, match.groups),
            [(record.rtype, record.ttl, record.rdatas) for record in rule.records],
            [(server.address, server.port) for server in rule.servers],
        ]

    return parts(one) == parts(other)
