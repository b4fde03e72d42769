"""RFC 9718: IANA's file of the root's trust anchors, what its elements and times mean, and who must have signed it."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.instant import FOREVER_S
from holdfast.control.trust_anchors import ROOT_TRUST_ANCHORS
from holdfast.server.anchor_records import anchor_text
from holdfast.server.root_anchor_signature import ProgramError, built_in_authority, verify_signature
from holdfast.server.root_anchors_xml import KEY_DIGESTS, SIGNER, XML_OCTETS, read_root_anchors
from tests.support.dnssec_records import ZoneKey
from tests.support.programs import require_program

DIGEST_2010 = "49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5"
DIGEST_2017 = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
# As section 2.3 shows it: a key that ended in 2019, and KSK-2017.
EXAMPLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<TrustAnchor id="E9724F53-1851-4F86-85E5-F1392102940B" source="http://data.iana.org/root-anchors/root-anchors.xml">
  <Zone>.</Zone>
  <KeyDigest id="Kjqmt7v" validFrom="2010-07-15T00:00:00+00:00" validUntil="2019-01-11T00:00:00+00:00">
    <KeyTag>19036</KeyTag>
    <Algorithm>8</Algorithm>
    <DigestType>2</DigestType>
    <Digest>{DIGEST_2010}</Digest>
  </KeyDigest>
  <KeyDigest id="Klajeyz" validFrom="2017-02-02T00:00:00+00:00">
    <KeyTag>20326</KeyTag>
    <Algorithm>8</Algorithm>
    <DigestType>2</DigestType>
    <Digest>{DIGEST_2017}</Digest>
  </KeyDigest>
</TrustAnchor>
"""


def posix(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]


def with_key(*children: str, attributes: str = 'validFrom="2020-01-01T00:00:00Z"', zone: str = ".") -> str:
    return f"<TrustAnchor><Zone>{zone}</Zone><KeyDigest {attributes}>{''.join(children)}</KeyDigest></TrustAnchor>"


def key_children(key: ZoneKey, **changed: str) -> list[str]:
    """The elements of a key, PublicKey and Flags included (section 2.2)."""
    view = key.dnskey()
    ds = key.ds()
    values = {
        "KeyTag": str(view.key_tag),
        "Algorithm": str(view.algorithm),
        "DigestType": "2",
        "Digest": ds[4:].hex().upper(),
        "PublicKey": base64.b64encode(view.public_key).decode(),
        "Flags": str(view.flags),
        **changed,
    }
    return [f"<{name}>{value}</{name}>" for name, value in values.items() if value]


# -- 2.1 and 2.2: syntax and semantics ---------------------------------------------------------------------------------


def test_2_3_the_example_is_read_with_its_times() -> None:
    first, second = read_root_anchors(EXAMPLE)
    assert anchor_text(43, first.ds) == f"DS 19036 8 2 {DIGEST_2010.lower()}"
    assert (first.from_s, first.until_s) == (posix(2010, 7, 15), posix(2019, 1, 11))
    assert anchor_text(43, second.ds).upper() in ROOT_TRUST_ANCHORS, "the built-in key is IANA's"
    assert (second.from_s, second.until_s) == (posix(2017, 2, 2), FOREVER_S)


def test_3_2_a_whole_key_must_be_the_one_that_the_digest_is_of() -> None:
    key, other = ZoneKey(".", 13), ZoneKey(".", 13)
    (read,) = read_root_anchors(with_key(*key_children(key)))
    assert read.ds == key.ds()
    with pytest.raises(ValueError, match="PublicKey is not the key with the tag"):
        read_root_anchors(with_key(*key_children(other, Digest=key.ds()[4:].hex(), KeyTag=str(key.tag))))
    with pytest.raises(ValueError, match="Digest is not that of PublicKey"):
        read_root_anchors(with_key(*key_children(key, Digest=other.ds()[4:].hex())))
    with pytest.raises(ValueError, match="Flags is not a number"):
        read_root_anchors(with_key(*key_children(key, Flags="")))
    with pytest.raises(ValueError, match="PublicKey is not base64"):
        read_root_anchors(with_key(*key_children(key, PublicKey="!")))


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ("", "it is not XML: line 1: no element found"),
        ("<TrustAnchor>", "it is not XML"),
        ("<Other/>", "the outermost element is Other, not TrustAnchor"),
        ("<TrustAnchor><Zone>.</Zone></TrustAnchor>", "it has no KeyDigest"),
        (EXAMPLE.replace("<Zone>.<", "<Zone>example.<"), "it is about the zone 'example.', not the root"),
        (EXAMPLE.replace("20326", "65536"), r"KeyDigest 2 \(Klajeyz\): KeyTag is not a number in 0..65535"),
        (EXAMPLE.replace("<Algorithm>8", "<Algorithm>-8"), "Algorithm is not a number in 0..255"),
        (EXAMPLE.replace("<DigestType>2", "<DigestType>"), "DigestType is not a number"),
        (EXAMPLE.replace(DIGEST_2017, DIGEST_2017[2:]), "Digest is not a digest of type 2 in hexadecimal"),
        (EXAMPLE.replace(DIGEST_2017, "xyz"), "Digest is not a digest of type 2 in hexadecimal"),
        (EXAMPLE.replace("2017-02-02T00:00:00+00:00", "in February"), "validFrom is not a time such as"),
        (EXAMPLE.replace(' validFrom="2017-02-02T00:00:00+00:00"', ""), "validFrom is missing"),
        (EXAMPLE.replace("2019-01-11", "2009-01-11"), "validUntil is not after validFrom"),
        (EXAMPLE.replace("<KeyTag>20326</KeyTag>", "<KeyTag>1</KeyTag>" * 2), "a KeyDigest has two elements KeyTag"),
        (with_key().replace("<KeyDigest", "<KeyDigest/>" * KEY_DIGESTS + "<KeyDigest"), "more than 32 keys"),
        (" " * XML_OCTETS + EXAMPLE, "more than 8192 octets"),
    ],
)
def test_2_1_what_does_not_follow_the_syntax_is_refused_in_words(document: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_root_anchors(document)


@pytest.mark.parametrize(
    "document_type",
    [
        "<!DOCTYPE TrustAnchor>",
        '<!DOCTYPE TrustAnchor [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE TrustAnchor SYSTEM "file:///etc/passwd">',
    ],
)
def test_2_1_entities_are_refused_before_they_mean_anything(document_type: str) -> None:
    with pytest.raises(ValueError, match="it has a document type"):
        read_root_anchors(EXAMPLE.replace("<TrustAnchor ", document_type + "<TrustAnchor ", 1))


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(EXAMPLE.split(">")), max_size=30).map(">".join)))
def test_2_1_nothing_else_than_an_error_in_words_comes_of_garbage(document: str) -> None:
    try:
        read_root_anchors(document)
    except ValueError as error:
        assert str(error)


# -- 3.2: who signed it (RFC 5652) ------------------------------------------------------------------------------------


class Authority:
    """A certification authority, those whom it certifies, and what they sign."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ICANN Root CA of a test")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder(self.name, self.name, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + timedelta(days=400))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def certify(
        self, address: str, days: int = 30, purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A key and its certificate for a purpose, which ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, "signer"), x509.NameAttribute(NameOID.EMAIL_ADDRESS, address)]
        end = datetime.now(UTC) + timedelta(days=days)
        certificate = (
            x509.CertificateBuilder(self.name, x509.Name(names), key.public_key(), x509.random_serial_number())
            .not_valid_before(end - timedelta(days=60))
            .not_valid_after(end)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return key, certificate


def sign(document: bytes, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    """A detached signature, as root-anchors.p7s is one."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(document).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])


class Files:
    """What an import takes."""

    def __init__(self) -> None:
        self.authority = Authority()
        self.xml = EXAMPLE.encode()
        self.ca = self.authority.certificate.public_bytes(Encoding.PEM)
        self.sign(*self.authority.certify(SIGNER))

    def sign(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.p7s = sign(self.xml, key, certificate)

    def verify(self) -> None:
        verify_signature(self.xml, self.p7s, self.ca, SIGNER)


@pytest.fixture
def files() -> Files:
    require_program("openssl", "openssl")
    return Files()


def test_3_2_a_file_that_is_signed_by_the_right_one_is_taken(files: Files) -> None:
    files.verify()


def test_3_2_a_file_that_was_changed_is_refused(files: Files) -> None:
    files.xml = EXAMPLE.replace("20326", "20327").encode()
    with pytest.raises(ValueError, match=r"the signature does not verify the file: .*content verify error"):
        files.verify()


def test_3_2_a_signature_under_another_authority_is_refused(files: Files) -> None:
    files.sign(*Authority().certify(SIGNER))
    with pytest.raises(ValueError, match="does not verify"):
        files.verify()
    files.sign(*files.authority.certify(SIGNER))
    files.ca = built_in_authority()
    with pytest.raises(ValueError, match="does not verify"):
        files.verify()


def test_3_2_somebody_else_whom_the_authority_certified_is_refused(files: Files) -> None:
    files.sign(*files.authority.certify("intern@iana.org"))
    with pytest.raises(ValueError, match=r"signed by intern@iana\.org, not by dnssec@iana\.org"):
        files.verify()


def test_3_2_a_certificate_that_has_ended_is_refused(files: Files) -> None:
    files.sign(*files.authority.certify(SIGNER, days=-1))
    with pytest.raises(
        ValueError, match=r"does not verify .*expired: the signer's was valid until 20\d\d-.*; fetch IANA"
    ):
        files.verify()


def test_3_2_a_certificate_for_something_else_than_mail_is_refused(files: Files) -> None:
    files.sign(*files.authority.certify(SIGNER, purpose=ExtendedKeyUsageOID.SERVER_AUTH))
    with pytest.raises(ValueError, match=r"does not verify .*purpose"):
        files.verify()


@pytest.mark.parametrize("name", ["p7s", "ca"])
@pytest.mark.parametrize("octets", [b"", b"garbage", b"-----BEGIN CMS-----", b"\x30\x80" * 1000])
def test_3_2_garbage_is_refused_in_words(files: Files, name: str, octets: bytes) -> None:
    setattr(files, name, octets)
    with pytest.raises(ValueError, match="the signature does not verify the file: "):
        files.verify()


def test_3_2_without_the_program_nothing_is_verified(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProgramError, match="apt-get install openssl"):
        files.verify()


# -- what IANA publishes (rfc9718/README.md) ---------------------------------------------------------------------------

PUBLISHED = Path(__file__).with_name("rfc9718")
FINGERPRINTS = [  # of ICANN's certification authorities, and the years in which they end
    ("aee89906d7cc60c5e151f3bb923abf8a1b28dc855d5e2127cb524ead4aad603d", 2029),
    ("d8eee1b74208b8163e1c2b990f82dd9f752236ba130c92939e7728ea464ebfc3", 2045),
]


def published(name: str) -> bytes:
    return (PUBLISHED / name).read_bytes()


def test_the_authorities_that_are_built_in_are_icanns() -> None:
    built_in = x509.load_pem_x509_certificates(built_in_authority())
    assert [(one.fingerprint(hashes.SHA256()).hex(), one.not_valid_after_utc.year) for one in built_in] == FINGERPRINTS
    for one in built_in:
        one.verify_directly_issued_by(one)
        text = one.fingerprint(hashes.SHA256()).hex(":").upper()
        assert text in built_in_authority().decode(), "the file says what it holds"


@pytest.mark.parametrize(
    ("name", "at", "last"),
    [
        ("root-anchors-2024.p7s", (2025, 1, 1), (2026, 7, 7)),
        ("root-anchors-2025.p7s", (2026, 11, 1), (2029, 3, 13)),
    ],
)
def test_3_2_what_iana_signed_is_taken_while_its_certificate_lasts(
    name: str, at: tuple[int, ...], last: tuple[int, ...]
) -> None:
    require_program("openssl", "openssl")
    arguments = (published("root-anchors.xml"), published(name), built_in_authority(), SIGNER)
    for good in (at, last):
        verify_signature(*arguments, at_s=posix(*good))
    day = "-".join(f"{number:02d}" for number in last)
    with pytest.raises(ValueError, match=f"expired: the signer's was valid until {day}T"):
        verify_signature(*arguments, at_s=posix(*last) + 86400)
    with pytest.raises(ValueError, match="content verify error"):
        verify_signature(arguments[0] + b"\n", *arguments[1:], at_s=posix(*at))


def test_2_the_published_file_has_the_keys_that_are_built_in() -> None:
    ended, *valid = read_root_anchors(published("root-anchors.xml"))
    assert ended.until_s == posix(2019, 1, 11)
    assert [anchor_text(43, one.ds).upper() in ROOT_TRUST_ANCHORS for one in valid] == [True, True]
    assert {one.until_s for one in valid} == {FOREVER_S}
