"""IANA's root-anchors.xml and its detached CMS signature (RFC 9718 sections 2 and 3.2, RFC 5652).

The signature is verified by the program `openssl`: the library under our signatures makes CMS signatures, but does not
verify any, and to write that anew would be a risk for nothing.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from holdfast.control.problems import InputError
from holdfast.server.root_anchors_xml import XML_OCTETS, read_root_anchors

SIGNATURE_OCTETS = 64 * 1024  # IANA's has some 4 KiB, certificates included
OPENSSL_S = 20.0


def read_unsigned(path: str) -> str:
    """Return the text of a file that is trusted as it is. Raises InputError if it is no root-anchors.xml."""
    octets = _read(path, XML_OCTETS)
    try:
        read_root_anchors(octets)
        return octets.decode("utf-8")
    except ValueError as error:  # also of decoding
        raise InputError([f"{path}: {error}"]) from None


def read_signed(path: str, signature: str, authority: str, signer: str) -> str:
    """Return the text of a file that ``signer`` (an e-mail address) has signed, as ``authority`` vouches.

    Raises InputError if it has not, or the file is no root-anchors.xml.
    """
    # Both are read once, and what is verified is what is used.
    document, signed = _read(path, XML_OCTETS), _read(signature, SIGNATURE_OCTETS)
    certificates = _read(authority, SIGNATURE_OCTETS)
    program = shutil.which("openssl")
    if program is None:
        raise InputError(["the program openssl is needed to verify the signature (Debian: apt-get install openssl)"])
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        place = Path(folder)
        for name, octets in (("xml", document), ("p7s", signed), ("ca", certificates)):
            (place / name).write_bytes(octets)
        form = "PEM" if signed.lstrip().startswith(b"-----BEGIN") else "DER"
        command = [program, "cms", "-verify", "-binary", "-inform", form, "-in", "p7s", "-content", "xml"]
        # The certificate is for mail; what it may be used for is decided by who signed, below.
        command += ["-CAfile", "ca", "-no-CApath", "-no-CAstore", "-purpose", "any", "-signer", "signer"]
        command += ["-out", "verified"]
        try:
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=OPENSSL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError([f"cannot run {program}: {error}"]) from None
        if ran.returncode != 0:
            raise InputError([f"{signature}: does not verify {path} under {authority}: {_reason(ran.stderr)}"])
        _check_signer((place / "signer").read_bytes(), signer, signature)
    try:
        read_root_anchors(document)
        return document.decode("utf-8")
    except ValueError as error:
        raise InputError([f"{path}: {error}"]) from None


def _check_signer(pem: bytes, wanted: str, signature: str) -> None:
    """Raise InputError unless the certificate of whoever signed has the wanted e-mail address.

    The authority certifies others as well, and none of them may name the keys of the root.
    """
    addresses: list[str] = []
    for certificate in x509.load_pem_x509_certificates(pem):
        addresses += [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
        try:
            names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        except x509.ExtensionNotFound:
            continue
        if isinstance(names, x509.SubjectAlternativeName):
            addresses += names.get_values_for_type(x509.RFC822Name)
    if wanted.lower() not in [address.lower() for address in addresses]:
        found = ", ".join(dict.fromkeys(addresses)) or "nobody with an e-mail address"
        raise InputError([f"{signature}: signed by {found}, not by {wanted}"])


def _reason(output: str) -> str:
    """Return the reason in openssl's error output, which ends with lines of the form CODE:error:...:REASON:FILE:..."""
    reasons = [line for line in output.splitlines() if "error" in line.lower()]
    parts = reasons[-1].split(":") if reasons else []
    words = [part.strip() for part in parts if " " in part.strip() and "/" not in part]
    return "; ".join(words) or output.strip()[-200:] or "no reason given"


def _read(path: str, most: int) -> bytes:
    """Return the octets of a file. Raises InputError if it cannot be read, or has more than ``most``."""
    try:
        with open(path, "rb") as file:
            octets = file.read(most + 1)
    except OSError as error:
        raise InputError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(octets) > most:
        raise InputError([f"{path}: has more than {most} octets"])
    return octets
