"""Whole rollovers in simulated time: an operator who rolls and signs every hour, a parent that follows CDS.

Each version has to pass the publication gate, which knows from its journal what caches may hold; so that every wait in
the tables is long enough is tested by the gate, and that it is no longer than need be by the times below.
"""

import os
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.crypto.signing import CDNSKEY_DELETE, CDS_DELETE
from holdfast.dns import iana
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.key_ring import CSK, KSK, ZSK
from holdfast.registry.key_states import TABLES, Method, State
from holdfast.registry.parent_ds import ParentDs
from holdfast.registry.policy import Policy, make_policy
from holdfast.registry.problems import RegistryError
from holdfast.registry.zone_file import read_zone
from holdfast.registry.zone_registry import ZoneRegistry
from tests.support.zones import NOW

ZONE = """$TTL 3600
@ SOA ns1 hostmaster 2026050500 7200 3600 1209600 900
  NS ns1
ns1 A 192.0.2.1
signed 86400 NS ns1
       86400 DS 1 13 2 AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899
"""

HOUR_S = 3600
DAY_S = 86400
STEP_S = HOUR_S
PARENT_LAG_S = 2 * HOUR_S  # the parent takes this long to follow CDS


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def policy(**settings: object) -> Policy:
    table: dict[str, object] = {"zone": "example", "zsk_lifetime_s": 0, "backends": ["hsm1", "hsm2", "hsm3"]}
    return make_policy({**table, **settings}, "test")


@dataclass
class Operator:
    """Runs a registry in steps; every published version is kept, with what the parent said at the time."""

    folder: Path
    policy: Policy
    now_s: int = NOW
    log: dict[str, int] = field(default_factory=dict)  # "ROLE state" -> seconds since the last rollover started
    started_s: int = NOW
    ds: list[bytes] = field(default_factory=list)
    announced: tuple[int, list[bytes]] = (NOW, [])
    versions: int = 0

    def __post_init__(self) -> None:
        self.source = self.folder / "source.zone"
        self.source.write_text(ZONE)
        self.target = self.folder / "signed.zone"
        self.registry = ZoneRegistry.create(self.folder / "registry", self.policy, self.now_s)
        self.publish()

    def publish(self) -> None:
        result = self.registry.sign(str(self.source), self.target, self.now_s)
        assert [finding.text for finding in result.report.findings if finding.severity == "error"] == []
        assert all(state.good for state in result.report.cache_states)
        self.versions += result.written
        cds = read_zone(str(self.target)).apex.get(iana.TYPE_CDS)
        wanted = sorted(cds.rdatas) if cds is not None else []
        if wanted != self.announced[1]:
            self.announced = (self.now_s, wanted)

    def step(self) -> None:
        self.now_s += STEP_S
        if self.announced[1] and self.now_s >= self.announced[0] + PARENT_LAG_S:
            self.ds = self.announced[1]
        self.registry.observe_parent(ParentDs(self.ds, DAY_S), self.now_s)
        for move in self.registry.roll(self.now_s).moves:
            self.log[f"{move.key.role} {move.key.algorithm} {move.after.value}"] = self.now_s - self.started_s
        self.publish()

    def run_until_stable(self) -> None:
        for _ in range(10 * DAY_S // STEP_S):
            self.step()
            states = {key.state for key in self.registry.ring.keys}
            if states <= {State.ACTIVE, State.REMOVED} and not any(key.pending for key in self.registry.ring.keys):
                return
        raise AssertionError(f"not done after ten days: {[(key.role, key.state) for key in self.registry.ring.keys]}")

    def start(self, role: str = "", algorithm: str = "") -> None:
        self.log, self.started_s, self.versions = {}, self.now_s, 0
        self.registry.roll(self.now_s, role, algorithm)
        self.publish()


def run(folder: Path, role: str = "", algorithm: str = "", **settings: object) -> Operator:
    operator = Operator(folder, policy(**settings))
    operator.run_until_stable()
    operator.start(role, algorithm)
    operator.run_until_stable()
    return operator


def test_the_first_ds_waits_until_unsigned_data_is_gone_from_caches(tmp_path: Path) -> None:
    operator = Operator(tmp_path, policy())
    operator.run_until_stable()
    assert operator.log["KSK 13 ready"] == HOUR_S + DAY_S
    assert operator.log["KSK 13 active"] == HOUR_S + DAY_S + PARENT_LAG_S


def test_zsk_pre_publish(tmp_path: Path) -> None:
    operator = run(tmp_path, ZSK)
    # Ipub is propagation and DNSKEY TTL, Iret propagation and the longest TTL (RFC 7583 section 3.2.1).
    assert operator.log == {
        "ZSK 13 ready": 2 * HOUR_S,
        "ZSK 13 active": 2 * HOUR_S,
        "ZSK 13 retired": 2 * HOUR_S,
        "ZSK 13 removed": 2 * HOUR_S + HOUR_S + DAY_S,
    }
    assert operator.versions == 3  # published, in use, old one removed


def test_ksk_double_signature(tmp_path: Path) -> None:
    operator = run(tmp_path, KSK)
    ready_s = 2 * HOUR_S
    assert operator.log["KSK 13 ready"] == operator.log["KSK 13 retired"] == ready_s
    assert operator.log["KSK 13 active"] == ready_s + PARENT_LAG_S
    assert operator.log["KSK 13 removed"] == ready_s + PARENT_LAG_S + HOUR_S + DAY_S
    assert len(operator.ds) == 1  # the parent was asked once


def test_ksk_double_ds(tmp_path: Path) -> None:
    operator = run(tmp_path, KSK, ksk_method="double-ds")
    ready_s = PARENT_LAG_S + HOUR_S + DAY_S
    assert operator.log["KSK 13 ready"] == operator.log["KSK 13 active"] == operator.log["KSK 13 retired"] == ready_s
    assert operator.log["KSK 13 dead"] == ready_s + 2 * HOUR_S
    assert operator.log["KSK 13 removed"] == ready_s + 2 * HOUR_S + PARENT_LAG_S


def test_csk_double_signature(tmp_path: Path) -> None:
    operator = run(tmp_path, CSK, keys="CSK")
    assert operator.log["CSK 13 ready"] == 2 * HOUR_S
    assert operator.log["CSK 13 active"] == 2 * HOUR_S + PARENT_LAG_S
    assert operator.log["CSK 13 removed"] == 2 * HOUR_S + PARENT_LAG_S + HOUR_S + DAY_S


@pytest.mark.parametrize(("keys", "role"), [("KSK+ZSK", "ZSK"), ("CSK", "CSK")])
def test_algorithm_rollover(keys: str, role: str, tmp_path: Path) -> None:
    operator = run(tmp_path, algorithm="ED25519", keys=keys)
    log = operator.log
    # Signatures, keys, DS; then keys and signatures again in the opposite order (RFC 6781 section 4.1.4).
    assert log[f"{role} 15 published"] == HOUR_S + DAY_S
    entry = "CSK" if keys == "CSK" else "KSK"
    assert log[f"{entry} 15 ready"] == HOUR_S + DAY_S + 2 * HOUR_S
    gone_s = log[f"{entry} 15 active"] + HOUR_S + DAY_S
    assert log[f"{role} 13 withdrawn"] == gone_s
    assert log[f"{role} 13 removed"] == gone_s + 2 * HOUR_S
    zone = read_zone(str(operator.target))
    assert {rdata[3] for rdata in zone.apex[iana.TYPE_DNSKEY].rdatas} == {15}
    report, _ = check_zone(zone, GateOptions(operator.now_s, ds=operator.ds))
    assert report.findings == []


def test_a_key_at_the_end_of_its_life_is_rolled_by_itself(tmp_path: Path) -> None:
    operator = Operator(tmp_path, policy(zsk_lifetime_s=3 * DAY_S))
    operator.run_until_stable()
    while len(operator.registry.ring.of_role(ZSK)) == 1:
        operator.step()
    assert 0 <= operator.now_s - (NOW + 3 * DAY_S) < STEP_S


def test_one_rollover_of_a_role_at_a_time(tmp_path: Path) -> None:
    operator = Operator(tmp_path, policy())
    operator.run_until_stable()
    operator.start(ZSK)
    with pytest.raises(RegistryError, match=r"the ZSK is being rolled already"):
        operator.start(ZSK)
    with pytest.raises(RegistryError, match=r"this zone has no CSK; it has KSK, ZSK"):
        operator.start(CSK)
    with pytest.raises(RegistryError, match=r"'GOST' is no algorithm"):
        operator.start(algorithm="GOST")


def test_going_back_to_the_old_zsk(tmp_path: Path) -> None:
    operator = Operator(tmp_path, policy())
    operator.run_until_stable()
    old = operator.registry.ring.of_role(ZSK)[0]
    with pytest.raises(RegistryError, match=r"none to go back to"):
        operator.registry.roll(operator.now_s, back=True)
    operator.start(ZSK)
    while "ZSK 13 retired" not in operator.log:
        operator.step()
    operator.now_s += HOUR_S
    operator.registry.roll(operator.now_s, back=True)
    operator.publish()
    operator.run_until_stable()
    assert operator.registry.ring.of_role(ZSK) == [old]


@pytest.mark.parametrize("keys", ["KSK+ZSK", "CSK"])
def test_going_unsigned(keys: str, tmp_path: Path) -> None:
    operator = Operator(tmp_path, policy(keys=keys))
    operator.run_until_stable()
    operator.registry.roll(operator.now_s, unsign=True)
    operator.publish()
    apex = read_zone(str(operator.target)).apex
    assert apex[iana.TYPE_CDS].rdatas == [CDS_DELETE] and apex[iana.TYPE_CDNSKEY].rdatas == [CDNSKEY_DELETE]
    asked_s = operator.now_s
    operator.announced = (operator.now_s, [])
    while operator.registry.ring.of_role("KSK") or operator.registry.ring.of_role("CSK"):
        operator.now_s += STEP_S
        operator.ds = [] if operator.now_s >= asked_s + PARENT_LAG_S else operator.ds
        operator.registry.observe_parent(ParentDs(operator.ds, DAY_S), operator.now_s)
        operator.registry.roll(operator.now_s)
        operator.publish()
    assert operator.now_s == asked_s + PARENT_LAG_S + HOUR_S + DAY_S
    zone = read_zone(str(operator.target))
    assert not zone.signed and iana.TYPE_DNSKEY not in zone.apex and iana.TYPE_CDS not in zone.apex
    assert not any(rrset.signatures for rrset, _ in zone.rrsets())


def test_nothing_is_published_twice(tmp_path: Path) -> None:
    operator = Operator(tmp_path, policy())
    before = operator.target.read_bytes()
    operator.now_s += HOUR_S
    operator.publish()
    assert operator.target.read_bytes() == before
    operator.source.write_text(ZONE + "new A 192.0.2.99\n")
    operator.publish()
    # Unix time would be behind the serial of the source, so it is one more than before.
    assert read_zone(str(operator.target)).soa().serial == 2026050502


@pytest.mark.parametrize("method", list(Method))
def test_tables_are_whole(method: Method) -> None:
    rows = TABLES[method]
    leaving = method.name.startswith("LEAVE")
    assert leaving or (rows[0].state == State.GENERATED and rows[0].uses == "")
    assert len({row.state for row in rows}) == len(rows)
    assert State.ACTIVE in {row.state for row in rows}
    if rows[-1].state == State.REMOVED:
        assert rows[-1].uses == "" and rows[-1].leave == ()
    for before, after in pairwise(rows):
        # Nothing changes without a condition, and a published key never goes without a wait.
        assert before.leave
        if before.dnskey and not after.dnskey:
            waits = [condition for condition in before.leave if condition.intervals]
            partner = any("PARTNER" in condition.event.name for condition in before.leave)
            double_ds = after.ds  # its successor's DS has been known for long (RFC 7583 section 3.3.2)
            assert waits or partner or double_ds
