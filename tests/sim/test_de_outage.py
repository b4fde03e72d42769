"""The outage of 5 May 2026 in virtual time: what a resolver must see, and the shape that the day's graphs had."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.dns.iana import (
    EDE_DNSSEC_BOGUS,
    EDE_STALE_ANSWER,
    RCODE_NOERROR,
    RCODE_SERVFAIL,
)
from holdfast.dns.name import to_text
from holdfast.lab.guarded import with_gate
from holdfast.lab.measurements import (
    FRESH,
    KNOWN_ZONE,
    MINUTE_S,
    NO_SUCH_ZONE,
    NXDOMAIN,
    SERVFAIL,
    STALE,
    ClientAnswer,
    Minute,
)
from holdfast.lab.outage import Outage, Probe, find_outage
from holdfast.lab.policies import POLICIES as ALL_POLICIES
from holdfast.lab.replay import Prober, Run, play
from holdfast.lab.report import first_repair
from holdfast.lab.traffic import TrafficParameters
from tests.support.sources import ROOT

NAME = "de-2026-05-05"
SCALE = 0.04
SEED = 7
APEX_NSEC3 = "a0d5d1p51kijsevll74k523htmq406bk.de/NSEC3"  # base32hex(SHA1("de.")): no salt, no iterations
HOUR_S = 3600
POLICIES = {policy.name: policy for policy in ALL_POLICIES}


def outage_of(scale: float = SCALE) -> Outage:
    return find_outage(NAME).scaled(scale)


def prober(policy: str = "no-stale", scale: float = SCALE) -> Prober:
    return Prober(outage_of(scale), SEED, POLICIES[policy])


def names(of: Prober, signed: bool) -> list[str]:
    found = [leaf for leaf in of.world.leaves if leaf.signed == signed and leaf.name.endswith(b"\x02de\x00")]
    return [to_text(leaf.names[1]) for leaf in found]


# -- observables ------------------------------------------------------------------------------------------------------


def test_everything_is_well_before_the_break() -> None:
    probe = prober()
    at_s = probe.world.outage.broken_s - 60
    assert probe.cold(at_s, names(probe, signed=True)[0]).secure
    unsigned = probe.cold(at_s, names(probe, signed=False)[0])
    assert (unsigned.rcode, unsigned.secure, unsigned.ede) == (RCODE_NOERROR, False, ())
    assert probe.cold(at_s, "no-such-zone.de").kind == "nxdomain"


def test_cold_unsigned_names_fail_and_the_error_names_the_denial_record_of_the_apex() -> None:
    probe = prober()
    for name in names(probe, signed=False)[:5]:
        answer = probe.cold(probe.world.outage.broken_s + 60, name)
        assert answer.rcode == RCODE_SERVFAIL
        assert [code for code, _ in answer.ede] == [EDE_DNSSEC_BOGUS]
        assert f"{APEX_NSEC3} (keytag=33834)" in answer.ede[0][1]


def test_a_third_of_the_cold_signed_names_is_still_secure() -> None:
    probe = prober(scale=0.2)
    answers = [probe.cold(probe.world.outage.broken_s + 60, name) for name in names(probe, signed=True)]
    good = [answer for answer in answers if answer.rcode == RCODE_NOERROR]
    assert all(answer.secure for answer in good)
    assert all(answer.ede[0][0] == EDE_DNSSEC_BOGUS for answer in answers if answer not in good)
    assert 0.15 < len(good) / len(answers) < 0.55


def test_the_keys_stay_valid_and_the_soa_record_flips() -> None:
    probe = prober()
    outage = probe.world.outage
    good = []
    for at in range(12):
        at_s = outage.broken_s + 60 + at * outage.update_s
        assert probe.cold(at_s, "de", "DNSKEY").secure
        good.append(probe.cold(at_s, "de", "SOA").secure)
    assert 0 < sum(good) < len(good)
    assert any(first and not second for first, second in pairwise(good))


def test_without_checking_every_name_resolves() -> None:
    probe = prober()
    at_s = probe.world.outage.broken_s + 60
    for name in (names(probe, signed=True)[0], names(probe, signed=False)[0]):
        answer = probe.cold(at_s, name, checking_disabled=True)
        assert (answer.rcode, answer.secure) == (RCODE_NOERROR, False)


def test_repaired_servers_publish_the_old_key_only() -> None:
    probe = prober()
    outage = probe.world.outage
    assert probe.cold(outage.broken_s - 60, "de", "DNSKEY").records == 1
    zone = probe.world.servers[next(iter(probe.world.subject_addresses()))].zones[probe.world.subject]
    assert [key.key_tag for key in zone.keys] == [26755, 32911, 33834]
    assert probe.cold(outage.healed_s + 60, names(probe, signed=False)[0]).rcode == RCODE_NOERROR
    zone = probe.world.servers[next(iter(probe.world.subject_addresses()))].zones[probe.world.subject]
    assert [key.key_tag for key in zone.keys] == [26755, 32911]


def test_with_a_well_signed_apex_some_unsigned_names_resolve() -> None:
    from holdfast.control.lab import with_good_apex

    probe = Prober(with_good_apex(outage_of(0.1)), SEED, POLICIES["no-stale"])
    at_s = probe.world.outage.broken_s + 60
    answers = [probe.cold(at_s, name) for name in names(probe, signed=False)[:30]]
    good = [answer for answer in answers if answer.rcode == RCODE_NOERROR]
    assert 0 < len(good) < len(answers)


LATE_S = 9000  # after the break: proofs (7200 s) and keys (3600 s) have run out


def late_answer(policy: str, label: str) -> ClientAnswer:
    """Ask late in the break for a name in a zone of which `www` was asked for before it."""
    outage = outage_of()
    of = prober(policy)
    zone = next(name for name in names(of, signed=False) if of.cold(outage.start_s, name).ttl_s <= 300)
    name = label + zone.removeprefix("www")
    probe = Probe(outage.broken_s + LATE_S, name, "NOERROR", warm_s=outage.broken_s - 60, warm_name=zone)
    return prober(policy).answer(probe)


def test_a_name_that_was_known_is_answered_stale_and_says_so() -> None:
    assert late_answer("no-stale", "www").rcode == RCODE_SERVFAIL
    answer = late_answer("stale", "www")
    assert answer.rcode == RCODE_NOERROR
    assert {code for code, _ in answer.ede} == {EDE_STALE_ANSWER, EDE_DNSSEC_BOGUS}


def test_a_new_name_in_a_known_zone_needs_the_last_known_good_chain() -> None:
    assert late_answer("stale", "mail").rcode == RCODE_SERVFAIL
    answer = late_answer("last-known-good", "mail")
    assert (answer.rcode, answer.secure) == (RCODE_NOERROR, False)
    assert EDE_STALE_ANSWER in {code for code, _ in answer.ede}


def test_a_negative_trust_anchor_ends_it(runs: dict[str, Run]) -> None:
    outage = outage_of()
    run = play(outage, POLICIES["nta-1h"], SEED, TrafficParameters().for_zones(outage.zones))
    placed_s = outage.broken_s + HOUR_S
    assert during(run, placed_s, first_repair(outage)).questions_failed == 0
    before = during(run, outage.broken_s, placed_s)
    assert before.questions_failed == during(runs["stale"], outage.broken_s, placed_s).questions_failed > 0


# -- the curves of the day --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    traffic = TrafficParameters().for_zones(outage_of().zones)
    return {name: play(outage_of(), POLICIES[name], SEED, traffic) for name in ("no-stale", "stale")}


def during(run: Run, from_s: int, to_s: int) -> Minute:
    """Sum of the minutes between two POSIX times."""
    total = Minute()
    for at_s in range(from_s, to_s, MINUTE_S):
        minute = run.measured.minute(at_s)
        assert minute is not None
        total.queries += minute.queries
        total.questions += minute.questions
        for kind, count in minute.kinds.items():
            total.kinds[kind] += count
        for name, count in minute.failed.items():
            total.failed[name] += count
    return total


def test_failures_jump_at_the_break_and_climb(runs: dict[str, Run]) -> None:
    outage = outage_of()
    before = during(runs["no-stale"], outage.start_s, outage.broken_s)
    assert before.questions_failed == 0
    thirds = []
    for at in range(3):
        length_s = (first_repair(outage) - outage.broken_s) // 3
        third = during(runs["no-stale"], outage.broken_s + at * length_s, outage.broken_s + (at + 1) * length_s)
        thirds.append(third.questions_failed / third.questions)
    assert 0.05 < thirds[0] < thirds[1] < thirds[2]
    assert thirds[2] > 0.3


def test_retries_inflate_the_volume(runs: dict[str, Run]) -> None:
    outage = outage_of()
    before = during(runs["no-stale"], outage.start_s, outage.broken_s)
    last_hour = during(runs["no-stale"], first_repair(outage) - HOUR_S, first_repair(outage))
    per_minute = outage.broken_s - outage.start_s, HOUR_S
    assert last_hour.queries / per_minute[1] > 1.5 * before.queries / per_minute[0]
    assert last_hour.kinds[SERVFAIL] > 2 * last_hour.questions_failed


def test_stale_answers_carry_most_users_through(runs: dict[str, Run]) -> None:
    outage = outage_of()
    last_hour = during(runs["stale"], first_repair(outage) - HOUR_S, first_repair(outage))
    assert last_hour.questions_failed < 0.2 * last_hour.questions
    assert last_hour.kinds[STALE] > 0.2 * last_hour.queries
    before = during(runs["stale"], outage.start_s, outage.broken_s)
    assert before.kinds[STALE] == 0
    assert runs["stale"].measured.users_hit < runs["no-stale"].measured.users_hit
    assert {code for minute in runs["stale"].measured.minutes for code in minute.ede} >= {
        EDE_STALE_ANSWER,
        EDE_DNSSEC_BOGUS,
    }


def test_noerror_stays_steady_with_stale_answers_and_falls_steadily_without(runs: dict[str, Run]) -> None:
    outage = outage_of()
    length_s = (first_repair(outage) - outage.broken_s) // 3
    answered, fresh = [], []
    for at in range(3):
        begin_s = outage.broken_s + at * length_s
        third = during(runs["stale"], begin_s, begin_s + length_s)
        answered.append((third.kinds[FRESH] + third.kinds[STALE] + third.kinds[NXDOMAIN]) / third.questions)
        fresh.append((third.kinds[FRESH] + third.kinds[NXDOMAIN]) / third.questions)
    assert min(answered) > 0.95
    assert 0.95 > fresh[0] > fresh[1] > fresh[2]
    assert fresh[2] < 0.6


def test_everything_resolves_once_all_servers_are_healed(runs: dict[str, Run]) -> None:
    outage = outage_of()
    for run in runs.values():
        assert during(run, outage.healed_s, outage.end_s).questions_failed == 0


def test_names_that_do_not_need_de_are_not_hit(runs: dict[str, Run]) -> None:
    for run in runs.values():
        assert run.measured.others.questions > 0
        assert run.measured.others.questions_failed == 0


def test_failures_are_told_apart_by_what_was_known(runs: dict[str, Run]) -> None:
    totals = runs["no-stale"].measured.totals()
    by_class = totals["failed_by_class"]
    assert isinstance(by_class, dict)
    assert sum(by_class.values()) == totals["questions_failed"]
    assert by_class[KNOWN_ZONE] > by_class[NO_SUCH_ZONE] > 0


def replay_files(folder: Path, environment: dict[str, str]) -> dict[str, bytes]:
    """Octets of everything that a replay writes."""
    command = [sys.executable, "-m", "holdfast", "lab", "replay", NAME, "--scale", "0.01", "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_octets_interpreted_or_compiled(tmp_path: Path) -> None:
    first = replay_files(tmp_path / "under-test", dict(os.environ))
    second = replay_files(tmp_path / "interpreted", {**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert "report.html" in first
    assert first == second


def test_a_canary_stops_the_key_three_days_early_and_there_is_no_outage() -> None:
    guarded, stopped = with_gate(outage_of(0.02), SEED)
    (one,) = stopped
    assert one.check == "canary"
    assert outage_of().broken_s - one.found_s > 3 * 24 * HOUR_S
    assert sorted(finding.text.split()[2] for finding in one.findings) == ["hsm2", "hsm3"]
    assert all(finding.key_tag == 33834 for finding in one.findings)
    run = play(guarded, POLICIES["no-stale"], SEED, TrafficParameters().for_zones(guarded.zones))
    assert run.measured.totals()["questions_failed"] == 0


def test_good_back_ends_are_not_stopped() -> None:
    outage = outage_of(0.02)
    versions = tuple(replace(one, sign=one.sign[:1], apex_denial="") for one in outage.versions)
    (stopped,) = with_gate(replace(outage, versions=versions), SEED)[1]
    # Only the way back is: caches hold good signatures by the new key, which must not be withdrawn at once then.
    assert (stopped.check, stopped.version.name) == ("gate", "signed anew with the old key")
