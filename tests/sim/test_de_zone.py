"""The zone of de in the replay has the fault of 5 May 2026, and none of those that are easily mistaken for it."""

import pytest

from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS, TYPE_NS, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_SOA
from holdfast.dns.name import to_text
from holdfast.dns.rdata import RRSIG, parse_dnskey, parse_nsec3, parse_rrsig, parse_soa
from holdfast.dns.rrset import RRset
from holdfast.dnssec.rrsig import canonical_records, signed_data
from holdfast.dnssec.verifier import VALID
from holdfast.lab.outage import find_outage
from holdfast.lab.world import World
from holdfast.lab.zone_versions import make_keys, wire
from holdfast.registry.zone import Zone

SEED = 7
DAY_S, DAYS_14_S, MINUTES_90_S = 86400, 14 * 86400, 5400
OUTAGE = find_outage("de-2026-05-05").scaled(0.2)
KEYS = make_keys(OUTAGE, SEED)
DE = wire("de")
VERIFIER = CryptographyVerifier()
Signed = list[tuple[RRset, RRSIG]]


def world_at(at_s: int) -> World:
    world = World.generate(OUTAGE, SEED)
    world.settle(at_s)
    return world


def zone_of(world: World) -> Zone:
    return world.servers[world.subject_addresses()[0]].zones[DE]


def signatures(zone: Zone) -> Signed:
    """Every RRset that de signs, with its signature."""
    found: Signed = []
    for rrset, to_be_signed in zone.rrsets():
        if to_be_signed:
            (rdata,) = zone.complete(rrset).signatures
            rrsig = parse_rrsig(rdata)
            assert rrsig is not None
            found.append((rrset, rrsig))
    return found


def verifies(rrset: RRset, rrsig: RRSIG, key_name: str) -> bool:
    key = parse_dnskey(KEYS[key_name].dnskey)
    assert key is not None
    data = signed_data(rrset, canonical_records(rrset), rrsig)
    return VERIFIER.verify(key.algorithm, key.public_key, data, rrsig.signature) == VALID


@pytest.fixture(scope="module")
def broken() -> Zone:
    return zone_of(world_at(OUTAGE.broken_s + 60))


@pytest.fixture(scope="module")
def made_by_zsk(broken: Zone) -> Signed:
    return [(rrset, rrsig) for rrset, rrsig in signatures(broken) if rrset.rtype != TYPE_DNSKEY]


def test_the_key_is_published_and_its_rrset_is_signed_well(broken: Zone) -> None:
    # Without the key in DNSKEY it would be EDE 9, and another outage.
    keys = [parse_dnskey(rdata) for rdata in broken.nodes[DE][TYPE_DNSKEY].rdatas]
    assert [(key.key_tag, key.algorithm) for key in keys if key is not None] == [(26755, 8), (32911, 8), (33834, 8)]
    ((rrset, rrsig),) = [one for one in signatures(broken) if one[0].rtype == TYPE_DNSKEY]
    assert rrsig.key_tag == 26755
    assert verifies(rrset, rrsig, "ksk")


def test_keys_have_the_sizes_of_de() -> None:
    octets = {name: len(KEYS[name].sign_octets(b"")) for name in ("ksk", "old", "new", "hsm2", "hsm3")}
    assert octets == {"ksk": 256, "old": 128, "new": 128, "hsm2": 128, "hsm3": 128}


def test_every_signature_looks_right_and_a_third_is(made_by_zsk: Signed) -> None:
    for _, rrsig in made_by_zsk:  # tag, algorithm and signer of the published key, neither missing nor unparsable
        assert (rrsig.key_tag, rrsig.algorithm, rrsig.signer, len(rrsig.signature)) == (33834, 8, DE, 128)
        assert rrsig.inception <= OUTAGE.broken_s - MINUTES_90_S < OUTAGE.end_s < rrsig.expiration  # not expired either
        assert rrsig.expiration - rrsig.inception == DAYS_14_S + MINUTES_90_S
    good = sum(verifies(*one, "new") for one in made_by_zsk)
    assert 0.25 < good / len(made_by_zsk) < 0.42


def test_bad_signatures_are_sound_under_keys_that_nobody_has(made_by_zsk: Signed) -> None:
    # The tag is part of what is signed: the devices set it before they signed.
    for rrset, rrsig in made_by_zsk[:300]:
        assert sum(verifies(rrset, rrsig, name) for name in ("new", "hsm2", "hsm3")) == 1


def test_signed_and_unsigned_names_are_hit(made_by_zsk: Signed) -> None:
    for rtype in (TYPE_DS, TYPE_NSEC3):
        verdicts = [verifies(*one, "new") for one in made_by_zsk if one[0].rtype == rtype]
        assert 0 < sum(verdicts) < len(verdicts)


def test_the_denial_record_of_the_apex_is_among_the_bad_ones(made_by_zsk: Signed) -> None:
    apex = wire("a0d5d1p51kijsevll74k523htmq406bk.de")
    ((rrset, rrsig),) = [one for one in made_by_zsk if one[0].name == apex]
    nsec3 = parse_nsec3(rrset.rdatas[0])
    assert nsec3 is not None
    assert (nsec3.hash_algorithm, nsec3.iterations, nsec3.salt) == (1, 0, b"")
    assert nsec3.flags & 1  # opt-out
    assert not verifies(rrset, rrsig, "new")


def test_ttls_are_those_of_de(broken: Zone) -> None:
    soa = parse_soa(broken.nodes[DE][TYPE_SOA].rdatas[0])
    assert soa is not None
    assert (soa.minimum, broken.nodes[DE][TYPE_DNSKEY].ttl) == (7200, 3600)
    ttls = {(rrset.rtype, rrset.ttl) for rrset, _ in broken.rrsets() if rrset.rtype in (TYPE_DS, TYPE_NSEC3)}
    assert ttls == {(TYPE_DS, 86400), (TYPE_NSEC3, 7200)}
    cuts = {node[TYPE_NS].ttl for name, node in broken.nodes.items() if TYPE_NS in node and name != DE}
    assert cuts == {86400}
    assert TYPE_NSEC3PARAM in broken.nodes[DE]


def test_all_servers_have_the_same_zone_and_half_of_them_are_named_under_de_net() -> None:
    world = world_at(OUTAGE.broken_s + 60)
    zones = [world.servers[address].zones[DE] for address in world.subject_addresses()]
    assert len(zones) == 12 and all(zone is zones[0] for zone in zones)
    names = [server.name for server in OUTAGE.servers]
    assert len(names) == 6 and sum(name.endswith(".de.net") for name in names) == 3


def test_the_new_key_was_published_long_before_its_use() -> None:
    early = OUTAGE.broken_s - 3 * DAY_S
    first = min(one.start_s for one in OUTAGE.versions if "new" in one.publish)
    assert OUTAGE.broken_s - first > 3600 and first > early - DAY_S
    for at_s in (OUTAGE.start_s, OUTAGE.broken_s - 60):
        zone = zone_of(world_at(at_s))
        assert all(rrsig.key_tag in (26755, 32911) for _, rrsig in signatures(zone))


def test_the_whole_zone_is_signed_anew_with_the_old_key_that_every_cache_holds() -> None:
    zone = zone_of(world_at(OUTAGE.healed_s + 60))
    made = [one for one in signatures(zone) if one[0].rtype != TYPE_DNSKEY]
    assert all(rrsig.key_tag == 32911 for _, rrsig in made)
    assert all(verifies(*one, "old") for one in made)
    repaired_s = OUTAGE.versions[-1].start_s
    oldest = min(rrsig.inception for rrset, rrsig in made if rrset.rtype != TYPE_SOA)
    assert repaired_s - oldest == MINUTES_90_S
    assert "old" in OUTAGE.versions[2].publish  # so keys cached during the break validate the repaired zone at once


def test_servers_heal_one_after_another() -> None:
    world = world_at(OUTAGE.versions[-1].start_s + 1800)
    tags = set()
    for address in world.subject_addresses():
        zone = world.servers[address].zones[DE]
        rdata = zone.complete(zone.nodes[DE][TYPE_SOA]).signatures[0]
        rrsig = parse_rrsig(rdata)
        assert rrsig is not None
        tags.add(rrsig.key_tag)
    assert tags == {32911, 33834}


def test_most_names_are_unsigned() -> None:
    below = [leaf for leaf in World.generate(OUTAGE, SEED).leaves if to_text(leaf.name).endswith(".de")]
    assert 0 < sum(leaf.signed for leaf in below) < len(below) / 4
