"""Records from zone file text, with the lines of mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.control.problems import InputError
from holdfast.control.zone_lines import read_records
from holdfast.dns import iana

TYPES = frozenset((iana.TYPE_NS, iana.TYPE_A, iana.TYPE_DS))
DIGEST = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"


def test_owner_ttl_class_parentheses_comments_and_origin() -> None:
    text = f"""; comment
$TTL 3600
. 518400 IN NS A.Root.
        IN 60 NS b.root.   ; the same owner
$ORIGIN Root.
a       A 192.0.2.1
@       DS 20326 8 2 ( E06D44B80B8F1D39 ; one
          {DIGEST[16:]} )
"""
    records = read_records(text, "f", TYPES)
    assert [(record.line, record.name, record.rtype) for record in records] == [
        (3, b"\0", iana.TYPE_NS),
        (4, b"\0", iana.TYPE_NS),
        (6, b"\1a\4root\0", iana.TYPE_A),
        (7, b"\4root\0", iana.TYPE_DS),
    ]
    assert records[2].rdata == b"\xc0\0\2\1"
    assert records[3].rdata == bytes.fromhex("4f660802" + DIGEST)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n. TXT hello\n", "f:2: 'TXT' where a record type (A, DS, NS) should be"),
        (".\n", "f:1: nothing where a record type (A, DS, NS) should be"),
        (". CH NS a.\n", "f:1: class CH is not IN"),
        (". A 1.2.3\n", "f:1: bad A record: "),
        (". DS 1 8 2 AB\n", "f:1: bad DS record: "),
        ("a..b. A 192.0.2.1\n", "f:1: 'a..b.' is not a domain name: it has an empty label"),
        (" A 192.0.2.1\n", "f:1: the first record has no owner name"),
        ("$INCLUDE x\n", "f:1: $INCLUDE is not known here; only $ORIGIN and $TTL are"),
    ],
)
def test_mistakes(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read_records(text, "f", TYPES)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


@given(st.text(alphabet=" .a1()$;@\n\\\tNSDIA:", max_size=60) | st.text(max_size=60))
def test_any_text_gives_records_or_problems(text: str) -> None:
    try:
        read_records(text, "f", TYPES)
    except InputError as error:
        assert error.problems
