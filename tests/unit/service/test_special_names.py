"""Names that are answered without asking anyone."""

import dns.rcode
import pytest

from holdfast.base.settings import EngineSettings, ZoneServers
from holdfast.dns import iana
from holdfast.service.special_names import EMPTY_ZONES, LOOPBACK_POINTERS, LocalAnswer, SpecialNames
from tests.support.dnssec_records import rdata, wire_name
from tests.support.engine_world import EngineWorld, Message, reply_to, texts

LOCALHOST = wire_name("localhost")
TOP_LEVEL = [zone for zone in EMPTY_ZONES if "." not in zone]
BELOW = [zone for zone in EMPTY_ZONES if "." in zone and zone not in LOOPBACK_POINTERS]


def special(**changes: object) -> SpecialNames:
    settings = EngineSettings()
    for name, value in changes.items():
        setattr(settings, name, value)
    return SpecialNames(settings)


def answer(name: str, rtype: int = iana.TYPE_A, names: SpecialNames | None = None) -> LocalAnswer:
    found = (names or special()).answer(wire_name(name), rtype)
    assert found is not None, name
    return found


def soa_owners(found: LocalAnswer) -> list[bytes]:
    return [rrset.name for rrset in found.authority if rrset.rtype == iana.TYPE_SOA]


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "b.a.localhost"])
def test_localhost_and_all_below_it(name: str) -> None:
    # RFC 6761 section 6.3
    (address,) = answer(name).answer
    assert (address.name, address.rdatas) == (wire_name(name), [rdata("A", "127.0.0.1")])
    assert answer(name, iana.TYPE_AAAA).answer[0].rdatas == [rdata("AAAA", "::1")]
    assert [one.rtype for one in answer(name, iana.TYPE_ANY).answer] == [iana.TYPE_A, iana.TYPE_AAAA]
    nodata = answer(name, iana.TYPE_MX)
    assert (nodata.rcode, nodata.answer, soa_owners(nodata)) == (iana.RCODE_NOERROR, [], [LOCALHOST])


@pytest.mark.parametrize("zone", TOP_LEVEL)
def test_top_level_names_do_not_exist(zone: str) -> None:
    # RFC 6761 sections 6.2 and 6.4, RFC 7686, RFC 9476: whatever is asked, nothing leaves the resolver.
    for name in (zone, f"www.{zone}"):
        for rtype in (iana.TYPE_A, iana.TYPE_SOA, iana.TYPE_NS, iana.TYPE_DS):
            found = answer(name, rtype)
            assert (found.rcode, found.answer) == (iana.RCODE_NXDOMAIN, [])
            assert soa_owners(found) == [wire_name(zone)]


@pytest.mark.parametrize("zone", [*BELOW, "16.172.in-addr.arpa", "31.172.in-addr.arpa", "127.100.in-addr.arpa"])
def test_locally_served_zones_are_empty(zone: str) -> None:
    # RFC 6303 section 3
    assert [one.rtype for one in answer(zone, iana.TYPE_SOA).answer] == [iana.TYPE_SOA]
    assert answer(zone, iana.TYPE_NS).answer[0].rdatas == [LOCALHOST]
    nodata = answer(zone, iana.TYPE_PTR)
    assert (nodata.rcode, nodata.answer, soa_owners(nodata)) == (iana.RCODE_NOERROR, [], [wire_name(zone)])
    missing = answer(f"7.{zone}", iana.TYPE_PTR)
    assert (missing.rcode, soa_owners(missing)) == (iana.RCODE_NXDOMAIN, [wire_name(zone)])


@pytest.mark.parametrize("zone", BELOW)
def test_their_ds_belongs_to_the_parent(zone: str) -> None:
    # A validator behind this resolver needs the real, signed proof that the zone is insecure (RFC 8375 section 4).
    assert special().answer(wire_name(zone), iana.TYPE_DS) is None
    assert answer(f"x.{zone}", iana.TYPE_DS).rcode == iana.RCODE_NXDOMAIN


@pytest.mark.parametrize("name", LOOPBACK_POINTERS)
def test_the_loopback_addresses_have_a_name(name: str) -> None:
    assert answer(name, iana.TYPE_PTR).answer[0].rdatas == [LOCALHOST]
    assert answer(name, iana.TYPE_A).answer == []


@pytest.mark.parametrize(
    "name",
    [".", "example", "www.example.de", "arpa", "in-addr.arpa", "15.172.in-addr.arpa", "32.172.in-addr.arpa",
     "63.100.in-addr.arpa", "128.100.in-addr.arpa", "11.in-addr.arpa", "nottest", "localhost.example", "1.ip6.arpa"],
)  # fmt: skip
def test_ordinary_names(name: str) -> None:
    assert special().answer(wire_name(name), iana.TYPE_A) is None


def test_zones_can_be_opened() -> None:
    names = special(resolved_special_names=[wire_name("test"), wire_name("lab.home.arpa")])
    assert names.answer(wire_name("www.test"), iana.TYPE_A) is None
    assert names.answer(wire_name("www.lab.home.arpa"), iana.TYPE_A) is None
    assert answer("www.home.arpa", names=names).rcode == iana.RCODE_NXDOMAIN
    assert answer("invalid", names=names).rcode == iana.RCODE_NXDOMAIN


def test_zones_with_servers_of_their_own_are_asked() -> None:
    configured = ZoneServers(wire_name("10.in-addr.arpa"), [], False, False, [])
    names = special(zone_servers=[configured])
    assert names.answer(wire_name("1.2.3.10.in-addr.arpa"), iana.TYPE_PTR) is None
    assert answer("1.168.192.in-addr.arpa", iana.TYPE_PTR, names).rcode == iana.RCODE_NXDOMAIN


def test_nothing_is_sent_for_them_and_aliases_lead_to_them() -> None:
    def respond(_address: str, query: Message) -> Message:
        return reply_to(query, [f"{query.question[0].name} 300 CNAME host.localhost."])

    world = EngineWorld(respond)
    assert world.ask("www.onion").rcode() == dns.rcode.NXDOMAIN
    assert texts(world.ask("localhost").answer) == ["localhost. A 127.0.0.1"]
    assert world.sent == []
    alias = world.ask("alias.example")
    assert texts(alias.answer) == ["alias.example. CNAME host.localhost.", "host.localhost. A 127.0.0.1"]
    assert len(world.sent) == 1
