"""What is said of a trust anchor: its keys, and each problem before and when it is one."""

from holdfast.base.limits import ANCHOR_FAILING_WARNING_S, DNSKEYS_PER_ZONE, TRUST_ANCHOR_HOLD_DOWN_S
from holdfast.base.settings import TrustAnchorSetting
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.anchor_report import CONFIGURED, ERROR, LEVEL_NAMES, NOTICE, WARNING, AnchorReport
from holdfast.dnssec.signature_time import utc_text
from holdfast.dnssec.trust_anchor import TrustAnchor
from tests.support.dnssec_records import NOW, ZoneKey, wire_name

DAY = 86400
ROOT = wire_name(".")
OLD = ZoneKey(".", 13)
NEW = ZoneKey(".", 13)
VERIFIER = CryptographyVerifier()
POLICY = AlgorithmPolicy([13], [2])


def anchor(*keys: ZoneKey, tracked: bool = True) -> TrustAnchor:
    return TrustAnchor(TrustAnchorSetting(ROOT, [key.ds() for key in keys], [], tracked, ""))


def show(trusted: TrustAnchor, keys: list[ZoneKey], at_s: int = NOW, verified: bool = True) -> None:
    """Let the zone publish keys; those that are revoked sign."""
    rrset = RRset(ROOT, 48, 3600, [key.rdata for key in keys], [])
    for key in keys:
        if key.rdata[1] & 0x80:
            key.sign(rrset, inception=NOW - 400 * DAY, expiration=NOW + 400 * DAY)
    trusted.observe(rrset, verified, VERIFIER, at_s, at_s)


def findings(trusted: TrustAnchor, at_s: int = NOW) -> list[tuple[int, str]]:
    return [(one.level, one.text) for one in AnchorReport(trusted, POLICY, at_s).findings]


def test_a_sound_anchor_gives_nothing_to_say() -> None:
    trusted = anchor(OLD)
    assert findings(trusted) == []
    assert [key.state_name for key in AnchorReport(trusted, POLICY, NOW).keys] == [CONFIGURED]
    show(trusted, [OLD])
    report = AnchorReport(trusted, POLICY, NOW)
    assert (report.worst(), report.verified_s, report.trusted) == (-1, NOW, [OLD.tag])
    assert [(key.key_tag, key.state_name, key.since_s) for key in report.keys] == [(OLD.tag, "Valid", NOW)]


def test_a_new_key_is_shown_with_the_end_of_its_hold_down() -> None:
    trusted = anchor(OLD)
    show(trusted, [OLD, NEW])
    end_s = NOW + TRUST_ANCHOR_HOLD_DOWN_S
    (finding,) = findings(trusted)
    assert finding[0] == NOTICE and f"new key {NEW.tag}" in finding[1] and utc_text(end_s) in finding[1]
    assert {key.key_tag: key.trusted_from_s for key in AnchorReport(trusted, POLICY, NOW).keys} == {
        OLD.tag: 0,
        NEW.tag: end_s,
    }


def test_a_hold_down_that_does_not_end_is_a_warning() -> None:
    trusted = anchor(OLD)
    show(trusted, [OLD, NEW])
    late_s = NOW + TRUST_ANCHOR_HOLD_DOWN_S + DAY
    assert [(level, "blocked: over since" in text) for level, text in findings(trusted, late_s)] == [(WARNING, True)]
    assert [(level, "clock is before" in text) for level, text in findings(trusted, NOW - DAY)] == [(WARNING, True)]
    show(trusted, [OLD, NEW], late_s)
    assert findings(trusted, late_s) == []


def test_trusted_keys_that_are_not_published() -> None:
    never = anchor(OLD, NEW)
    show(never, [OLD])
    assert findings(never) == [(NOTICE, f"trusted key {NEW.tag} is not published")]
    gone = anchor(OLD, NEW)
    show(gone, [OLD, NEW])
    show(gone, [OLD], NOW + DAY)
    assert findings(gone, NOW + DAY) == [
        (WARNING, f"trusted key {NEW.tag} is not published since {utc_text(NOW + DAY)}")
    ]


def test_no_trusted_key_in_the_zone_is_an_error_whoever_signed() -> None:
    for tracked in (True, False):
        trusted = anchor(OLD, tracked=tracked)
        show(trusted, [NEW], verified=False)
        level, text = findings(trusted)[0]
        assert level == ERROR and f"no trusted key ({OLD.tag})" in text


def test_revocations_are_warnings_until_nothing_is_left() -> None:
    trusted = anchor(OLD, NEW)
    show(trusted, [OLD.with_flags(257 | 0x80), NEW])
    assert [(level, "was revoked by its owner" in text) for level, text in findings(trusted)] == [(WARNING, True)]
    show(trusted, [OLD.with_flags(257 | 0x80), NEW.with_flags(257 | 0x80)], verified=False)
    ((level, text),) = findings(trusted)
    assert level == ERROR and "every trusted key is revoked" in text
    assert trusted.deleted()


def test_keys_that_cannot_be_fetched_for_hours_are_a_warning() -> None:
    trusted = anchor(OLD)
    trusted.note_failure(NOW)
    trusted.note_failure(NOW + 60)
    assert findings(trusted, NOW + ANCHOR_FAILING_WARNING_S - 1) == []
    later_s = NOW + ANCHOR_FAILING_WARNING_S
    assert findings(trusted, later_s) == [
        (WARNING, f"its keys could not be fetched and validated since {utc_text(NOW)}")
    ]
    show(trusted, [OLD], later_s)
    assert findings(trusted, later_s) == []


def test_an_anchor_that_is_not_followed_tells_of_new_keys() -> None:
    trusted = anchor(OLD, tracked=False)
    show(trusted, [OLD, NEW, ZoneKey(".", 13, 256)])
    first, last = findings(trusted)
    assert first == (WARNING, f"new key-signing key {NEW.tag} is published, and rollovers are not followed here")
    assert last == (NOTICE, "key rollovers are not followed (RFC 5011)")


def test_an_anchor_with_algorithms_that_do_not_count_is_an_error() -> None:
    report = AnchorReport(anchor(OLD), AlgorithmPolicy([8], [2]), NOW)
    assert report.worst() == ERROR and "no trusted key has an algorithm" in report.findings[0].text
    report = AnchorReport(anchor(OLD), AlgorithmPolicy([13], [4]), NOW)
    assert report.worst() == ERROR


def test_what_the_driver_could_not_store_is_an_error_and_comes_first() -> None:
    trusted = anchor(OLD, tracked=False)
    trusted.problem = "its state cannot be stored"
    assert findings(trusted)[0] == (ERROR, "its state cannot be stored")
    assert [LEVEL_NAMES[level] for level, _ in findings(trusted)] == ["error", "notice"]


def test_more_keys_than_are_followed_are_a_warning() -> None:
    trusted = anchor(OLD)
    many = [ZoneKey(".", 13) for _ in range(DNSKEYS_PER_ZONE)]
    show(trusted, [OLD, *many])
    assert any("new ones are not followed any more" in text for level, text in findings(trusted) if level == WARNING)


def test_withdrawing_a_seed_takes_the_key_that_was_learned_from_it() -> None:
    old = anchor(OLD, NEW)
    show(old, [OLD, NEW])
    state = old.state_text()
    now = TrustAnchor(TrustAnchorSetting(ROOT, [NEW.ds()], [], True, state))
    assert now.trusted_key_tags() == sorted([OLD.tag, NEW.tag])
    assert now.withdraw_seeds_missing_from(old)
    assert now.trusted_key_tags() == [NEW.tag]
    again = TrustAnchor(TrustAnchorSetting(ROOT, [NEW.ds(), OLD.ds()], [], True, now.state_text()))
    assert not again.withdraw_seeds_missing_from(now)
    assert again.trusted_key_tags() == sorted([OLD.tag, NEW.tag])
