"""Which audience a client belongs to, and which audiences share whole answers."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.audience import CLIENTS_REMEMBERED, Audiences, GroupPrefixes
from holdfast.base.settings import AccessRule, ClientGroup, EngineSettings


def group(name: str, *prefixes: str, strict: bool = False) -> ClientGroup:
    networks = [ip_network(text) for text in prefixes]
    rules = [AccessRule(network.network_address.packed, network.prefixlen, True) for network in networks]
    return ClientGroup(name, rules, strict)


def audiences(*groups: ClientGroup, services: tuple[str, ...] = ("default",)) -> Audiences:
    settings = EngineSettings()
    settings.client_groups = list(groups)
    settings.services = list(services)
    return Audiences(settings)


OFFICE = group("office", "10.0.0.0/8", "2001:db8::/32")
MAIL = group("mail", "10.1.0.0/16", "10.2.0.25/32", "2001:db8:1::/48", strict=True)
REST = group("rest", "0.0.0.0/0")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.0.0.1", "office"),
        ("10.1.255.255", "mail"),
        ("10.2.0.25", "mail"),
        ("10.2.0.26", "office"),
        ("192.0.2.1", ""),
        ("2001:db8::1", "office"),
        ("2001:db8:1::1", "mail"),
        ("2001:db9::1", ""),
        ("::a00:1", ""),
    ],
)
def test_the_longest_prefix_decides(address: str, name: str) -> None:
    every = audiences(OFFICE, MAIL)
    for _ in range(2):  # searched, then remembered
        found = every.of(0, ip_address(address).packed)
        assert (found.group, found.strict, found.service) == (name, name == "mail", "default")


def test_a_prefix_of_no_length_holds_every_address_of_its_family() -> None:
    every = audiences(OFFICE, REST)
    assert every.of(0, ip_address("192.0.2.1").packed).group == "rest"
    assert every.of(0, ip_address("2001:db9::1").packed).group == ""


def test_each_service_has_audiences_of_its_own() -> None:
    every = audiences(OFFICE, MAIL, services=("default", "family"))
    address = ip_address("10.0.0.1").packed
    seen = [every.of(service, address) for service in (0, 1)]
    assert [(one.service, one.group) for one in seen] == [("default", "office"), ("family", "office")]
    assert [one.number for one in every.all] == list(range(6))


def test_without_groups_and_services_there_is_one_audience() -> None:
    every = audiences()
    assert not every.several
    assert every.of(0, b"\x7f\0\0\1") is every.own


def test_addresses_that_are_remembered_are_bounded() -> None:
    prefixes = GroupPrefixes([OFFICE])
    for number in range(CLIENTS_REMEMBERED + 10):
        assert prefixes.group_of((10 << 24 | number).to_bytes(4, "big")) == 1
    assert len(prefixes.known) <= CLIENTS_REMEMBERED


def test_audiences_that_are_treated_alike_share_answers() -> None:
    every = audiences(OFFICE, MAIL)
    every.divide([b"a", b"b", b"a"])
    nobody, office, mail = every.all
    assert nobody.key == mail.key == b""
    assert office.key != b""
    every.divide([b"a", b"a", b"a"])
    assert {one.key for one in every.all} == {b""}


ADDRESSES = st.integers(0, 0xFFFF).map(lambda value: bytes([10, 0, value >> 8, value & 255]))
PREFIXES = st.lists(st.tuples(ADDRESSES, st.integers(0, 32)), max_size=8)


@given(PREFIXES, st.lists(ADDRESSES, max_size=8))
def test_any_prefixes_are_searched_as_a_list_would_be(prefixes: list[tuple[bytes, int]], asked: list[bytes]) -> None:
    rules: dict[tuple[int, int], int] = {}
    groups = []
    for number, (address, length) in enumerate(prefixes, 1):
        masked = int.from_bytes(address, "big") >> (32 - length) << (32 - length)
        rules[length, masked] = number  # of two equal ones the later counts
        groups.append(ClientGroup(str(number), [AccessRule(masked.to_bytes(4, "big"), length, True)], False))
    table = GroupPrefixes(groups)
    for address in asked:
        value = int.from_bytes(address, "big")
        fitting = [
            (length, number)
            for (length, masked), number in rules.items()
            if value >> (32 - length) == masked >> (32 - length)
        ]
        assert table.group_of(address) == (max(fitting)[1] if fitting else 0)
