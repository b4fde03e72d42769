"""What resolvers may hold of earlier versions: each premature step of a rollover is named, each timely one passes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from holdfast.crypto.signing import SigningKey, ZoneKey
from holdfast.registry.findings import ERROR, GateReport
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.problems import RegistryError
from holdfast.registry.publication_journal import Journal
from holdfast.registry.signer import KeySet, Validity, sign_with
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import load_zone
from tests.support.zones import EVERYTHING, NOW

DAY_S = 86400
HOUR_S = 3600
APEX = wire_name("example")
KSK = SigningKey.derive(13, b"ksk", 257)
NEW_KSK = SigningKey.derive(13, b"new ksk", 257)
OLD = SigningKey.derive(13, b"old zsk", 256)
NEW = SigningKey.derive(13, b"new zsk", 256)
NEW_ALGORITHM = SigningKey.derive(15, b"ed25519", 256)


def version(
    serial: int, published: Sequence[ZoneKey], signing: Sequence[ZoneKey], entry: Sequence[ZoneKey] | None = None
) -> Zone:
    zone = load_zone("example", EVERYTHING.replace("2026050500", str(serial)))
    key_set = KeySet([key.dnskey for key in published], entry or [KSK], signing, key_ttl_s=HOUR_S)
    sign_with(zone, key_set, Validity(NOW - 5400, NOW + 30 * DAY_S), Nsec3Parameters())
    return zone


def judge(zone: Zone, current: Zone | None = None, ds: Sequence[ZoneKey] | None = None, now_s: int = NOW) -> GateReport:
    options = GateOptions(now_s, ds=[key.ds(APEX) for key in ds or [KSK]], current=current)
    return check_zone(zone, options)[0]


def errors(report: GateReport) -> list[str]:
    return sorted({finding.check for finding in report.findings if finding.severity == ERROR})


STABLE = version(1, [KSK, OLD], [OLD])


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("nothing changes", version(2, [KSK, OLD], [OLD]), []),
        ("the new key is published", version(2, [KSK, OLD, NEW], [OLD]), []),
        ("the new key signs at once", version(2, [KSK, OLD, NEW], [NEW]), ["cache.old-keys"]),
        ("keys are exchanged in one step", version(2, [KSK, NEW], [NEW]), ["cache.old-data", "cache.old-keys"]),
        ("the old key is removed first", version(2, [KSK, NEW], [OLD]), ["cache.old-data", "gate.key-not-published"]),
        ("the serial stands still", version(1, [KSK, OLD], [OLD]), ["gate.serial"]),
        ("the entry key is exchanged", version(2, [NEW_KSK, OLD], [OLD], [NEW_KSK]), ["ds.no-match"]),
    ],
)
def test_one_step(name: str, zone: Zone, expected: list[str]) -> None:
    assert errors(judge(zone, STABLE)) == expected, name


def test_a_finding_says_who_fails_and_for_how_long() -> None:
    report = judge(version(2, [KSK, NEW], [NEW]), STABLE)
    by_check = {finding.check: finding for finding in report.findings}
    # The DNSKEY RRset stays cached for its TTL after the last server has the new version; so do answers for theirs.
    assert by_check["cache.old-keys"].duration_s == 3600 + HOUR_S
    assert by_check["cache.old-data"].duration_s in (3600 + HOUR_S, 3600 + DAY_S)
    assert by_check["cache.old-keys"].key_hash == NEW.key_hash
    assert "hold the old DNSKEY RRset (TTL 1 h)" in by_check["cache.old-keys"].affected
    assert any("FAILS" in line for line in report.lines())


def test_signatures_before_their_key_are_right_in_an_algorithm_rollover() -> None:
    # RFC 6781 section 4.1.4: signatures first, then the key; both algorithms sign as long as both keys are published.
    early = version(2, [KSK, OLD], [OLD, NEW_ALGORITHM])
    report = judge(early, STABLE)
    assert errors(report) == []
    assert {finding.check for finding in report.findings} == {"rrsig.no-key"}
    options = GateOptions(NOW, ds=[KSK.ds(APEX)], expected=[NEW_ALGORITHM.dnskey])
    assert check_zone(early, options)[0].findings == []
    early_key = version(2, [KSK, OLD, NEW_ALGORITHM], [OLD])
    assert errors(judge(early_key, STABLE)) == ["gate.algorithm-incomplete"]


class Story:
    """Versions that go through the gate with a journal, one after the other, at given times."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.json"
        self.serial = 0

    def publish(
        self,
        after_s: int,
        published: Sequence[ZoneKey],
        signing: Sequence[ZoneKey],
        ds: Sequence[ZoneKey] | None = None,
        entry: Sequence[ZoneKey] | None = None,
    ) -> list[str]:
        self.serial += 1
        journal = Journal.open(self.path, APEX)
        now_s = NOW + after_s
        options = GateOptions(now_s, ds=[key.ds(APEX) for key in ([KSK] if ds is None else ds)], ds_ttl_s=DAY_S)
        options.earlier = journal.earlier(now_s)
        zone = version(self.serial, published, signing, entry) if published else load_zone("example", EVERYTHING)
        report, new = check_zone(zone, options)
        if not report.stops:
            journal.record(new, now_s, options.propagation_s)
        return errors(report)


def test_a_zone_key_may_go_only_when_its_signatures_are_gone_from_caches(tmp_path: Path) -> None:
    story = Story(tmp_path)
    assert story.publish(0, [KSK, OLD], [OLD]) == []
    assert story.publish(60, [KSK, OLD, NEW], [OLD]) == []
    assert story.publish(60 + HOUR_S, [KSK, OLD, NEW], [NEW]) == ["cache.old-keys"]  # servers may have lagged behind
    assert story.publish(60 + 2 * HOUR_S, [KSK, OLD, NEW], [NEW]) == []
    switched_s = 60 + 2 * HOUR_S
    # The signed delegation has a TTL of a day: nothing of the last version says so, only the journal does.
    assert story.publish(switched_s + DAY_S, [KSK, NEW], [NEW]) == ["cache.old-data"]
    assert story.publish(switched_s + DAY_S + HOUR_S, [KSK, NEW], [NEW]) == []


def test_an_entry_key_may_go_only_when_its_ds_is_gone_from_caches(tmp_path: Path) -> None:
    story = Story(tmp_path)
    both = [KSK, NEW_KSK, OLD]
    assert story.publish(0, [KSK, OLD], [OLD]) == []
    assert story.publish(60, both, [OLD], entry=[KSK, NEW_KSK]) == []
    # The parent changes the DS while resolvers may hold the old DNSKEY RRset.
    assert story.publish(120, both, [OLD], ds=[NEW_KSK], entry=[KSK, NEW_KSK]) == ["cache.old-keys-ds"]
    changed_s = 60 + 2 * HOUR_S
    assert story.publish(changed_s, both, [OLD], ds=[NEW_KSK], entry=[KSK, NEW_KSK]) == []
    early = story.publish(changed_s + HOUR_S, [NEW_KSK, OLD], [OLD], ds=[NEW_KSK], entry=[NEW_KSK])
    assert early == ["cache.old-ds"]
    assert story.publish(changed_s + DAY_S + HOUR_S, [NEW_KSK, OLD], [OLD], ds=[NEW_KSK], entry=[NEW_KSK]) == []


def test_the_first_ds_may_come_only_when_unsigned_data_is_gone_from_caches(tmp_path: Path) -> None:
    story = Story(tmp_path)
    assert story.publish(0, [], [], ds=[]) == []
    assert story.publish(60, [KSK, OLD], [OLD], ds=[]) == []
    assert story.publish(60 + DAY_S, [KSK, OLD], [OLD]) == ["cache.old-data"]
    assert story.publish(60 + DAY_S + HOUR_S, [KSK, OLD], [OLD]) == []


def test_the_zone_may_go_unsigned_only_when_its_ds_is_gone_from_caches(tmp_path: Path) -> None:
    story = Story(tmp_path)
    assert story.publish(0, [KSK, OLD], [OLD]) == []
    assert story.publish(DAY_S, [], [], ds=[]) == ["gate.no-dnskey"]
    assert story.publish(DAY_S, [KSK, OLD], [OLD], ds=[]) == []
    # While the old DS is cached, every other rule holds as well.
    assert story.publish(DAY_S + 60, [KSK, NEW], [NEW], ds=[]) == ["cache.old-data", "cache.old-keys"]
    assert story.publish(2 * DAY_S + HOUR_S, [], [], ds=[]) == []


def test_the_journal_keeps_what_may_be_cached_and_no_more(tmp_path: Path) -> None:
    story = Story(tmp_path)
    for minute in range(5):
        story.publish(minute * 60, [KSK, OLD], [OLD])
    assert len(Journal.open(story.path, APEX).versions) == 1
    story.publish(DAY_S, [KSK, OLD, NEW], [OLD])
    assert len(Journal.open(story.path, APEX).versions) == 2
    story.publish(5 * DAY_S, [KSK, OLD, NEW], [OLD])
    assert len(Journal.open(story.path, APEX).versions) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "zone": "other", "versions": []}'])
def test_a_file_that_is_no_journal_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    path.write_text(text)
    with pytest.raises(RegistryError, match=r"journal"):
        Journal.open(path, APEX)
