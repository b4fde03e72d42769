"""Unit tests of holdfast.dnssec.ds and algorithm_policy."""

from holdfast.base.limits import DNSKEYS_PER_ZONE
from holdfast.base.security_status import BOGUS, INSECURE, SECURE
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.rrset import RRset
from holdfast.dnssec.algorithm_policy import AlgorithmPolicy
from holdfast.dnssec.ds import DnskeyVerdict, digest, ds_usable, verify_dnskey_rrset
from holdfast.dnssec.verifier import UNSUPPORTED, VALID, SignatureVerifier
from holdfast.dnssec.work_budget import WorkBudget
from tests.support.dnssec_records import (
    EXPIRATION,
    NOW,
    ScriptedVerifier,
    ZoneKey,
    patched,
    plenty,
    rdata,
    wire_name,
)

ZONE = "example.de"
WIRE = wire_name(ZONE)
KSK = ZoneKey(ZONE, 13)
ZSK = ZoneKey(ZONE, 13, 256)
POLICY = AlgorithmPolicy([8, 13, 15], [2, 4])


def dnskeys(*keys: ZoneKey, signed_by: ZoneKey | None = KSK) -> RRset:
    rrset = RRset(WIRE, 48, 3600, [key.rdata for key in keys], [])
    return signed_by.sign(rrset) if signed_by is not None else rrset


def judge(
    rrset: RRset,
    ds: list[bytes],
    anchors: list[bytes] | None = None,
    verifier: SignatureVerifier | None = None,
    policy: AlgorithmPolicy = POLICY,
    now_s: int = NOW,
) -> DnskeyVerdict:
    return verify_dnskey_rrset(
        rrset, ds, anchors or [], WIRE, verifier or CryptographyVerifier(), plenty(), now_s, policy
    )


def text_of(verdict: DnskeyVerdict, info_code: int) -> str:
    assert verdict.keys == []
    assert verdict.cause is not None
    assert verdict.cause.info_code == info_code
    return verdict.cause.extra_text


def test_digests_agree_with_dnspython() -> None:
    for name, number in (("SHA1", 1), ("SHA256", 2), ("SHA384", 4)):
        assert digest(WIRE, KSK.rdata, number) == KSK.ds(name)[4:]
    assert digest(WIRE, KSK.rdata, 3) is None


def test_secure() -> None:
    verdict = judge(dnskeys(ZSK, KSK), [KSK.ds()])
    assert (verdict.status, verdict.key_tag, verdict.ttl, verdict.cause) == (SECURE, KSK.tag, 3600, None)
    assert [key.rdata for key in verdict.keys] == [ZSK.rdata, KSK.rdata]


def test_the_ttl_is_capped() -> None:
    assert judge(dnskeys(KSK), [KSK.ds()], now_s=EXPIRATION - 60).ttl == 60


def test_any_ds_may_link() -> None:
    other = ZoneKey(ZONE, 13)
    assert judge(dnskeys(ZSK, KSK), [other.ds(), KSK.ds("SHA384")]).status == SECURE


def test_the_linking_key_need_not_be_a_secure_entry_point() -> None:
    assert judge(dnskeys(ZSK, signed_by=ZSK), [ZSK.ds()]).status == SECURE


def test_no_key_matches() -> None:
    other = ZoneKey(ZONE, 13)
    verdict = judge(dnskeys(ZSK, KSK), [other.ds()])
    assert verdict.status == BOGUS
    assert text_of(verdict, 9) == f"no DNSKEY matches the DS of example.de (keytag={other.tag})"


def test_right_tag_but_wrong_digest() -> None:
    ds = KSK.ds()
    verdict = judge(dnskeys(ZSK, KSK), [ds[:-1] + bytes([ds[-1] ^ 1])])
    assert verdict.status == BOGUS
    assert text_of(verdict, 9) == f"no DNSKEY matches the DS of example.de (keytag={KSK.tag})"


def test_right_digest_but_wrong_algorithm() -> None:
    assert judge(dnskeys(ZSK, KSK), [patched(KSK.ds(), 2, b"\x08")]).status == BOGUS


def test_no_keys() -> None:
    verdict = judge(dnskeys(signed_by=None), [KSK.ds()])
    assert verdict.status == BOGUS
    assert text_of(verdict, 9) == "example.de has no DNSKEY"


def test_no_signature() -> None:
    assert text_of(judge(dnskeys(ZSK, KSK, signed_by=None), [KSK.ds()]), 10) == "no RRSIG for example.de/DNSKEY"


def test_signed_by_another_key_only() -> None:
    verdict = judge(dnskeys(ZSK, KSK, signed_by=ZSK), [KSK.ds()])
    text = f"no RRSIG for example.de/DNSKEY by a key that the DS names (keytag={KSK.tag})"
    assert verdict.status == BOGUS
    assert text_of(verdict, 10) == text


def test_invalid_and_expired_signatures() -> None:
    rrset = dnskeys(ZSK, KSK)
    text = f"RRSIG expired at 2026-05-17T06:40:00Z for example.de/DNSKEY (keytag={KSK.tag})"
    assert text_of(judge(rrset, [KSK.ds()], now_s=EXPIRATION + 1), 7) == text
    rrset.signatures[0] = rrset.signatures[0][:-1] + bytes([rrset.signatures[0][-1] ^ 1])
    text = f"RRSIG with invalid signature for example.de/DNSKEY (keytag={KSK.tag})"
    assert text_of(judge(rrset, [KSK.ds()]), 6) == text


def test_key_without_zone_key_bit() -> None:
    key = KSK.with_flags(1)
    verdict = judge(dnskeys(key, signed_by=key), [key.ds()])
    assert verdict.status == BOGUS
    assert text_of(verdict, 11).startswith("DNSKEY of example.de that the DS names has no zone key bit")


def test_revoked_key() -> None:
    key = KSK.with_flags(257 | 128)
    verdict = judge(dnskeys(key, signed_by=key), [key.ds()])
    assert verdict.status == BOGUS
    assert "is revoked" in text_of(verdict, 6)
    by_anchor = judge(dnskeys(key, signed_by=key), [], [KSK.rdata])
    assert "that the trust anchor names is revoked" in text_of(by_anchor, 6)


def test_unusable_ds_are_insecure() -> None:
    ds = KSK.ds()
    for rdatas, info_code, text in (
        (
            [patched(ds, 2, b"\xfd"), patched(ds, 2, b"\xfa")],
            1,
            "no supported DNSKEY algorithm in DS of example.de (algorithm 253, 250)",
        ),
        ([patched(ds, 3, b"\x63")], 2, "no supported digest type in DS of example.de (digest type 99)"),
        (
            [patched(ds, 3, b"\x63"), patched(ds, 2, b"\xfd")],
            2,
            "no supported digest type in DS of example.de (digest type 99)",
        ),
        ([b"\x00"], 1, "no supported DNSKEY algorithm in DS of example.de (algorithm unreadable)"),
    ):
        cause = ds_usable(rdatas, POLICY, WIRE)
        assert cause is not None
        assert (cause.info_code, cause.extra_text) == (info_code, text)
        verdict = judge(dnskeys(ZSK, KSK), rdatas)
        assert verdict.status == INSECURE
        assert text_of(verdict, info_code) == text
    assert ds_usable([patched(ds, 3, b"\x63"), ds], POLICY) is None


def test_one_usable_ds_makes_the_others_irrelevant() -> None:
    ds = KSK.ds()
    assert judge(dnskeys(ZSK, KSK), [patched(ds, 2, b"\xfd"), ds]).status == SECURE
    other = ZoneKey(ZONE, 13)
    assert judge(dnskeys(ZSK, KSK), [patched(ds, 2, b"\xfd"), other.ds()]).status == BOGUS


def test_sha1_is_ignored_beside_stronger_digests() -> None:
    policy = AlgorithmPolicy([13], [1, 2, 4])
    other = ZoneKey(ZONE, 13)
    assert judge(dnskeys(KSK), [KSK.ds("SHA1")], policy=policy).status == SECURE
    assert judge(dnskeys(KSK), [KSK.ds("SHA1"), other.ds("SHA256")], policy=policy).status == BOGUS
    assert judge(dnskeys(KSK), [KSK.ds("SHA1")]).status == INSECURE


def test_keys_that_the_verifier_cannot_use_are_insecure() -> None:
    verifier = ScriptedVerifier(otherwise=UNSUPPORTED)
    verdict = judge(dnskeys(ZSK, KSK), [KSK.ds()], verifier=verifier)
    assert verdict.status == INSECURE
    assert text_of(verdict, 1) == f"DNSKEY of example.de is not supported (algorithm 13, keytag={KSK.tag})"


def test_an_unsupported_key_is_no_way_around_a_missing_one() -> None:
    other = ZoneKey(ZONE, 13)
    verifier = ScriptedVerifier(otherwise=UNSUPPORTED)
    assert judge(dnskeys(ZSK, KSK), [KSK.ds(), other.ds()], verifier=verifier).status == BOGUS
    supported = ScriptedVerifier({KSK.rdata[4:]: UNSUPPORTED})
    both = dnskeys(other, KSK)
    other.sign(both)
    assert judge(both, [KSK.ds(), other.ds()], verifier=supported).status == BOGUS
    supported.otherwise = VALID
    assert judge(both, [KSK.ds(), other.ds()], verifier=supported).status == SECURE


def test_dnskey_anchors() -> None:
    assert judge(dnskeys(ZSK, KSK), [], [KSK.rdata]).status == SECURE
    other = ZoneKey(ZONE, 13)
    assert judge(dnskeys(ZSK, KSK), [], [other.rdata, KSK.rdata]).status == SECURE
    verdict = judge(dnskeys(ZSK, KSK), [], [other.rdata])
    assert text_of(verdict, 9) == f"no DNSKEY matches the trust anchor of example.de (keytag={other.tag})"
    assert judge(dnskeys(ZSK, KSK), [KSK.ds()], [other.rdata]).status == SECURE


def test_anchors_of_unsupported_algorithms() -> None:
    odd = rdata("DNSKEY", "257 3 253 AAAA")
    verdict = judge(dnskeys(ZSK, KSK), [], [odd])
    assert verdict.status == INSECURE
    text = "no supported DNSKEY algorithm in the trust anchor of example.de (algorithm 253)"
    assert text_of(verdict, 1) == text
    assert judge(dnskeys(ZSK, KSK), [KSK.ds()], [odd]).status == SECURE
    assert text_of(judge(dnskeys(ZSK, KSK), [], [b"\x01"]), 1).endswith("(algorithm unreadable)")


def test_keys_are_bounded() -> None:
    keys = [ZoneKey(ZONE, 15) for _ in range(DNSKEYS_PER_ZONE + 5)]
    rrset = dnskeys(KSK, *keys)
    verdict = judge(rrset, [KSK.ds()])
    assert verdict.status == SECURE
    assert len(verdict.keys) == DNSKEYS_PER_ZONE


def test_work_is_bounded() -> None:
    verdict = verify_dnskey_rrset(
        dnskeys(KSK), [KSK.ds()], [], WIRE, CryptographyVerifier(), WorkBudget(0, 0), NOW, POLICY
    )
    assert (verdict.status, verdict.exhausted) == (BOGUS, True)
    assert text_of(verdict, 0) == "validation work limit reached for example.de/DNSKEY"


def test_policy_tables() -> None:
    assert [number for number in range(256) if POLICY.algorithm_usable(number)] == [8, 13, 15]
    assert [number for number in range(256) if POLICY.digest_usable(number)] == [2, 4]
