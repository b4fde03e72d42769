"""RDATA: expansion, canonical form and views, compared with dnspython's; no octets make them raise."""

import struct
from collections.abc import Callable

import dns.dnssec
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns.message import parse
from holdfast.dns.rdata import (
    bitmap_has,
    bitmap_types,
    bitmap_well_formed,
    canonical,
    decompress,
    key_tag,
    parse_dnskey,
    parse_ds,
    parse_nsec,
    parse_nsec3,
    parse_rrsig,
    parse_soa,
    rdata_name,
)
from tests.support.dnssec_records import rdata, wire_name

OWNER = "Www.Example.COM."
SIGNATURE = "A 13 3 3600 20330518033320 20010909014640 12345 Example.COM. bm8gc2lnbmF0dXJl"

# Types with names in their RDATA (RFC 4034 section 6.2), with letter case, and some without.
TEXTS = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("NS", "Ns.Example.COM."),
    ("CNAME", "Target.Example.COM."),
    ("DNAME", "Other.Example.COM."),
    ("PTR", "Host.Example.COM."),
    ("SOA", "Ns.Example.COM. Admin.Example.COM. 1 2 3 4 5"),
    ("MX", "10 Mail.Example.COM."),
    ("RP", "Admin.Example.COM. Text.Example."),
    ("AFSDB", "1 Host.Example.COM."),
    ("RT", "1 Host.Example.COM."),
    ("PX", "1 Map822.Example.COM. MapX400.Example."),
    ("KX", "1 Host.Example.COM."),
    ("SRV", "0 5 443 Host.Example.COM."),
    ("NAPTR", '10 20 "U" "E2U+sip" "!^.*$!sip:A@B!" Replace.Example.COM.'),
    ("NSEC", "Next.Example.COM. A NS RRSIG NSEC TYPE65280"),
    ("RRSIG", SIGNATURE),
    ("HTTPS", "1 Svc.Example.COM. alpn=h2"),
    ("TXT", '"Letters stay" "as they are"'),
    ("HINFO", '"CPU" "Os"'),
    ("CAA", '0 issue "CA.Example"'),
    ("DS", f"1 13 2 {'AB' * 32}"),
    ("NSEC3", "1 1 5 ABCD 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM NS DS RRSIG"),
    ("NSEC3PARAM", "1 0 5 ABCD"),
    ("TYPE65280", r"\# 3 0A0B0C"),
]
TYPES = [name for name, _ in TEXTS]


@pytest.mark.parametrize(("rtype", "text"), TEXTS, ids=TYPES)
def test_names_arrive_compressed_and_are_expanded(rtype: str, text: str) -> None:
    # dnspython compresses all names it may; the names of the question and the owner are there to point to.
    message = dns.message.make_response(dns.message.make_query(OWNER, rtype))
    message.answer.append(dns.rrset.from_text(OWNER, 300, "IN", rtype, text))
    parsed = parse(message.to_wire())
    assert parsed is not None and parsed.malformed_records == 0
    (found,) = parsed.answer
    assert (found.signatures if rtype == "RRSIG" else found.rdatas) == [rdata(rtype, text)]


@pytest.mark.parametrize(
    "rtype", ["NS", "CNAME", "DNAME", "PTR", "MX", "SOA", "RP", "AFSDB", "SRV", "KX", "NAPTR", "RRSIG"]
)
def test_every_name_may_be_a_pointer(rtype: str) -> None:
    # RFC 3597 section 4: receivers expand names also of types whose senders may not compress.
    whole = rdata(rtype, dict(TEXTS)[rtype])
    name = wire_name("Example.COM.").lower()
    message = bytes(12) + name + whole
    parts = whole.lower().split(name)
    compressed = b"\xc0\x0c".join(whole[at : at + len(part)] for at, part in _places(parts, len(name)))
    start = len(message)
    assert compressed != whole
    expanded = decompress(message + compressed, dns.rdatatype.from_text(rtype), start, len(compressed))
    assert expanded is not None
    assert expanded.lower() == whole.lower()


def _places(parts: list[bytes], gap: int) -> list[tuple[int, bytes]]:
    places, at = [], 0
    for part in parts:
        places.append((at, part))
        at += len(part) + gap
    return places


@pytest.mark.parametrize(("rtype", "text"), [one for one in TEXTS if one[0] != "RRSIG"], ids=lambda one: one)
def test_canonical_form(rtype: str, text: str) -> None:
    number = dns.rdatatype.from_text(rtype)
    record = dns.rdata.from_text("IN", rtype, text)
    expected = record.to_digestable(dns.name.root)
    if rtype == "NSEC":  # RFC 6840 section 5.1 took it off the list
        expected = rdata(rtype, text)
    assert canonical(number, rdata(rtype, text)) == expected


@pytest.mark.parametrize(("rtype", "text"), TEXTS, ids=TYPES)
def test_truncated_rdata_is_malformed_or_shorter(rtype: str, text: str) -> None:
    number = dns.rdatatype.from_text(rtype)
    whole = rdata(rtype, text)
    for size in range(len(whole)):
        found = decompress(bytes(12) + whole[:size], number, 12, size)
        assert found in (None, whole[:size])
        if rtype in ("A", "AAAA", "NS", "CNAME", "DNAME", "PTR", "MX", "SOA", "RP", "SRV", "KX", "NAPTR", "PX"):
            assert found is None


@given(st.sampled_from([*range(70), *range(249, 260), 32769, 65280]), st.binary(max_size=120), st.binary(max_size=40))
def test_no_octets_make_it_raise(rtype: int, body: bytes, before: bytes) -> None:
    message = bytes(12) + before + body
    found = decompress(message, rtype, 12 + len(before), len(body))
    if found is not None:
        canonical(rtype, found)
    canonical(rtype, body)
    for view in (parse_rrsig, parse_ds, parse_dnskey, parse_nsec, parse_nsec3, parse_soa):
        view(body)
    if bitmap_well_formed(body, 0):
        assert all(bitmap_has(body, one) for one in bitmap_types(body))
    bitmap_has(body, rtype)


# -- views ------------------------------------------------------------------------------------------------------------


def test_signature_view() -> None:
    wire = rdata("RRSIG", SIGNATURE)
    view = parse_rrsig(wire)
    assert view is not None
    assert (view.type_covered, view.algorithm, view.labels, view.original_ttl) == (1, 13, 3, 3600)
    assert (view.expiration, view.inception, view.key_tag) == (2_000_000_000, 1_000_000_000, 12345)
    assert (view.signer, view.signature) == (wire_name("example.com"), b"no signature")
    assert view.rdata_prefix + view.signature == wire.replace(b"\x07Example\x03COM", b"\x07example\x03com")
    assert parse_rrsig(wire[: -len(b"no signature")]) is None


def test_soa_view() -> None:
    view = parse_soa(rdata("SOA", "Ns.Example. Admin.Example. 1 2 3 4 4294967295"))
    assert view is not None
    assert (view.mname, view.rname) == (wire_name("ns.example"), wire_name("admin.example"))
    assert (view.serial, view.refresh, view.retry, view.expire, view.minimum) == (1, 2, 3, 4, 2**32 - 1)


def test_denial_views() -> None:
    nsec = parse_nsec(rdata("NSEC", "Next.Example. A NSEC"))
    assert nsec is not None
    assert (nsec.next_name, bitmap_types(nsec.bitmap)) == (wire_name("next.example"), [1, 47])
    nsec3 = parse_nsec3(rdata("NSEC3", "1 1 500 ABCD 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM NS DS"))
    assert nsec3 is not None
    assert (nsec3.hash_algorithm, nsec3.flags, nsec3.iterations, nsec3.salt) == (1, 1, 500, b"\xab\xcd")
    assert (len(nsec3.next_hash), nsec3.next_hash[:2], bitmap_types(nsec3.bitmap)) == (20, b"\x06\x53", [2, 43])
    assert parse_nsec3(rdata("NSEC3PARAM", "1 0 5 -")) is None


def test_key_views() -> None:
    ds = parse_ds(rdata("DS", f"54321 13 2 {'AB' * 32}"))
    assert ds is not None
    assert (ds.key_tag, ds.algorithm, ds.digest_type, ds.digest) == (54321, 13, 2, b"\xab" * 32)
    key = parse_dnskey(rdata("DNSKEY", "257 3 13 bm8ga2V5"))
    assert key is not None
    assert (key.flags, key.protocol, key.algorithm, key.public_key) == (257, 3, 13, b"no key")


@given(st.integers(0, 65535), st.sampled_from([1, 5, 8, 13, 15]), st.binary(min_size=3, max_size=130))
def test_key_tag(flags: int, algorithm: int, public_key: bytes) -> None:
    # RFC 4034 appendix B
    wire = struct.pack(">HBB", flags, 3, algorithm) + public_key
    record = dns.rdata.from_wire("IN", "DNSKEY", wire, 0, len(wire))
    assert key_tag(wire) == dns.dnssec.key_id(record)  # type: ignore[arg-type]


@given(st.sets(st.integers(1, 65535) | st.integers(1, 260), min_size=1, max_size=30), st.integers(1, 65535))
def test_bitmaps(types: set[int], another: int) -> None:
    text = " ".join(["next.example.", *(f"TYPE{number}" for number in sorted(types))])
    view = parse_nsec(rdata("NSEC", text))
    assert view is not None
    assert bitmap_types(view.bitmap) == sorted(types)
    assert bitmap_has(view.bitmap, another) == (another in types)
    assert all(bitmap_has(view.bitmap, number) for number in types)


@pytest.mark.parametrize(
    "bitmap",
    [
        b"\x00",
        b"\x00\x01",
        b"\x00\x00",
        b"\x00\x21" + bytes(33),
        b"\x01\x01\x80\x00\x01\x80",
        b"\x00\x01\x80\x00\x01\x80",
    ],
    ids=["no length", "no octets", "empty window", "33 octets", "falling windows", "the same window"],
)
def test_malformed_bitmaps(bitmap: bytes) -> None:
    assert not bitmap_well_formed(bitmap, 0)
    assert parse_nsec(b"\x00" + bitmap) is None


@pytest.mark.parametrize("rtype", ["NS", "CNAME", "DNAME", "PTR", "MX", "SRV"])
def test_where_a_record_leads_to(rtype: str) -> None:
    text = dict(TEXTS)[rtype]
    assert rdata_name(dns.rdatatype.from_text(rtype), rdata(rtype, text)) == wire_name(text.split()[-1])


@pytest.mark.parametrize("view", [parse_rrsig, parse_ds, parse_dnskey, parse_nsec3, parse_soa])
def test_empty_rdata_has_no_view(view: Callable[[bytes], object]) -> None:
    assert view(b"") is None
