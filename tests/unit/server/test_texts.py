"""Texts for addresses, prefixes, names and types: what they mean, and what users are told when they mean nothing."""

import pytest

from holdfast.server.texts import parse_duration, parse_endpoint, parse_name, parse_prefix, parse_type


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 53),
        ("127.0.0.1:5300", "127.0.0.1", 5300),
        ("::1", "::1", 53),
        ("[::1]", "::1", 53),
        ("[2001:db8::1]:5300", "2001:db8::1", 5300),
        ("0.0.0.0:0", "0.0.0.0", 0),
    ],
)
def test_endpoints(text: str, address: str, port: int) -> None:
    assert parse_endpoint(text) == (address, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "[::1",
        "[::1]5300",
        "[::1]:",
        "::1:99999",
        "1.2.3",
    ],
)
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an (IP )?address|not a number in 0\.\.65535"):
        parse_endpoint(text)


def test_prefixes() -> None:
    rule = parse_prefix("10.0.0.0/8", True)
    assert (rule.prefix, rule.length, rule.allow) == (b"\x0a\0\0\0", 8, True)
    rule = parse_prefix("2001:db8::1", False)
    assert (len(rule.prefix), rule.length, rule.allow) == (16, 128, False)


def test_a_prefix_with_host_bits_is_refused_with_the_prefix_that_was_meant() -> None:
    with pytest.raises(ValueError, match=r"did you mean '10\.0\.0\.0/8'"):
        parse_prefix("10.1.2.3/8", True)
    with pytest.raises(ValueError, match="not an address prefix"):
        parse_prefix("10/8/9", True)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", b"\0"),
        ("De", b"\2de\0"),
        ("straße.de.", b"\x0dxn--strae-oqa\2de\0"),
        ("BÜCHER.example", b"\x0dxn--bcher-kva\7example\0"),
        (r"a\.b.c", b"\3a.b\1c\0"),
    ],
)
def test_names(text: str, wire: bytes) -> None:
    assert parse_name(text) == wire


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("a..b", "empty label"),
        ("x" * 64, "63 octets"),
        (".".join(["x" * 60] * 5), "255 octets"),
        (r"a\9", "escapes"),
        (".de", "empty label"),
    ],
)
def test_names_that_are_none_say_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_name(text)


def test_types() -> None:
    assert parse_type("aaaa") == 28
    assert parse_type("TYPE65280") == 65280
    for bad, why in (("AAAAA", "not a record type"), ("OPT", "cannot be resolved"), ("axfr", "cannot be resolved")):
        with pytest.raises(ValueError, match=why):
            parse_type(bad)


def test_durations() -> None:
    assert [parse_duration(text) for text in ("90s", "30m", "1h", "2d", "1w")] == [90, 1800, 3600, 172800, 604800]


@pytest.mark.parametrize("text", ["", "h", "1", "1y", "-1h", "1.5h", "1 h", "\u0661h", "1" * 10 + "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time such as 90s, 30m, 1h, 2d or 1w"):
        parse_duration(text)
