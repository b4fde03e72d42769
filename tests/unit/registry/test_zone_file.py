"""Zone files: what is read, what is refused and with which words, and that writing and reading are inverse."""

from pathlib import Path

import dns.name
import dns.rdata
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.dns import iana
from holdfast.registry.problems import RegistryError
from holdfast.registry.rdata_text import rdata_from_fields, rdata_text
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import load_zone, parse_ttl, read_zone, zone_text
from tests.support.zones import EVERYTHING, signed_zone

SOA = "@ 3600 IN SOA ns host 1 2 3 4 5\n"


def problems(text: str) -> str:
    with pytest.raises(RegistryError) as caught:
        load_zone("example", text)
    return str(caught.value)


def rrsets(zone: Zone) -> dict[tuple[bytes, int], tuple[int, list[bytes]]]:
    return {(one.name, one.rtype): (one.ttl, sorted(one.rdatas)) for one, _ in zone.rrsets()}


def test_everything_is_read_as_dnspython_reads_it() -> None:
    ours = rrsets(load_zone("example", EVERYTHING))
    theirs = {}
    for owner, rdataset in dns.zone.from_text(EVERYTHING, "example.", relativize=False).iterate_rdatasets():
        wires = sorted(rdata.to_wire() or b"" for rdata in rdataset)
        theirs[(owner.to_wire() or b"").lower(), int(rdataset.rdtype)] = (rdataset.ttl, wires)
    assert ours == theirs


@pytest.mark.parametrize("nsec3", [None, Nsec3Parameters(), Nsec3Parameters(3, b"\xab\xcd", True)])
def test_what_is_written_is_read_back(nsec3: Nsec3Parameters | None) -> None:
    zone = signed_zone(nsec3=nsec3)
    again = load_zone("example", zone_text(zone))
    assert rrsets(again) == rrsets(zone)
    assert again.nsec3 == nsec3
    assert [one.signatures for one in again.chain] == [one.signatures for one in zone.chain]
    assert again.chain_keys == zone.chain_keys or nsec3 is None


def test_the_name_is_that_of_the_soa(tmp_path: Path) -> None:
    path = tmp_path / "any.zone"
    path.write_text("Example.ORG. 60 IN SOA ns.example.org. h.example.org. 1 2 3 4 5\n")
    assert read_zone(str(path)).name == wire_name("example.org")


def test_a_zone_transfer_ends_with_its_soa_again() -> None:
    zone = load_zone("example", f"; <<>> DiG\n{SOA}a 60 A 192.0.2.1\n{SOA};; Query time: 0 msec\n")
    assert len(zone.apex[iana.TYPE_SOA].rdatas) == 1


def test_include_and_origin(tmp_path: Path) -> None:
    (tmp_path / "inner").write_text("host A 192.0.2.7\n$ORIGIN deep.inner.example.\nx A 192.0.2.8\n")
    outer = tmp_path / "outer"
    outer.write_text(f"$TTL 1h\n$ORIGIN example.\n{SOA}$INCLUDE inner inner\nafter A 192.0.2.9\n")
    zone = read_zone(str(outer), wire_name("example"))
    expected = ["host.inner.example", "x.deep.inner.example", "after.example"]
    assert [name for name in expected if wire_name(name) in zone.nodes] == expected
    outer.write_text(f"$ORIGIN example.\n{SOA}$INCLUDE outer\n")
    with pytest.raises(RegistryError, match=r"outer:3: files include each other"):
        read_zone(str(outer), wire_name("example"))


def test_octets_that_are_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.zone"
    path.write_bytes(f"$ORIGIN example.\n{SOA}a 60 A 192.0.2.1 ; caf".encode() + b"\xe9\n")
    assert wire_name("a.example") in read_zone(str(path), wire_name("example")).nodes
    path.write_bytes(f"$ORIGIN example.\n{SOA}a 60 TXT caf".encode() + b"\xe9\n")
    with pytest.raises(RegistryError, match=r"latin.zone:3: has octets that are not UTF-8; write each as"):
        read_zone(str(path), wire_name("example"))


def test_letter_case_in_rdata_stays() -> None:
    zone = load_zone("example", SOA + "a 60 NSEC Mixed.Example. A\n")
    assert zone.nodes[wire_name("a.example")][iana.TYPE_NSEC].rdatas[0].startswith(b"\x05Mixed\x07Example\x00")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a 60 IN A 192.0.2.300", "bad A record"),
        ("a 60 CH A 192.0.2.3", "'CH' is not a class"),
        ("a 60 IN AAA 192.0.2.3", "'AAA' is not a record type"),
        ("a 60 IN", "has no type"),
        ("a 99999999999 IN A 192.0.2.1", "RFC 2181 section 8"),
        ("a 5q IN A 192.0.2.1", "'5q' is not a TTL"),
        ('a 60 TXT "open', "do not match"),
        ("a 60 TXT ( open", "never closed"),
        ("a 60 TXT shut )", "do not match"),
        ("other.test. 60 A 192.0.2.1", "other.test is not in the zone example"),
        ("a..b 60 A 192.0.2.1", "'a..b' is not a domain name"),
        ("$GENERATE 1-2 a A 192.0.2.$", r"$GENERATE cannot be used here"),
        ("$INCLUDE missing.zone", "missing.zone: cannot be read"),
        ("a 60 A 192.0.2.1\na 61 A 192.0.2.2", "a.example/A has TTLs 60 and 61 in one RRset"),
        ("a 60 RRSIG A 13 2 60 20261301000000 20260101000000 1 example. AAAA", "bad RRSIG record"),
    ],
)
def test_mistakes_name_the_line(line: str, said: str) -> None:
    told = problems(SOA + line + "\n")
    number = 2 + line.count("\n")
    assert said in told
    assert f"example:{number}:" in told or "cannot be read" in told


def test_all_mistakes_are_told_at_once() -> None:
    assert problems(SOA + "a 60 A x\nb 60 A y\n").count("\n") == 1


def test_a_zone_needs_its_soa() -> None:
    assert "exactly one SOA" in problems("a 60 A 192.0.2.1\n")
    assert "has no record" in problems("; nothing\n") or "exactly one SOA" in problems("; nothing\n")


def test_ttl_units() -> None:
    assert [parse_ttl(text) for text in ("0", "1h30m", "2W", "1d1s")] == [0, 5400, 1209600, 86401]


RECORDS = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("NS", "ns.example."),
    ("MX", "10 mail.example."),
    ("DS", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"),
    ("DNSKEY", "256 3 ECDSAP256SHA256 AQPSKmynfzW4kyBv015MUG2DeIQ3"),
    ("NSEC", "host.example. A MX RRSIG NSEC TYPE1234"),
    ("NSEC3", "1 1 12 AABBCCDD 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG"),
    ("RRSIG", "TYPE731 13 3 86400 20030322173103 1048354263 2642 example.com. oJB1W6WNGv+ldvQ3"),
    ("HTTPS", '1 . alpn="h2"'),
    ("TXT", '"one; two" "three"'),
    ("CAA", '0 issue "ca.example"'),
]


@pytest.mark.parametrize(("kind", "text"), RECORDS)
def test_rdata_agrees_with_dnspython(kind: str, text: str) -> None:
    expected = dns.rdata.from_text("IN", kind, text, origin=dns.name.root, relativize=False)
    rtype = iana.type_number(kind)
    wire = rdata_from_fields(rtype, text.split(), ".")
    assert wire == expected.to_wire()
    assert rdata_from_fields(rtype, rdata_text(rtype, wire).split(), ".") == wire


@given(st.text(alphabet='ab1 \t"();\\.$@\n', max_size=60))
def test_any_text_is_read_or_refused_by_line(text: str) -> None:
    try:
        load_zone("example", SOA + text)
    except RegistryError as error:
        assert all(problem.startswith("example:") for problem in error.problems)


def test_a_quoted_value_belongs_to_its_key() -> None:
    # RFC 9460 section 2.1 and appendix A: SvcParams are key=value or key="value".
    text = 'www 60 HTTPS 1 . alpn="h2,h3" port=443 ( mandatory="alpn" )\n'
    zone = load_zone("example", SOA + text)
    [https] = [rrset for rrset, _ in zone.rrsets() if rrset.rtype == iana.TYPE_HTTPS]
    assert b"\x02h2\x02h3" in https.rdatas[0]
