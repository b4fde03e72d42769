"""Incidents: opened, named, closed, opened again, compared."""

from dataclasses import replace

from holdfast.dns.iana import EDE_SIGNATURE_EXPIRED
from holdfast.sentinel.detector import INCIDENTS_REMEMBERED, REOPEN_S, SUSPICIONS, Detector
from holdfast.sentinel.incident import BOGUS, UNREACHABLE, UNREACHABLE_GROUP
from holdfast.sentinel.suspicion import LOOK_S, QUIET_S, SILENT_S
from tests.support.seen_zones import APEX, APEX_REASON, START_S, at, failures, nothing_covered, seen, wire


def everything_covered(_zone: bytes) -> bool:
    return True


MANY = [f"site{n}.de" for n in range(8)]


def opened(zone: str = "de", detector: Detector | None = None, look: int = 1) -> Detector:
    detector = detector or Detector()
    children = [f"x{n}.{zone}" for n in range(8)]
    (incident,) = detector.look([seen(zone, 1, failures(*children))], at(look), nothing_covered)
    assert incident.is_open
    return detector


def test_an_incident_names_zone_record_key_onset_and_how_sure_it_is() -> None:
    (incident,) = opened().open_incidents()
    assert (incident.zone, incident.kind) == (wire("de"), BOGUS)
    assert incident.reason is not None
    assert (incident.reason.subject, incident.reason.key_tag) == (APEX, 33834)
    assert incident.group == "signatures do not verify"
    assert incident.since_s == START_S
    assert incident.powers_of_ten > 7
    text = incident.text()
    assert "de: signatures do not verify since 2026-05-05T19:30:00Z" in text
    assert f"{APEX} (keytag=33834)" in text
    assert "from 3 server addresses" in text


def test_the_reason_that_most_failures_share_is_the_incidents() -> None:
    detector = Detector()
    own = [replace(APEX_REASON, subject=f"site{n}.de/DS", text=f"site{n}") for n in range(3)]
    looks = [failures(f"site{n}.de", reason=one) for n, one in enumerate(own)]
    looks += [failures(*MANY[3:]), failures(*MANY[3:])]
    for look, bogus in enumerate(looks):
        detector.look([seen(bogus=bogus)], at(look), nothing_covered)
    (incident,) = detector.open_incidents()
    assert incident.reason is not None
    assert (incident.reason.subject, incident.reason.count) == (APEX, 2)


def test_groups_are_told_apart() -> None:
    detector = Detector()
    expired = replace(APEX_REASON, info_code=EDE_SIGNATURE_EXPIRED)
    detector.look([seen(bogus=failures(*MANY, reason=expired))], at(1), nothing_covered)
    assert detector.open_incidents()[0].group == "signatures have expired"


def test_servers_that_do_not_answer_are_an_incident_of_their_own() -> None:
    detector = Detector()
    detector.look([seen(unreachable=failures(*MANY))], at(1), nothing_covered)
    (incident,) = detector.open_incidents()
    assert (incident.kind, incident.group) == (UNREACHABLE, UNREACHABLE_GROUP)


def test_a_single_broken_child_is_no_incident_of_its_parent() -> None:
    detector = Detector()
    for look in range(3600 // LOOK_S):
        assert not detector.look([seen(bogus=failures("broken.de"))], at(look), nothing_covered)


def test_it_closes_when_all_evidence_is_gone() -> None:
    detector = opened()
    assert not detector.look([seen(validated=20)], at(2), nothing_covered)
    (closed,) = detector.look([seen(validated=100)], at(3), nothing_covered)
    assert closed.closed_s == at(3)
    assert not detector.open_incidents()


def test_a_quiet_zone_closes_by_few_good_verdicts_and_time() -> None:
    detector = opened()
    detector.look([seen(validated=5)], at(2), nothing_covered)
    assert detector.open_incidents()
    detector.look([], at(1) + QUIET_S, nothing_covered)
    assert not detector.open_incidents()


def test_silence_closes_unless_a_negative_trust_anchor_explains_it() -> None:
    for covered in (True, False):
        detector = opened()
        for look in range(2, 2 + SILENT_S // LOOK_S):
            detector.look([], at(look), everything_covered if covered else nothing_covered)
        assert bool(detector.open_incidents()) == covered


def test_breaking_again_soon_continues_the_incident() -> None:
    detector = opened()
    detector.look([seen(validated=200)], at(2), nothing_covered)
    opened(detector=detector, look=10)
    (incident,) = detector.incidents
    assert (incident.number, incident.reopened, incident.since_s) == (1, 1, START_S)
    detector.look([seen(validated=200)], at(11), nothing_covered)
    opened(detector=detector, look=12 + REOPEN_S // LOOK_S)
    assert [one.number for one in detector.incidents] == [1, 2]


def test_unrelated_zones_that_break_together_point_at_this_resolver() -> None:
    detector = Detector()
    for zone in ("de", "example.de", "com"):  # the second is below the first
        opened(zone, detector)
    assert not any(one.caution() for one in detector.incidents)
    opened("net", detector)
    cautions = [one.caution() for one in detector.incidents if one.zone != wire("example.de")]
    assert all("clock and the network" in caution for caution in cautions)


def test_one_server_may_be_the_fault() -> None:
    detector = Detector()
    detector.look([seen(bogus=failures(*MANY, servers=1))], at(1), nothing_covered)
    assert "one server address" in detector.open_incidents()[0].caution()


def test_tables_are_bounded() -> None:
    detector = Detector()
    for look in range(SUSPICIONS // 100 + 2):
        found = [seen(f"z{look}-{n}", bogus=failures(f"x.z{look}-{n}")) for n in range(100)]
        detector.look(found, at(look), nothing_covered)
    assert len(detector._suspicions) == SUSPICIONS
    detector = Detector()
    for number in range(INCIDENTS_REMEMBERED + 20):
        opened(f"z{number}", detector, number)
        detector.look([seen(f"z{number}", 200)], at(number), nothing_covered)
    assert len(detector.incidents) == INCIDENTS_REMEMBERED
    assert detector.incidents[-1].number == INCIDENTS_REMEMBERED + 20
