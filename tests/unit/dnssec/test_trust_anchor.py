"""Unit tests of holdfast.dnssec.trust_anchor: the state table of RFC 5011 section 4.1, and the state text."""

import pytest

from holdfast.base.settings import TrustAnchorSetting
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.rrset import RRset
from holdfast.dnssec.trust_anchor import (
    ADD_PENDING,
    MISSING,
    REMOVED,
    REVOKED,
    VALID,
    TrustAnchor,
    next_refresh_s,
)
from tests.support.dnssec_records import EXPIRATION, NOW, ZoneKey, wire_name

DAY = 86400
ROOT = wire_name(".")
OLD = ZoneKey(".", 13)
NEW = ZoneKey(".", 13)
ZSK = ZoneKey(".", 13, 256)
VERIFIER = CryptographyVerifier()


def setting(
    ds: list[bytes] | None = None, dnskey: list[bytes] | None = None, state: str = "", tracked: bool = True
) -> TrustAnchorSetting:
    return TrustAnchorSetting(ROOT, [OLD.ds()] if ds is None else ds, dnskey or [], tracked, state)


def published(*keys: ZoneKey, signers: tuple[ZoneKey, ...] = ()) -> RRset:
    rrset = RRset(ROOT, 48, 3600, [key.rdata for key in keys], [])
    for signer in signers:
        signer.sign(rrset, inception=NOW - 400 * DAY, expiration=NOW + 400 * DAY)
    return rrset


def observe(anchor: TrustAnchor, rrset: RRset, days: int, verified: bool = True) -> bool:
    now_s = NOW + days * DAY
    return anchor.observe(rrset, verified, VERIFIER, now_s, now_s)


def states(anchor: TrustAnchor) -> dict[bytes, int]:
    return {key.rdata: key.state for key in anchor.keys}


def test_an_untracked_anchor_stays_as_configured() -> None:
    anchor = TrustAnchor(setting(dnskey=[NEW.rdata], tracked=False))
    assert not observe(anchor, published(OLD, NEW), 0)
    assert (anchor.usable_ds(), anchor.usable_dnskey(), anchor.keys) == ([OLD.ds()], [NEW.rdata], [])


def test_a_seed_is_valid_as_soon_as_it_is_seen() -> None:
    anchor = TrustAnchor(setting())
    assert anchor.usable_ds() == [OLD.ds()] and anchor.usable_dnskey() == []
    assert observe(anchor, published(OLD, ZSK), 0)
    assert states(anchor) == {OLD.rdata: VALID}
    assert anchor.usable_dnskey() == [OLD.rdata]
    assert not observe(anchor, published(OLD, ZSK), 1)


def test_a_new_key_waits_for_the_hold_down() -> None:
    anchor = TrustAnchor(setting())
    assert observe(anchor, published(OLD, NEW), 0)
    assert states(anchor)[NEW.rdata] == ADD_PENDING
    assert NEW.rdata not in anchor.usable_dnskey()
    assert not observe(anchor, published(OLD, NEW), 29)
    assert observe(anchor, published(OLD, NEW), 30)
    assert states(anchor)[NEW.rdata] == VALID
    assert NEW.rdata in anchor.usable_dnskey()


def test_a_long_ttl_prolongs_the_hold_down() -> None:
    anchor = TrustAnchor(setting())
    rrset = published(OLD, NEW)
    rrset.ttl = 40 * DAY
    observe(anchor, rrset, 0)
    assert not observe(anchor, rrset, 39)
    assert observe(anchor, rrset, 40)


def test_a_pending_key_that_vanishes_starts_over() -> None:
    anchor = TrustAnchor(setting())
    observe(anchor, published(OLD, NEW), 0)
    assert observe(anchor, published(OLD), 20)
    assert NEW.rdata not in states(anchor)
    assert observe(anchor, published(OLD, NEW), 21)
    assert not observe(anchor, published(OLD, NEW), 31)
    assert observe(anchor, published(OLD, NEW), 51)


def test_unverified_keys_are_not_learned_and_not_missed() -> None:
    anchor = TrustAnchor(setting())
    assert not observe(anchor, published(OLD, NEW), 0, verified=False)
    assert anchor.keys == []
    observe(anchor, published(OLD), 0)
    assert not observe(anchor, published(NEW), 1, verified=False)
    assert states(anchor) == {OLD.rdata: VALID}


def test_keys_without_secure_entry_point_flag_are_not_learned() -> None:
    anchor = TrustAnchor(setting())
    observe(anchor, published(OLD, ZSK), 0)
    assert ZSK.rdata not in states(anchor)


def test_a_missing_key_stays_trusted_and_may_return() -> None:
    anchor = TrustAnchor(setting(ds=[OLD.ds(), NEW.ds()]))
    observe(anchor, published(OLD, NEW), 0)
    assert observe(anchor, published(NEW), 1)
    assert states(anchor) == {OLD.rdata: MISSING, NEW.rdata: VALID}
    assert OLD.rdata in anchor.usable_dnskey()
    assert not observe(anchor, published(NEW), 400)
    assert observe(anchor, published(OLD, NEW), 401)
    assert states(anchor)[OLD.rdata] == VALID


def test_a_self_signed_revocation() -> None:
    anchor = TrustAnchor(setting(ds=[OLD.ds(), NEW.ds()]))
    observe(anchor, published(OLD, NEW), 0)
    revoked = OLD.with_flags(257 | 128)
    assert revoked.tag != OLD.tag
    assert observe(anchor, published(revoked, NEW, signers=(revoked, NEW)), 1)
    assert states(anchor) == {OLD.rdata: REVOKED, NEW.rdata: VALID}
    assert anchor.usable_ds() == [NEW.ds()]
    assert anchor.usable_dnskey() == [NEW.rdata]
    assert not anchor.deleted()
    assert not observe(anchor, published(NEW), 30)
    assert observe(anchor, published(NEW), 31)
    assert states(anchor)[OLD.rdata] == REMOVED
    # A key that was revoked is never trusted again (RFC 5011 section 4.2).
    observe(anchor, published(OLD, NEW), 32)
    observe(anchor, published(OLD, NEW), 90)
    assert states(anchor)[OLD.rdata] == REMOVED
    assert anchor.usable_ds() == [NEW.ds()]


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_revocation_proves_itself(seen_before: bool) -> None:
    anchor = TrustAnchor(setting())
    if seen_before:
        observe(anchor, published(OLD), 0)
    revoked = OLD.with_flags(257 | 128)
    assert observe(anchor, published(revoked, signers=(revoked,)), 1, verified=False)
    assert states(anchor) == {OLD.rdata: REVOKED}
    assert anchor.deleted()


def test_revocations_that_do_not_count() -> None:
    anchor = TrustAnchor(setting())
    observe(anchor, published(OLD), 0)
    revoked = OLD.with_flags(257 | 128)
    stranger = NEW.with_flags(257 | 128)
    for rrset in (
        published(OLD, revoked),  # not signed
        published(OLD, revoked, signers=(OLD,)),  # not signed by itself
        published(OLD, stranger, signers=(stranger,)),  # nobody trusts that key
    ):
        assert not observe(anchor, rrset, 1)
    expired = published(OLD, revoked)
    revoked.sign(expired, expiration=EXPIRATION)
    assert not observe(anchor, expired, 300)
    tampered = published(OLD, revoked, signers=(revoked,))
    tampered.rdatas.append(ZSK.rdata)
    assert not observe(anchor, tampered, 1)
    foreign = published(OLD, revoked, signers=(revoked,))
    assert not observe(anchor, RRset(wire_name("de"), 48, 3600, foreign.rdatas, foreign.signatures), 1)
    assert states(anchor) == {OLD.rdata: VALID}


def test_the_state_survives_a_restart() -> None:
    anchor = TrustAnchor(setting())
    observe(anchor, published(OLD, NEW), 0)
    text = anchor.state_text()
    assert text.splitlines()[0] == "; holdfast trust anchor state, version 1, zone ."
    assert f"; keytag={NEW.tag} since 2026-05-05T16:53:20Z" in text
    again = TrustAnchor(setting(state=text))
    assert (again.problem, states(again), again.state_text()) == ("", states(anchor), text)
    assert observe(again, published(OLD, NEW), 30)
    assert states(again)[NEW.rdata] == VALID
    revoked = OLD.with_flags(257 | 128)
    observe(again, published(revoked, NEW, signers=(revoked,)), 31)
    third = TrustAnchor(setting(state=again.state_text()))
    assert third.usable_ds() == []
    assert third.usable_dnskey() == [NEW.rdata]


GOOD = f"Valid 1778000000 257 3 13 {'QUJD' * 21}AA=="


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("garbage", "line 1 is not '; holdfast trust anchor state, version 1, zone .'"),
        ("; holdfast trust anchor state, version 2, zone .\n", "line 1 is not"),
        ("; holdfast trust anchor state, version 1, zone de\n", "line 1 is not"),
        ("HEADER\nnonsense", "line 2 is not understood"),
        (f"HEADER\n{GOOD}\nValid 1 257 3", "line 3 is not understood"),
        ("HEADER\n" + GOOD.replace("Valid", "Start"), "line 2 is not understood"),
        ("HEADER\n" + GOOD.replace("1778000000", "-5"), "line 2 is not understood"),
        ("HEADER\n" + GOOD.replace("257", "70000"), "line 2 is not understood"),
        ("HEADER\n" + GOOD.replace("QUJD", "Q*JD"), "line 2 is not understood"),
        ("HEADER\n" + GOOD.replace("QUJD", "Q\u00e4JD"), "line 2 is not understood"),
        ("\n", "line 1 is not"),
    ],
)
def test_unreadable_state_is_ignored_with_a_reason(text: str, problem: str) -> None:
    header = "; holdfast trust anchor state, version 1, zone ."
    anchor = TrustAnchor(setting(state=text.replace("HEADER", header)))
    assert problem in anchor.problem
    assert anchor.keys == []
    assert anchor.usable_ds() == [OLD.ds()]


def test_state_of_an_untracked_anchor_is_not_read() -> None:
    anchor = TrustAnchor(setting(state="garbage", tracked=False))
    assert anchor.problem == ""


def test_refresh_intervals() -> None:
    # RFC 5011 section 2.3: between an hour and 15 days, or between an hour and a day after a failure
    assert next_refresh_s(172800, 20 * DAY, False) == 86400
    assert next_refresh_s(172800, 20 * DAY, True) == 17280
    assert next_refresh_s(100 * DAY, 100 * DAY, False) == 15 * DAY
    assert next_refresh_s(100 * DAY, 100 * DAY, True) == DAY
    assert next_refresh_s(60, 60, False) == next_refresh_s(60, 60, True) == 3600
