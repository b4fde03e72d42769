"""Root hints: where resolution starts (RFC 9609), built in or from a file in the zone file format."""

from ipaddress import ip_address

from holdfast.base.settings import RootServer
from holdfast.control.problems import InputError, read_text
from holdfast.control.zone_lines import read_records
from holdfast.dns import iana
from holdfast.dns.name import ROOT, to_text
from holdfast.server.texts import parse_name

# The root server operators' addresses as published at root-servers.org. Priming replaces them by what the root says.
ROOT_SERVER_ADDRESSES = {
    "a.root-servers.net": ("198.41.0.4", "2001:503:ba3e::2:30"),
    "b.root-servers.net": ("170.247.170.2", "2801:1b8:10::b"),
    "c.root-servers.net": ("192.33.4.12", "2001:500:2::c"),
    "d.root-servers.net": ("199.7.91.13", "2001:500:2d::d"),
    "e.root-servers.net": ("192.203.230.10", "2001:500:a8::e"),
    "f.root-servers.net": ("192.5.5.241", "2001:500:2f::f"),
    "g.root-servers.net": ("192.112.36.4", "2001:500:12::d0d"),
    "h.root-servers.net": ("198.97.190.53", "2001:500:1::53"),
    "i.root-servers.net": ("192.36.148.17", "2001:7fe::53"),
    "j.root-servers.net": ("192.58.128.30", "2001:503:c27::2:30"),
    "k.root-servers.net": ("193.0.14.129", "2001:7fd::1"),
    "l.root-servers.net": ("199.7.83.42", "2001:500:9f::42"),
    "m.root-servers.net": ("202.12.27.33", "2001:dc3::35"),
}


def built_in_root_servers() -> list[RootServer]:
    """Return the thirteen root servers with their IPv4 and IPv6 addresses."""
    return [
        RootServer(parse_name(name), [ip_address(address).packed for address in addresses])
        for name, addresses in ROOT_SERVER_ADDRESSES.items()
    ]


def read_root_servers(path: str) -> list[RootServer]:
    """Return the servers of a hints file: NS records of the root, and A and AAAA records of those names."""
    records = read_records(read_text(path), path, frozenset((iana.TYPE_NS, iana.TYPE_A, iana.TYPE_AAAA)))
    problems: list[str] = []
    addresses: dict[bytes, list[bytes]] = {}
    for record in records:
        if record.rtype != iana.TYPE_NS:
            continue
        if record.name == ROOT:
            addresses[record.rdata.lower()] = []
        else:
            problems.append(f"{path}:{record.line}: NS of {to_text(record.name)!r}; hints are for the root '.' only")
    for record in records:
        if record.rtype == iana.TYPE_NS:
            continue
        if record.name in addresses:
            addresses[record.name].append(record.rdata)
        else:
            owner = to_text(record.name)
            problems.append(f"{path}:{record.line}: address of {owner!r}, but no NS record of '.' names that server")
    if not problems and not any(addresses.values()):
        problems.append(f"{path}: has no root server with an address; write '. NS ns.test' and 'ns.test A 192.0.2.1'")
    if problems:
        raise InputError(problems)
    return [RootServer(name, found) for name, found in addresses.items() if found]
