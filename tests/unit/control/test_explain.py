"""The drawn chain of trust: what each line says, plain when piped and coloured on a terminal."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from holdfast.answer import Answer, DelegationSigner, ExtendedError, Key, Link, Record, SecurityStatus, Signature
from holdfast.control.explain import print_answer, print_chain

BOGUS = ExtendedError(6, "DNSSEC Bogus", "RRSIG with invalid signature for www.example.de/A (keytag=33834)")
NOW = datetime(2026, 5, 6, tzinfo=UTC)


def signature(type_covered: str, inception: datetime, expiration: datetime) -> Signature:
    return Signature(type_covered, 26755, "ED25519", "de.", inception, expiration)


GOOD = signature("DNSKEY", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 9, 3, tzinfo=UTC))
ROOT_LINK = Link(
    ".", SecurityStatus.SECURE, (DelegationSigner(20326, "RSASHA256", "SHA-256"),),
    (Key(20326, "RSASHA256", "KSK", False),), (GOOD,), None,
)  # fmt: skip
CHILD_LINK = Link("de.", SecurityStatus.INSECURE, (), (Key(1, "ED25519", "ZSK", True),), (), None)
ANSWER = Answer(
    "www.example.de.", "A", "SERVFAIL", SecurityStatus.BOGUS, (Record("www.example.de.", "A", 300, "192.0.2.1"),), (),
    (signature("A", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 5, 23, 59, tzinfo=UTC)),), (BOGUS,),
    (ROOT_LINK, CHILD_LINK),
)  # fmt: skip


def drawn(answer: Answer, terminal: bool = False) -> str:
    console = Console(file=StringIO(), force_terminal=terminal, color_system="standard" if terminal else None, width=40)
    print_chain(console, answer, NOW)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_link_by_link() -> None:
    assert drawn(ANSWER) == (
        ".  secure\n"
        "   anchor 20326 RSASHA256 SHA-256\n"
        "   DNSKEY 20326 RSASHA256 KSK\n"
        "   RRSIG  DNSKEY by 26755 de., 2026-05-01T00:00:00Z .. 2026-05-09T03:00:00Z, 3 d 3 h left\n"
        "└─ de.  insecure\n"
        "      DS     none\n"
        "      DNSKEY 1 ED25519 ZSK (revoked)\n"
        "   └─ www.example.de. A SERVFAIL  bogus\n"
        "         RRSIG  A by 26755 de., 2026-05-01T00:00:00Z .. 2026-05-05T23:59:00Z, expired 1 min 0 s ago\n"
        "         cause  EDE 6 (DNSSEC Bogus): RRSIG with invalid signature for www.example.de/A (keytag=33834)\n"
    )


def test_colours_only_on_a_terminal() -> None:
    assert "\x1b[" not in drawn(ANSWER)
    assert "\x1b[" in drawn(ANSWER, terminal=True)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 4, 30, 23, 0, 1, tzinfo=UTC), "not valid for another 59 min 59 s"),
        (datetime(2026, 5, 9, 2, 59, 30, tzinfo=UTC), "30 s left"),
        (datetime(2026, 5, 9, 3, 0, 0, tzinfo=UTC), "0 s left"),
    ],
)
def test_what_is_left_of_a_signature(moment: datetime, words: str) -> None:
    console = Console(file=StringIO(), width=40)
    print_chain(console, ANSWER, moment)
    assert isinstance(console.file, StringIO)
    assert f", {words}\n" in console.file.getvalue()


def test_the_answer_in_short() -> None:
    console = Console(file=StringIO(), width=40)
    print_answer(console, ANSWER)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == (
        "www.example.de. A: SERVFAIL, bogus\n"
        "www.example.de.  300  A  192.0.2.1\n"
        "EDE 6 (DNSSEC Bogus): RRSIG with invalid signature for www.example.de/A (keytag=33834)\n"
    )
