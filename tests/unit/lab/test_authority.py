"""The laboratory's authoritative server against NSD, on the same signed zones: same answers, same proofs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP
from holdfast.lab.authority import Authority
from holdfast.lab.on_demand import sign_zone_on_demand
from holdfast.registry.signer import Validity
from holdfast.registry.zone import Nsec3Parameters
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.nsd import running_nsd, wait_for_serial
from tests.support.ports import reserve_port
from tests.support.zones import EVERYTHING, NOW, key_pair, signed_zone

DENIALS = {"nsec": None, "nsec3": Nsec3Parameters(), "opt-out": Nsec3Parameters(opt_out=True)}
QUESTIONS = [
    ("example", "SOA"),
    ("example", "DNSKEY"),
    ("example", "MX"),
    ("www.example", "A"),
    ("www.example", "MX"),
    ("WWW.eXample", "TXT"),
    ("nothing.example", "A"),
    ("nothing.www.example", "A"),
    ("x.wild.example", "A"),
    ("x.y.wild.example", "A"),
    ("x.wild.example", "TXT"),
    ("wild.example", "A"),
    ("c.d.example", "A"),
    ("x.c.d.example", "A"),
    ("unsigned.example", "A"),
    ("below.unsigned.example", "AAAA"),
    ("unsigned.example", "DS"),
    ("signed.example", "A"),
    ("below.signed.example", "A"),
    ("signed.example", "DS"),
    ("alias.example", "A"),
    ("alias.example", "CNAME"),
    ("upper.example", "MX"),
    ("elsewhere.example", "DNAME"),
    ("x.elsewhere.example", "A"),
    ("elsewhere.example", "A"),
]
Records = set[tuple[str, str, str]]


@dataclass
class Served:
    """One zone in two servers."""

    ours: Authority
    nsd_port: int


@pytest.fixture(scope="module", params=DENIALS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("nsd")
    zone = signed_zone(nsec3=DENIALS[request.param])
    path = folder / "example.zone"
    path.write_text(zone_text(zone), encoding="utf-8")
    ours = Authority()
    ours.add(zone)
    port = reserve_port()
    with running_nsd(folder, "nsd", port, {"example": path}):
        wait_for_serial(port, "2026050500")
        yield Served(ours, port)


def ask(served: Served, query: dns.message.Message) -> tuple[dns.message.Message, dns.message.Message]:
    """What the laboratory's server and NSD say."""
    wire = served.ours.answer(query.to_wire(), TRANSPORT_UDP)
    assert wire is not None
    return dns.message.from_wire(wire), dns.query.udp(query, "127.0.0.1", port=served.nsd_port, timeout=10)


def records(message: dns.message.Message, section: int) -> Records:
    """Owner, type and data of each record."""
    found = set()
    for rrset in message.sections[section]:
        for rdata in rrset:
            text = rdata.to_text()
            if rrset.rdtype == dns.rdatatype.MX:
                text = text.lower()  # NSD gives names in RDATA away in lower case
            found.add((rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), text))
    return found


@pytest.mark.parametrize(("name", "rtype"), QUESTIONS, ids=lambda value: value)
@pytest.mark.parametrize("dnssec", [True, False], ids=["do", "plain"])
def test_same_answer_as_nsd(served: Served, name: str, rtype: str, dnssec: bool) -> None:
    ours, theirs = ask(served, dns.message.make_query(name, rtype, want_dnssec=dnssec, payload=4096))
    assert ours.rcode() == theirs.rcode()
    assert ours.flags & (dns.flags.AA | dns.flags.TC) == theirs.flags & (dns.flags.AA | dns.flags.TC)
    assert records(ours, dns.message.ANSWER) == records(theirs, dns.message.ANSWER)
    expected = records(theirs, dns.message.AUTHORITY)
    if theirs.answer:  # NSD adds the zone's name servers to answers; nobody needs them
        expected = {one for one in expected if not (one[0] == "example." and "NS" in (one[1], one[2].split()[0]))}
    assert records(ours, dns.message.AUTHORITY) == expected


def test_what_does_not_fit_is_truncated_and_whole_over_tcp(served: Served) -> None:
    query = dns.message.make_query("example", "DNSKEY", want_dnssec=True, payload=512)
    wire = served.ours.answer(query.to_wire(), TRANSPORT_UDP)
    whole = served.ours.answer(query.to_wire(), TRANSPORT_TCP)
    assert wire is not None and whole is not None
    assert len(wire) <= 512
    assert len(dns.message.from_wire(whole).answer) == 2


@pytest.mark.parametrize("denial", DENIALS)
def test_signing_on_demand_gives_the_same_answers(denial: str) -> None:
    before, after = Authority(), Authority()
    before.add(signed_zone(nsec3=DENIALS[denial]))
    zone = load_zone("example", EVERYTHING)
    sign_zone_on_demand(zone, key_pair(13), Validity(NOW - 5400, NOW + 14 * 86400), DENIALS[denial])
    after.add(zone)
    for name, rtype in QUESTIONS:
        query = dns.message.make_query(name, rtype, want_dnssec=True, payload=4096, id=1).to_wire()
        assert before.answer(query, TRANSPORT_UDP) == after.answer(query, TRANSPORT_UDP), (name, rtype)
