"""The verdict on a zone that does not validate: the registry's mistake, and what must not be taken for it."""

import random
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from holdfast.crypto.signing import SigningKey
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_DS, TYPE_SOA
from holdfast.dns.rrset import RRset
from holdfast.evidence.bundle import PROTECTED, TCP, TLS, TUNNEL, UDP, Known, decode, encode
from holdfast.evidence.rounds import SILENT_SHARE
from holdfast.evidence.verdict import (
    ATTACK,
    BAD_SERVER,
    FINE,
    PATH_PROBLEM,
    REGISTRY_FAILURE,
    UNDECIDABLE,
    Report,
    is_round_clean,
    judge,
)
from holdfast.lab.zone_versions import make_keys
from tests.support.evidence_world import (
    SEED,
    DeWorld,
    Wiretap,
    forging,
    nobody,
    sections,
    spoil_all,
    spoil_two_thirds,
    strip_all,
    text,
)
from tests.support.outage_world import spoil

APEX_NSEC3 = "a0d5d1p51kijsevll74k523htmq406bk.de"
FIRST = "194.0.0.53"  # of a.nic.de


def cold(moment: str = "broken") -> DeWorld:
    """The world for a resolver that knows nothing of it."""
    world = getattr(DeWorld(), moment)()
    world.known = []
    return world  # type: ignore[no-any-return]


def said(report: Report) -> str:
    return "\n".join(report.reasons)


# -- the registry's mistake --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("over", PROTECTED)
def test_issue4_de_is_a_registry_failure_that_names_the_key_and_the_apex_nsec3(over: str, history: bool) -> None:
    report = (DeWorld().broken() if history else cold()).report(elsewhere=nobody, over=over)
    assert report.verdict == REGISTRY_FAILURE
    assert f"elsewhere (192.0.2.53, {over.upper()}) sees the same {APEX_NSEC3}/NSEC3, octet for octet" in said(report)
    assert f"RRSIG with invalid signature for {APEX_NSEC3}/NSEC3 (keytag=33834), at all 6 servers" in said(report)
    assert "verifies at every server with key 26755, which the parent's DS names" in said(report)
    assert "by key 33834," in said(report) and "do not: its signatures are mixed in one zone" in said(report)
    assert "over 24 pairs of address and transport" in said(report)
    by_name = {(row.name, row.type): row for row in report.rows}
    apex = by_name[(APEX_NSEC3, "NSEC3")]
    assert (apex.key_tag, apex.state, apex.addresses, apex.transports) == (33834, "invalid signature", 12, (TCP, UDP))
    assert (by_name["de", "DNSKEY"].key_tag, by_name["de", "DNSKEY"].state) == (26755, "verifies")


@pytest.mark.parametrize("history", [True, False])
def test_from_one_place_it_is_undecidable_and_told_what_it_looks_like_and_what_would_decide_it(history: bool) -> None:
    report = (DeWorld().broken() if history else cold()).report()
    assert report.verdict == UNDECIDABLE
    assert report.reasons[0] == "it looks like a mistake of the registry"
    assert report.reasons[1] == "somebody on the path to here could do all of that, and no vantage point was asked"
    assert f"RRSIG with invalid signature for {APEX_NSEC3}/NSEC3 (keytag=33834), at all 6 servers" in said(report)
    assert ("nothing contradicts the 7 RRsets that were validated before" in said(report)) == history
    for way in ("`holdfast nta check de --vantage-point tls://", "ask the registry", '--confirmed "HOW YOU KNOW"`'):
        assert way in report.advice


def test_the_bundle_gives_the_same_report_when_it_is_read_again() -> None:
    bundle = DeWorld().broken().collect()
    again = decode(encode(bundle))
    assert judge(again, CryptographyVerifier()) == judge(bundle, CryptographyVerifier())
    assert encode(again) == encode(bundle)


def test_before_the_break_and_after_the_repair_the_zone_is_fine() -> None:
    world = DeWorld().well()
    assert world.report().verdict == FINE
    assert world.at(world.outage.healed_s + 60).report().verdict == FINE


def test_while_servers_are_repaired_one_by_one_those_that_are_not_are_named() -> None:
    world = DeWorld().broken()
    seen = []
    for step in range(8):
        repaired_s = next(one.start_s for one in world.outage.versions if "signed anew" in one.name)
        report = world.at(repaired_s + step * 900).report()
        clean = [one.name for one in report.servers if one.state == "clean"]
        seen.append(len(clean))
        expected = UNDECIDABLE if not clean else FINE if len(clean) == 6 else BAD_SERVER
        assert report.verdict == expected, report.reasons
        assert is_round_clean(report, SILENT_SHARE) is (len(clean) == 6)
    assert seen == sorted(seen) and 0 < seen[2] < 6 and seen[-1] == 6


def test_a_zone_without_ds_needs_no_anchor() -> None:
    world = DeWorld().well()
    zone = world.world._zones[b"\x00"]
    del zone.nodes[world.zone][TYPE_DS]
    report = world.report()
    assert (report.verdict, report.signed) == (FINE, False)
    assert "de is not validated anyway" in said(report) and is_round_clean(report, SILENT_SHARE) is True


# -- somebody on the path ----------------------------------------------------------------------------------------------


def spoil_at_random(generator: random.Random) -> Callable[[dns.message.Message], None]:
    def change(message: dns.message.Message) -> None:
        for rrset in sections(message):
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers != dns.rdatatype.DNSKEY:
                for rdata in list(rrset):
                    octets = generator.randbytes(len(rdata.signature))
                    rrset.items = {rdata.replace(signature=octets): None}

    return change


def one_family(change: Wiretap) -> Wiretap:
    return lambda address, transport, wire: change(address, transport, wire) if ":" not in address else wire


def sparing(known: list[Known]) -> Wiretap:
    """Imitate the mistake, and leave alone all that a resolver may have validated before: nothing contradicts that."""
    spared = {(text(one.name), one.rtype) for one in known}

    def change(message: dns.message.Message) -> None:
        for rrset in sections(message):
            is_spared = (rrset.name.to_text(omit_final_dot=True), int(rrset.covers)) in spared
            is_chosen = random.Random(rrset.name.to_text()).random() < 0.66 and not is_spared
            if is_chosen and rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers != dns.rdatatype.DNSKEY:
                spoil(rrset)

    return forging(change)


def signed_anew(_world: DeWorld, spares_soa: bool = False) -> Wiretap:
    """Sign two thirds of the zone with a key of his own under the tag of the zone's, an hour after the registry did."""

    def change(message: dns.message.Message) -> None:
        for rrset in sections(message):
            if rrset.rdtype != dns.rdatatype.RRSIG or rrset.covers == dns.rdatatype.DNSKEY:
                continue
            if rrset.covers == dns.rdatatype.SOA and spares_soa:
                continue
            if random.Random(rrset.name.to_text()).random() < 0.66 or rrset.covers == dns.rdatatype.SOA:
                spoil(rrset)
                rrset.items = {rdata.replace(inception=rdata.inception + 3600): None for rdata in rrset}

    return forging(change)


FORGERS: dict[str, tuple[Callable[[DeWorld], Wiretap], str, str]] = {
    # name: what he does; the verdict of a resolver that has a history with the zone, and of one that has none
    "all signatures": (lambda _: forging(spoil_all), ATTACK, UNDECIDABLE),
    "as the registry would": (lambda _: forging(spoil_two_thirds), ATTACK, UNDECIDABLE),
    "sparing what was validated": (lambda world: sparing(world.known), UNDECIDABLE, UNDECIDABLE),
    "signed anew": (signed_anew, UNDECIDABLE, UNDECIDABLE),
    "over UDP only": (lambda _: forging(spoil_all, only=UDP), ATTACK, PATH_PROBLEM),
    "over TCP only": (lambda _: forging(spoil_all, only=TCP), ATTACK, PATH_PROBLEM),
    "random octets": (lambda _: forging(spoil_at_random(random.Random(1))), ATTACK, PATH_PROBLEM),
    "IPv4 only": (lambda _: one_family(forging(spoil_all)), ATTACK, PATH_PROBLEM),
    "signatures taken away": (lambda _: forging(strip_all), UNDECIDABLE, UNDECIDABLE),
    "taken away over UDP": (lambda _: forging(strip_all, only=UDP), PATH_PROBLEM, PATH_PROBLEM),
    "silence": (lambda _: lambda _address, _transport, _wire: None, PATH_PROBLEM, PATH_PROBLEM),
    "one server's path": (lambda _: forging(spoil_all, address=FIRST), ATTACK, BAD_SERVER),
}
IMITATIONS = ["as the registry would", "sparing what was validated", "signed anew"]


@pytest.mark.parametrize("name", FORGERS)
@pytest.mark.parametrize("history", [True, False])
def test_issue4_a_forger_on_the_path_of_this_resolver_gets_no_registry_failure(name: str, history: bool) -> None:
    make, with_history, without_history = FORGERS[name]
    world = DeWorld().well()
    wiretap = make(world)
    if not history:
        world.known = []
    report = world.report(wiretap)
    assert report.verdict == (with_history if history else without_history) != REGISTRY_FAILURE, report.reasons
    assert is_round_clean(report, SILENT_SHARE) is not True


@pytest.mark.parametrize("name", FORGERS)
@pytest.mark.parametrize("history", [True, False])
def test_issue4_nor_does_he_get_it_by_speaking_for_a_vantage_point_over_a_way_that_he_can_change(
    name: str, history: bool
) -> None:
    world = DeWorld().well()
    wiretap = FORGERS[name][0](world)
    if not history:
        world.known = []
    as_here = lambda address, _, wire: wiretap(address, TCP, wire)  # noqa: E731
    report = world.report(wiretap, elsewhere=as_here, over=TCP)
    assert report.verdict != REGISTRY_FAILURE, report.reasons
    if name in IMITATIONS and report.verdict == UNDECIDABLE:
        assert "but whoever is on the path to here could have made that up as well" in said(report)


@pytest.mark.parametrize("name", FORGERS)
@pytest.mark.parametrize("over", [TCP, TLS, TUNNEL])
def test_issue4_a_vantage_point_that_sees_the_zone_well_never_makes_it_a_registry_failure(name: str, over: str) -> None:
    world = cold("well")
    report = world.report(FORGERS[name][0](world), elsewhere=nobody, over=over)
    expected = BAD_SERVER if name == "one server's path" else PATH_PROBLEM
    if name == "signed anew":  # which the zone itself may have done since the vantage point cached it
        expected = UNDECIDABLE
        assert "was signed no later than here: perhaps cached before it broke" in said(report)
    assert report.verdict == expected, report.reasons


def test_the_very_signature_that_verifies_elsewhere_was_changed_on_the_way_here() -> None:
    report = cold("well").report(forging(spoil_two_thirds), elsewhere=nobody)
    assert "elsewhere (192.0.2.53, TLS) has the very signature over de/SOA that is bad here" in said(report)


def spoil_soa(message: dns.message.Message) -> None:
    """A small mistake of the zone itself."""
    for rrset in sections(message):
        if rrset.covers == dns.rdatatype.SOA:
            spoil(rrset)


def strip_most(message: dns.message.Message) -> None:
    for section in (message.answer, message.authority):
        section[:] = [one for one in section if one.covers not in (dns.rdatatype.NSEC3, dns.rdatatype.DS)]


@pytest.mark.parametrize("name", ["taken away", "signed anew"])
def test_one_rrset_that_is_bad_everywhere_does_not_vouch_for_those_that_are_bad_here_only(name: str) -> None:
    world = cold("well")
    mistake = forging(spoil_soa)
    beside = {"taken away": forging(strip_most), "signed anew": signed_anew(world, spares_soa=True)}[name]

    def wiretap(address: str, transport: str, wire: bytes) -> bytes | None:
        return beside(address, transport, mistake(address, transport, wire) or b"")

    report = world.report(wiretap, elsewhere=mistake)
    assert report.verdict == UNDECIDABLE, report.reasons
    assert "of the RRsets that are bad here a vantage point sees 1 as bad, and" in said(report)


def test_what_a_vantage_point_has_from_before_the_break_speaks_neither_way() -> None:
    world = DeWorld().well()
    recorder = Recorder()
    world.collect(recorder.record, elsewhere=recorder.record)
    world.at(world.outage.broken_s + 60)
    report = world.report(elsewhere=recorder.replay)
    assert report.verdict == UNDECIDABLE, report.reasons
    assert "perhaps cached before it broke" in said(report)


def test_a_vantage_point_that_sees_the_same_supports_the_registry_though_everything_is_bad_alike() -> None:
    uniform = forging(spoil_all)
    assert cold("well").report(uniform).verdict == UNDECIDABLE
    report = cold("well").report(uniform, elsewhere=uniform)
    assert report.verdict == REGISTRY_FAILURE and "sees the same de/SOA, octet for octet" in said(report)


def test_one_address_over_one_transport_is_not_enough_for_a_registry_failure() -> None:
    report = (
        DeWorld()
        .broken()
        .report(lambda address, transport, wire: wire if (address, transport) == (FIRST, UDP) else None)
    )
    assert report.verdict == UNDECIDABLE
    assert "5 of 6 servers did not answer everything" in said(report)


# -- forged data -------------------------------------------------------------------------------------------------------


def rrsig_of(key: SigningKey, rrset: RRset, world: DeWorld, before_s: int = 0) -> dns.rdata.Rdata:
    moment_s = world.now_s - before_s
    wire = key.sign(rrset, world.zone, moment_s - 5400, moment_s + 14 * 86400)
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RRSIG, wire, 0, len(wire))


def replace_ds(world: DeWorld, name: bytes, key: SigningKey | None) -> Callable[[dns.message.Message], None]:
    """Give a zone below another DS record, signed with ``key``, or badly without one."""
    forged = SigningKey.derive(13, b"mallory").ds(name)
    rrset = RRset(name, TYPE_DS, 86400, [forged], [])
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DS, forged, 0, len(forged))

    def change(message: dns.message.Message) -> None:
        for section in sections(message):
            if section.name.to_text(omit_final_dot=True) != text(name):
                continue
            if section.rdtype == dns.rdatatype.DS:
                section.items = {rdata: None}
            elif section.covers == dns.rdatatype.DS and key is not None:
                section.items = {rrsig_of(key, rrset, world): None}

    return change


def stolen_key(world: DeWorld) -> Callable[[dns.message.Message], None]:
    key = make_keys(world.outage, SEED)["old"]
    return replace_ds(world, world.delegations(True)[0], key)


def test_issue4_a_stolen_zone_signing_key_used_on_one_path_is_called_an_attack() -> None:
    world = DeWorld().well()
    for wiretap in (forging(stolen_key(world), only=UDP), forging(stolen_key(world), address=FIRST)):
        for history in (world.known, []):
            world.known = history
            report = world.report(wiretap)
            assert report.verdict == ATTACK, report.reasons
            assert "has different contents that both verify with serial" in said(report)
            assert "has a key of the zone: it may be stolen" in said(report)


def test_issue4_a_stolen_zone_signing_key_used_on_every_path_is_undecidable_and_never_called_safe() -> None:
    world = DeWorld().well()
    report = world.report(forging(stolen_key(world)))
    assert report.verdict == UNDECIDABLE and "a key of it is stolen" in said(report)
    assert is_round_clean(report, SILENT_SHARE) is None
    world.known = []
    report = world.report(forging(stolen_key(world)), elsewhere=nobody)
    assert report.verdict == ATTACK and "different contents that both verify" in said(report)
    report = world.report(forging(stolen_key(world)))
    assert "a stolen key would not show" in said(report)


def test_a_stolen_key_hides_in_no_outage() -> None:
    world = DeWorld().broken()
    key = make_keys(world.outage, SEED)["old"]
    report = world.report(forging(replace_ds(world, world.delegations(True)[0], key)))
    assert report.verdict == UNDECIDABLE and "unlike what was validated at" in said(report)


def test_forged_data_that_contradict_what_was_validated_are_an_attack() -> None:
    world = DeWorld().broken()
    name = world.delegations(True)[0]
    report = world.report(forging(replace_ds(world, name, None)))
    assert report.verdict == ATTACK
    assert f"{text(name)}/DS has other records, unlike what was validated at 2026-05-05T19:29:00Z" in said(report)


def test_a_delegation_that_is_denied_badly_though_it_was_signed_is_an_attack() -> None:
    world = DeWorld().broken()

    def hide(message: dns.message.Message) -> None:
        if message.question[0].rdtype == dns.rdatatype.DS:
            message.answer = []

    assert world.report(forging(hide)).verdict == ATTACK


# -- replay ------------------------------------------------------------------------------------------------------------


class Recorder:
    """Keeps what servers said, to say it again later."""

    def __init__(self) -> None:
        self.tape: dict[tuple[str, str, bytes], bytes] = {}
        self.only: str = ""

    def record(self, address: str, transport: str, wire: bytes) -> bytes | None:
        self.tape[(address, transport, self.key(wire))] = wire
        return wire

    def replay(self, address: str, transport: str, wire: bytes) -> bytes | None:
        if self.only and address != self.only:
            return wire
        return self.tape.get((address, transport, self.key(wire)), wire)

    @staticmethod
    def key(wire: bytes) -> bytes:
        return dns.message.from_wire(wire, ignore_trailing=True).question[0].to_text().encode()


def replayed(later_s: int, only: str = "") -> tuple[DeWorld, Report]:
    """An hour's old zone, for a resolver that has validated a newer one."""
    world = DeWorld()
    world.at(world.outage.start_s - 3600)
    world.remember()
    sample = [*world.delegations(True), *world.delegations(False)]
    recorder = Recorder()
    world.collect(recorder.record, names=sample)
    world.at(world.outage.start_s)
    world.remember()
    world.now_s += later_s
    recorder.only = only
    return world, world.report(recorder.replay, names=sample)


def test_issue4_a_replayed_zone_is_called_an_attack_though_its_signatures_are_good() -> None:
    _, report = replayed(60)
    assert report.verdict == ATTACK, report.reasons
    assert "every server shows a zone older than serial" in said(report) and "replay" in said(report)


def test_a_replay_on_one_path_is_undecidable_and_the_server_is_named() -> None:
    _, report = replayed(3600, only=FIRST)
    assert report.verdict == UNDECIDABLE, report.reasons
    assert "a.nic.de: a zone older than serial" in said(report)


def test_issue4_signatures_that_have_run_out_are_undecidable_from_one_place() -> None:
    for history in (True, False):
        world = DeWorld().well()
        if not history:
            world.known = []
        recorder = Recorder()
        world.collect(recorder.record, elsewhere=recorder.record)
        world.now_s += 40 * 86400
        report = world.report(recorder.replay)
        assert report.verdict == UNDECIDABLE, report.reasons
        assert "not renewed, or old ones replayed" in said(report)
        report = world.report(recorder.replay, elsewhere=recorder.replay)
        assert report.verdict == REGISTRY_FAILURE and "octet for octet" in said(report)


def test_old_ds_records_of_the_parent_are_not_the_registrys_mistake_though_a_vantage_point_sees_the_same_keys() -> None:
    world = DeWorld("fj-2022-03-08")
    world.at((world.outage.broken_s + world.outage.healed_s) // 2)
    assert world.report(names=[], elsewhere=nobody).verdict == REGISTRY_FAILURE
    other = SigningKey.derive(8, b"the key before").ds(world.zone)

    def newer_ds(message: dns.message.Message) -> None:
        for rrset in message.answer:
            if rrset.rdtype == dns.rdatatype.DS and message.question[0].name == rrset.name:
                rrset.items = {dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DS, other, 0, len(other)): None}

    report = world.report(names=[], elsewhere=forging(newer_ds))
    assert report.verdict == UNDECIDABLE and "those here may be old ones" in said(report)
    report = world.report(names=[], elsewhere=lambda _address, _transport, wire: None if is_about_ds(wire) else wire)
    assert report.verdict == UNDECIDABLE and "no vantage point said which DS records the zone has" in said(report)


def is_about_ds(wire: bytes) -> bool:
    return dns.message.from_wire(wire, ignore_trailing=True).question[0].rdtype == dns.rdatatype.DS


# -- others of the catalogue -------------------------------------------------------------------------------------------


CATALOGUE = {
    # the verdict from one place without a history, and with a vantage point that sees the same
    "al-2026-07-03": (UNDECIDABLE, REGISTRY_FAILURE),
    "au-2023-09-18": (UNDECIDABLE, REGISTRY_FAILURE),
    "de-2010-05-12": (FINE, FINE),  # was not signed
    "dnsops-gov-2018-09-08": (UNDECIDABLE, REGISTRY_FAILURE),
    "fj-2022-03-08": (UNDECIDABLE, REGISTRY_FAILURE),
    "fr-2011-02-12": (UNDECIDABLE, REGISTRY_FAILURE),
    "na-2019-07-08": (UNDECIDABLE, REGISTRY_FAILURE),
    "nasa-gov-2012-01-18": (UNDECIDABLE, REGISTRY_FAILURE),
    "nic-cx-2020-09": (UNDECIDABLE, REGISTRY_FAILURE),
    "nz-2023-05-29": (FINE, FINE),  # the zone was well, old DS records in caches were not
    "ru-2024-01-30": (UNDECIDABLE, REGISTRY_FAILURE),
    "toyota-2016-01-07": (UNDECIDABLE, REGISTRY_FAILURE),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_outages_of_other_kinds_are_confirmed_by_a_vantage_point(name: str) -> None:
    world = DeWorld(name)
    world.at((world.outage.broken_s + world.outage.healed_s) // 2)
    reports = world.report(names=[]), world.report(names=[], elsewhere=nobody)
    assert (reports[0].verdict, reports[1].verdict) == CATALOGUE[name], reports[0].reasons


def test_a_new_key_in_place_of_the_one_that_was_validated_speaks_for_the_registry() -> None:
    report = DeWorld("ru-2024-01-30").broken().report()
    assert report.verdict == UNDECIDABLE and report.reasons[0] == "it looks like a mistake of the registry"
    assert "ru/SOA was validated by key 44301 before and is signed by key 52263 since" in said(report)


def test_keys_without_an_anchor_are_nobodys() -> None:
    report = DeWorld("fj-2022-03-08").broken().report()
    assert report.verdict == UNDECIDABLE and not report.anchored
    assert "whose keys these are cannot be told from here" in said(report)


def test_serials_are_read_from_both_ends_of_the_probe() -> None:
    bundle = DeWorld().well().collect()
    assert [one.rtype for one in bundle.questions].count(TYPE_SOA) == 2
    assert bundle.questions[0].rtype == bundle.questions[-2].rtype == TYPE_SOA
    assert not any(dns.message.from_wire(one).flags & dns.flags.TC for one in bundle.messages)
