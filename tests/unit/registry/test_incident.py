"""5 May 2026 at a registry that has what .de lacked: the canary stops it on 2 May, and if not, the gate on 5 May."""

from itertools import cycle
from pathlib import Path

import pytest

from holdfast.crypto.signing import SigningKey
from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.lab.labelled_device import LabelledDevice
from holdfast.lab.outage import find_outage
from holdfast.lab.zone_versions import make_keys
from holdfast.registry.backend import BackendKey, SigningBackend
from holdfast.registry.findings import ERROR
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.key_ring import KSK, ZSK, Key, KeyRing
from holdfast.registry.key_states import Method, State
from holdfast.registry.policy import make_policy
from holdfast.registry.publication_journal import Journal
from holdfast.registry.signer import KeySet, Validity, prepare, sign_with
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import load_zone
from holdfast.registry.zone_registry import ZoneRegistry

DE = wire_name("de")
APEX_NSEC3 = "a0d5d1p51kijsevll74k523htmq406bk.de"
MAY_2 = 1_777_716_000  # 2026-05-02T10:00:00Z
MAY_5 = 1_778_008_740  # 2026-05-05T19:19:00Z
DAY_S = 86400

SIGNED = "signed{0} 86400 NS ns.example.\nsigned{0} 86400 DS {0} 13 2 " + "ab" * 32 + "\n"
TEXT = (
    "@ 86400 SOA f.nic dns-operations.denic 1777700000 7200 7200 3600000 7200\n"
    "@ 86400 NS a.nic\n"
    "a.nic 86400 A 194.0.0.53\n"
    + "".join(f"plain{number} 86400 NS ns.example.\n" for number in range(20))
    + "".join(SIGNED.format(number) for number in range(30))
)


@pytest.fixture(scope="module")
def keys() -> dict[str, SigningKey]:
    """The laboratory's keys with the real tags: ksk, old and new ZSK, and what the second and third device made."""
    return make_keys(find_outage("de-2026-05-05"), seed=1)


@pytest.fixture(scope="module")
def devices(keys: dict[str, SigningKey]) -> list[LabelledDevice]:
    labels = {keys[name].key_hash: f"de-{keys[name].key_tag}" for name in ("ksk", "old", "new")}
    made = [LabelledDevice(f"hsm{number}", labels) for number in (1, 2, 3)]
    for device, own in zip(made, ("new", "hsm2", "hsm3"), strict=True):
        device.load("de-26755", keys["ksk"])
        device.load("de-32911", keys["old"])
        device.load("de-33834", keys[own])
    return made


def test_the_tags_are_those_of_the_day(keys: dict[str, SigningKey]) -> None:
    assert [keys[name].key_tag for name in ("ksk", "old", "new")] == [26755, 32911, 33834]


def test_the_canary_fails_on_2_may(keys: dict[str, SigningKey], devices: list[LabelledDevice], tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    for role, name, method in ((KSK, "ksk", Method.KSK_DOUBLE_SIGNATURE), (ZSK, "old", Method.ZSK_PRE_PUBLISH)):
        key = Key(role, keys[name].dnskey, method, State.ACTIVE, 0, 0, ds_seen_s=0, active_s=0)
        ring.keys.append(key)
    policy = make_policy({"zone": "de", "algorithm": "RSASHA256", "denial": "nsec3-opt-out"}, "test")
    backends: list[SigningBackend] = [*devices]
    registry = ZoneRegistry(tmp_path, policy, ring, backends, Journal.open(tmp_path / "journal.json", DE))
    rollover = registry.rollover(MAY_2)
    new = rollover.start(ZSK, keys["new"].dnskey)
    progress = rollover.advance()
    assert [(finding.check, finding.key_tag) for finding in progress.findings] == [("canary.wrong-key", 33834)] * 2
    assert ["hsm2" in progress.findings[0].text, "hsm3" in progress.findings[1].text] == [True, True]
    assert "RRSIG with invalid signature" in progress.findings[0].text
    # The key stays unpublished: no outage.
    assert new.state == State.GENERATED
    assert registry.key_set().published == [keys["ksk"].dnskey, keys["old"].dnskey]
    assert [device.holds(new.key_hash) for device in devices] == [True] * 3  # as everyone believed
    assert [device.holds_exactly(new.key_hash) for device in devices] == [True, False, False]


def signed(keys: dict[str, SigningKey], devices: list[LabelledDevice], serial: int, name: str, now_s: int) -> Zone:
    """A version with both ZSKs published and one in use; the devices take turns."""
    zone = load_zone("de", TEXT.replace("1777700000", str(serial)))
    published = [keys[one].dnskey for one in ("ksk", "old", "new")]
    window = Validity(now_s - 5400, now_s + 14 * DAY_S)
    nsec3 = Nsec3Parameters(opt_out=True)
    if name == "old":
        sign_with(zone, KeySet(published, [keys["ksk"]], [keys["old"]], key_ttl_s=3600), window, nsec3)
        return zone
    prepare(zone, KeySet(published, [], [], key_ttl_s=3600), nsec3)
    turns = cycle(BackendKey(keys["new"].dnskey, [device]) for device in devices)
    apex = zone.matching(DE)
    for rrset, to_be_signed in zone.rrsets():
        key = keys["ksk"] if rrset.rtype == iana.TYPE_DNSKEY else next(turns)
        if rrset is apex:  # which device it was is not known; it was not the first
            key = BackendKey(keys["new"].dnskey, [devices[1]])
        if to_be_signed:
            rrset.signatures = [key.sign(rrset, DE, window.inception_s, window.expiration_s)]
    return zone


@pytest.mark.parametrize("sample", [0, 10])
def test_the_egress_check_fails_on_5_may(
    sample: int, keys: dict[str, SigningKey], devices: list[LabelledDevice], tmp_path: Path
) -> None:
    journal = Journal.open(tmp_path / "journal.json", DE)
    ds = [keys["ksk"].ds(DE)]
    before = signed(keys, devices, 1777716000, "old", MAY_2)
    report, version = check_zone(before, GateOptions(MAY_2, ds=ds))
    assert report.findings == []
    journal.record(version, MAY_2, 3600)

    options = GateOptions(MAY_5, ds=ds, earlier=journal.earlier(MAY_5), sample=sample, seed=1)
    report, _ = check_zone(signed(keys, devices, 1778008740, "new", MAY_5), options)
    assert report.stops
    apex = next(one for one in report.findings if to_text(one.owner) == APEX_NSEC3)
    assert (apex.severity, apex.subject(), apex.key_tag) == (ERROR, f"{APEX_NSEC3}/NSEC3", 33834)
    assert (apex.check, apex.info_code) == ("rrsig.invalid", iana.EDE_DNSSEC_BOGUS)
    assert apex.key_hash == keys["new"].key_hash
    assert apex.text == f"RRSIG with invalid signature for {APEX_NSEC3}/NSEC3 (keytag=33834)"
    assert "referrals to unsigned child zones" in apex.affected
    if not sample:
        assert 0.6 < report.signatures_bad / report.signatures_checked < 0.7


def test_the_rollback_passes(keys: dict[str, SigningKey], devices: list[LabelledDevice], tmp_path: Path) -> None:
    """21:45: everything signed again with 32911, while 33834 is still published."""
    before = signed(keys, devices, 1777716000, "old", MAY_2)
    bad = signed(keys, devices, 1778008740, "new", MAY_5)
    again = signed(keys, devices, 1778017514, "old", MAY_5 + 8774)
    ds = [keys["ksk"].ds(DE)]
    assert check_zone(again, GateOptions(MAY_5 + 8774, ds=ds, current=before))[0].findings == []
    # From the broken version too: what it left in caches is signed by nobody anyway, and nothing makes that worse.
    errors = {one.check for one in check_zone(again, GateOptions(MAY_5 + 8774, ds=ds, current=bad))[0].findings}
    assert errors == set()
