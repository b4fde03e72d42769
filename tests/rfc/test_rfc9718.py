"""RFC 9718: IANA's file of the root's trust anchors, what its elements and times mean, and who must have signed it."""

import base64
from collections.abc import Iterator
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
from holdfast.control.problems import InputError
from holdfast.control.root_anchors import read_signed, read_unsigned
from holdfast.control.trust_anchors import ROOT_TRUST_ANCHORS
from holdfast.server.anchor_records import anchor_text
from holdfast.server.root_anchors_xml import KEY_DIGESTS, XML_OCTETS, read_root_anchors
from tests.support.dnssec_records import ZoneKey
from tests.support.programs import require_program

SIGNER = "dnssec@iana.org"
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


def test_2_2_a_whole_key_must_be_the_one_that_the_digest_is_of() -> None:
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


# -- who signed it (section 3, RFC 5652) -------------------------------------------------------------------------------


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

    def certify(self, address: str, days: int = 30) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A key and its certificate for mail, which ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, "signer"), x509.NameAttribute(NameOID.EMAIL_ADDRESS, address)]
        end = datetime.now(UTC) + timedelta(days=days)
        certificate = (
            x509.CertificateBuilder(self.name, x509.Name(names), key.public_key(), x509.random_serial_number())
            .not_valid_before(end - timedelta(days=60))
            .not_valid_after(end)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return key, certificate


def sign(document: bytes, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    """A detached signature, as root-anchors.p7s is one."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(document).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])


class Files:
    """The three files of an import."""

    def __init__(self, folder: Path) -> None:
        self.xml, self.p7s, self.ca = folder / "root-anchors.xml", folder / "root-anchors.p7s", folder / "ca.pem"
        self.authority = Authority()
        self.xml.write_text(EXAMPLE)
        self.ca.write_bytes(self.authority.certificate.public_bytes(Encoding.PEM))
        self.sign(*self.authority.certify(SIGNER))

    def sign(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.p7s.write_bytes(sign(self.xml.read_bytes(), key, certificate))

    def read(self) -> str:
        return read_signed(str(self.xml), str(self.p7s), str(self.ca), SIGNER)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    require_program("openssl", "openssl")
    yield Files(tmp_path)


def test_3_a_file_that_is_signed_by_the_right_one_is_taken(files: Files) -> None:
    assert files.read() == EXAMPLE


def test_3_a_file_that_was_changed_is_refused(files: Files) -> None:
    files.xml.write_text(EXAMPLE.replace("20326", "20327"))
    with pytest.raises(InputError, match=r"root-anchors\.p7s: does not verify .*root-anchors\.xml"):
        files.read()


def test_3_a_signature_under_another_authority_is_refused(files: Files) -> None:
    files.sign(*Authority().certify(SIGNER))
    with pytest.raises(InputError, match="does not verify"):
        files.read()


def test_3_somebody_else_whom_the_authority_certified_is_refused(files: Files) -> None:
    files.sign(*files.authority.certify("intern@iana.org"))
    with pytest.raises(InputError, match=r"signed by intern@iana\.org, not by dnssec@iana\.org"):
        files.read()


def test_3_a_certificate_that_has_ended_is_refused(files: Files) -> None:
    files.sign(*files.authority.certify(SIGNER, days=-1))
    with pytest.raises(InputError, match=r"does not verify .*expired"):
        files.read()


@pytest.mark.parametrize("name", ["xml", "p7s", "ca"])
def test_3_files_that_are_missing_too_long_or_garbage_are_refused_in_words(files: Files, name: str) -> None:
    path: Path = getattr(files, name)
    path.write_bytes(b"garbage")
    with pytest.raises(InputError):
        files.read()
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(InputError, match="has more than"):
        files.read()
    path.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        files.read()


def test_a_file_that_is_known_by_other_means_needs_no_signature(tmp_path: Path) -> None:
    path = tmp_path / "root-anchors.xml"
    path.write_text(EXAMPLE)
    assert read_unsigned(str(path)) == EXAMPLE
    path.write_text("<TrustAnchor/>")
    with pytest.raises(InputError, match=r"root-anchors\.xml: it is about the zone"):
        read_unsigned(str(path))
