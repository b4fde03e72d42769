"""Who signed IANA's root-anchors.xml: its detached CMS signature (RFC 9718 section 3.2, RFC 5652), root-anchors.p7s.

The signature is verified by the program `openssl`: the library under our signatures makes CMS signatures, but does not
verify any, and to write that anew would be a risk for nothing.
"""

import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtensionOID, NameOID

BUILT_IN = "icann-root-ca.pem"  # ICANN's certification authorities; where they are from stands in the file
OPENSSL_S = 20.0


class ProgramError(Exception):
    """The signature cannot be verified here; the text says what is missing."""


def built_in_authority() -> bytes:
    """Return ICANN's certification authorities, in PEM."""
    return (files("holdfast.server") / BUILT_IN).read_bytes()


def verify_signature(document: bytes, signature: bytes, authority: bytes, signer: str, at_s: int | None = None) -> None:
    """Raise ValueError, with a reason made for users, unless ``signer`` (an e-mail address) has signed a document.

    ``authority``: certificates in PEM that vouch for the signer's, which must be for signing mail (S/MIME) and in its
    time at ``at_s`` (POSIX seconds; None: now). Raises ProgramError if there is nothing to verify with.
    """
    program = shutil.which("openssl")
    if program is None:
        raise ProgramError("the program openssl is needed to verify the signature (Debian: apt-get install openssl)")
    is_pem = signature.lstrip().startswith(b"-----BEGIN")
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        place = Path(folder)
        for name, octets in (("xml", document), ("p7s", signature), ("ca", authority)):
            (place / name).write_bytes(octets)
        command = [program, "cms", "-verify", "-binary", "-inform", "PEM" if is_pem else "DER", "-in", "p7s"]
        command += ["-content", "xml", "-CAfile", "ca", "-no-CApath", "-no-CAstore", "-purpose", "smimesign"]
        command += ["-signer", "signer", "-out", "verified", *([] if at_s is None else ["-attime", str(at_s)])]
        try:
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=OPENSSL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProgramError(f"cannot run {program}: {error}") from None
        if ran.returncode != 0:
            reason = _reason(ran.stderr)
            ends = _ends(signature, is_pem) if "expired" in reason else ""
            raise ValueError(f"the signature does not verify the file: {reason}{ends}")
        _check_signer((place / "signer").read_bytes(), signer)


def _check_signer(pem: bytes, wanted: str) -> None:
    """Raise ValueError unless the certificate of whoever signed has the wanted e-mail address.

    The authority certifies others as well, and none of them may name the keys of the root.
    """
    found = [address for certificate in x509.load_pem_x509_certificates(pem) for address in _addresses(certificate)]
    if wanted.lower() not in [address.lower() for address in found]:
        who = ", ".join(dict.fromkeys(found)) or "nobody with an e-mail address"
        raise ValueError(f"the file was signed by {who}, not by {wanted}")


def _addresses(certificate: x509.Certificate) -> list[str]:
    found = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return found
    return found + (
        names.get_values_for_type(x509.RFC822Name) if isinstance(names, x509.SubjectAlternativeName) else []
    )


def _reason(output: str) -> str:
    """Return the reason in openssl's error output, which ends with lines of the form CODE:error:...:REASON:FILE:..."""
    reasons = [line for line in output.splitlines() if "error" in line.lower()]
    parts = reasons[-1].split(":") if reasons else []
    words = [part.strip() for part in parts if " " in part.strip() and "/" not in part]
    return "; ".join(words) or output.strip()[-200:] or "no reason given"


def _ends(signature: bytes, is_pem: bool) -> str:
    """Return until when the certificates of those with an e-mail address were valid, as part of a sentence."""
    try:
        load = pkcs7.load_pem_pkcs7_certificates if is_pem else pkcs7.load_der_pkcs7_certificates
        ends = [f"{one.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}" for one in load(signature) if _addresses(one)]
    except ValueError:
        return ""
    if not ends:
        return ""
    return f": the signer's was valid until {', '.join(ends)}; fetch IANA's present signature, which has a newer one"
