"""The signatures and digests that the RFCs print: RFC 4034 section 5.4, RFC 5702, 6605 and 8080, section 6 of each."""

from pathlib import Path

import pytest

from holdfast.base.security_status import BOGUS, SECURE
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS
from holdfast.dns.rdata import parse_dnskey, parse_ds, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.dnssec.ds import digest
from holdfast.dnssec.rrsig import verify_rrset
from tests.support.dnssec_records import EVERYTHING, patched, plenty, read_rrsets

BLOCKS = Path(__file__).with_name("signatures.zone").read_text(encoding="ascii").split("\n\n")[1:]


def title(block: str) -> str:
    return block.splitlines()[0].removeprefix("; ")


@pytest.mark.parametrize("block", [block for block in BLOCKS if "RRSIG" in block], ids=title)
def test_printed_signatures_are_valid(block: str) -> None:
    records = read_rrsets(block)
    dnskeys = next(one for one in records if one.rtype == TYPE_DNSKEY)
    signed = next(one for one in records if one.signatures)
    key = parse_dnskey(dnskeys.rdatas[0])
    rrsig = parse_rrsig(signed.signatures[0])
    assert key is not None and rrsig is not None

    def judge(candidate: RRset) -> int:
        now_s = rrsig.inception + 3600
        return verify_rrset(candidate, dnskeys.name, [key], CryptographyVerifier(), plenty(), now_s, EVERYTHING).status

    assert judge(signed) == SECURE
    wire = signed.signatures[0]
    signed.signatures[0] = patched(wire, len(wire) - 9, bytes([wire[-9] ^ 1]))
    assert judge(signed) == BOGUS


@pytest.mark.parametrize("block", [block for block in BLOCKS if " DS " in block], ids=title)
def test_printed_digests_and_key_tags(block: str) -> None:
    records = read_rrsets(block)
    dnskeys = next(one for one in records if one.rtype == TYPE_DNSKEY)
    ds = parse_ds(next(one for one in records if one.rtype == TYPE_DS).rdatas[0])
    key = parse_dnskey(dnskeys.rdatas[0])
    assert ds is not None and key is not None
    assert key.key_tag == ds.key_tag
    assert digest(dnskeys.name, key.rdata, ds.digest_type) == ds.digest
