"""The hashes of RFC 5155 appendix A and the responses of its appendix B; every NSEC3 of that zone has opt-out set."""

from pathlib import Path

import pytest

from holdfast.base.security_status import SECURE
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import EDE_UNSUPPORTED_NSEC3_ITERATIONS, TYPE_A, TYPE_AAAA, TYPE_DS, TYPE_MX
from holdfast.dns.rdata import parse_dnskey
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import (
    EXHAUSTED,
    INSECURE_PROOF,
    NOT_PROVEN,
    PROVEN,
    Proof,
    nsec3_hash,
    prove_nodata,
    prove_nxdomain,
    prove_wildcard_expansion,
)
from holdfast.dnssec.denial_nsec3 import nsec3_covers, nsec3_owner_hash
from holdfast.dnssec.rrsig import verify_rrset
from holdfast.dnssec.work_budget import WorkBudget
from tests.support.dnssec_records import EVERYTHING, find, plenty, read_rrsets, wire_name

ZONE = wire_name("example")
NOW = 1_200_000_000  # 2008-01-10
RECORDS = read_rrsets(Path(__file__).with_name("rfc5155.zone").read_text(encoding="ascii"))
KEYS = [key for rdata in find(RECORDS, "example", "DNSKEY").rdatas if (key := parse_dnskey(rdata)) is not None]
LIMIT = 50
SALT = bytes.fromhex("aabbccdd")

HASHES = {
    "example": "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
    "a.example": "35mthgpgcu1qg68fab165klnsnk3dpvl",
    "ai.example": "gjeqe526plbf1g8mklp59enfd789njgi",
    "ns1.example": "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
    "ns2.example": "q04jkcevqvmu85r014c7dkba38o0ji5r",
    "w.example": "k8udemvp1j2f7eg6jebps17vp3n8i58h",
    "*.w.example": "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
    "x.w.example": "b4um86eghhds6nea196smvmlo4ors995",
    "y.w.example": "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
    "x.y.w.example": "2vptu5timamqttgl4luu9kg21e0aor3s",
    "xx.example": "t644ebqk9bibcna874givr6joj62mlhv",
    "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example": "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
}


def nsec3(*hashes: str) -> list[RRset]:
    return [find(RECORDS, f"{one}.example", "NSEC3") for one in hashes]


def nodata(name: str, rtype: int, *hashes: str) -> Proof:
    return prove_nodata(wire_name(name), rtype, ZONE, [], nsec3(*hashes), plenty(), LIMIT)


@pytest.mark.parametrize(("name", "hashed"), HASHES.items())
def test_appendix_a_hashes(name: str, hashed: str) -> None:
    value = nsec3_hash(wire_name(name), SALT, 12)
    assert value == nsec3_owner_hash(wire_name(f"{hashed}.example"), ZONE)


@pytest.mark.parametrize("one", RECORDS, ids=repr)
def test_appendix_a_signatures(one: RRset) -> None:
    verdict = verify_rrset(one, ZONE, KEYS, CryptographyVerifier(), plenty(), NOW, EVERYTHING)
    assert verdict.status == SECURE


B1 = [HASHES["example"], HASHES["x.w.example"], HASHES["a.example"]]


def test_b1_name_error() -> None:
    budget = plenty()
    proof = prove_nxdomain(wire_name("a.c.x.w.example"), ZONE, [], nsec3(*B1), budget, LIMIT)
    # Opt-out covers the next closer name c.x.w.example, so the answer is not authenticated (section 9.2).
    assert (proof.result, proof.opt_out) == (INSECURE_PROOF, True)
    assert proof.cause is None
    assert proof.closest_encloser == wire_name("x.w.example")
    assert budget.nsec3_hashes == 1000 - 4  # a.c.x.w, c.x.w, x.w and *.x.w: each hashed once


@pytest.mark.parametrize("left_out", range(3))
def test_b1_name_error_needs_every_part(left_out: int) -> None:
    hashes = [one for position, one in enumerate(B1) if position != left_out]
    proof = prove_nxdomain(wire_name("a.c.x.w.example"), ZONE, [], nsec3(*hashes), plenty(), LIMIT)
    assert proof.result == NOT_PROVEN
    assert proof.cause is not None
    assert proof.cause.extra_text.startswith("no NSEC3 proof that ")


def test_b2_no_data_error() -> None:
    proof = nodata("ns1.example", TYPE_MX, HASHES["ns1.example"])
    assert (proof.result, proof.name_exists, proof.opt_out) == (PROVEN, True, False)
    assert nodata("ns1.example", TYPE_A, HASHES["ns1.example"]).result == NOT_PROVEN


def test_b2_1_no_data_error_empty_non_terminal() -> None:
    proof = nodata("y.w.example", TYPE_A, HASHES["y.w.example"])
    assert (proof.result, proof.name_exists) == (PROVEN, True)


def test_b3_referral_to_an_opt_out_unsigned_zone() -> None:
    proof = nodata("c.example", TYPE_DS, HASHES["a.example"], HASHES["example"])
    assert (proof.result, proof.opt_out, proof.closest_encloser) == (INSECURE_PROOF, True, ZONE)


def test_b4_wildcard_expansion() -> None:
    wildcard = find(RECORDS, "*.w.example", "MX")
    expanded = RRset(wire_name("a.z.w.example"), TYPE_MX, 3600, wildcard.rdatas, wildcard.signatures)
    verdict = verify_rrset(expanded, ZONE, KEYS, CryptographyVerifier(), plenty(), NOW, EVERYTHING)
    assert (verdict.status, verdict.expanded_from_wildcard, verdict.wildcard_labels) == (SECURE, True, 2)
    records = nsec3(HASHES["ns2.example"])
    proof = prove_wildcard_expansion(expanded.name, ZONE, 2, [], records, plenty(), LIMIT)
    assert (proof.result, proof.opt_out) == (INSECURE_PROOF, True)
    wrong = prove_wildcard_expansion(expanded.name, ZONE, 2, [], nsec3(HASHES["a.example"]), plenty(), LIMIT)
    assert wrong.result == NOT_PROVEN


def test_b5_wildcard_no_data_error() -> None:
    hashes = [HASHES["w.example"], HASHES["ns2.example"], HASHES["*.w.example"]]
    proof = nodata("a.z.w.example", TYPE_AAAA, *hashes)
    assert (proof.result, proof.opt_out, proof.closest_encloser) == (INSECURE_PROOF, True, wire_name("w.example"))
    assert nodata("a.z.w.example", TYPE_MX, *hashes).result == NOT_PROVEN


def test_b6_ds_child_zone_no_data_error() -> None:
    proof = nodata("example", TYPE_DS, HASHES["example"])
    assert proof.result == NOT_PROVEN
    assert proof.cause is not None
    assert "the record is from the child zone" in proof.cause.extra_text


def test_too_many_iterations_are_insecure_before_any_hashing() -> None:
    budget = plenty()
    proof = prove_nxdomain(wire_name("a.c.x.w.example"), ZONE, [], nsec3(*B1), budget, 11)
    assert proof.result == INSECURE_PROOF and not proof.opt_out
    assert proof.cause is not None
    assert proof.cause.info_code == EDE_UNSUPPORTED_NSEC3_ITERATIONS
    assert proof.cause.extra_text == "NSEC3 of example has 12 iterations, more than 11"
    assert budget.nsec3_hashes == 1000


@pytest.mark.parametrize("hashes", range(4))
def test_a_spent_budget_ends_the_proof(hashes: int) -> None:
    proof = prove_nxdomain(wire_name("a.c.x.w.example"), ZONE, [], nsec3(*B1), WorkBudget(0, hashes), LIMIT)
    assert proof.result == EXHAUSTED
    assert proof.cause is not None
    assert proof.cause.extra_text.startswith("validation work limit reached for the NSEC3 proof that ")


def test_the_last_nsec3_wraps_around() -> None:
    low, middle, high = (bytes([octet]) * 20 for octet in (1, 5, 9))
    assert nsec3_covers(low, high, middle)
    assert not nsec3_covers(low, high, low) and not nsec3_covers(low, high, high)
    assert nsec3_covers(high, low, b"\xff" * 20) and nsec3_covers(high, low, b"\x00" * 20)
    assert not nsec3_covers(high, low, middle)
    assert nsec3_covers(middle, middle, low) and not nsec3_covers(middle, middle, middle)
