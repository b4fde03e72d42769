"""A version of a zone from the one before and a delta, without touching what stays the same.

Registries whose zone changes all the time never write a finished file; what they have is records to take out and
records to put in, as in an IXFR (RFC 1995) or in the dumps of Knot DNS (``dump-removals``, ``dump-additions``).
"""

from holdfast.dns import iana
from holdfast.dns.name import is_subdomain, to_text
from holdfast.dns.rrset import RRset
from holdfast.registry.problems import RegistryError
from holdfast.registry.rdata_text import name_text
from holdfast.registry.zone import Node, Zone
from holdfast.registry.zone_file import Record, read_records, take_chain


def read_changed_zone(current: Zone, removals: str, additions: str) -> Zone:
    """Return ``current`` without the records in the file ``removals`` and with those in ``additions``.

    `RegistryError` names file and line of a record that cannot be taken out or put in.
    """
    origin = name_text(current.name)
    changes = _Changes(current)
    for record in read_records(removals, origin):
        changes.remove(record, f"{removals}:{record[0]}")
    for record in read_records(additions, origin):
        changes.add(record, f"{additions}:{record[0]}")
    if changes.problems:
        raise RegistryError(changes.problems)
    return changes.zone()


class _Changes:
    def __init__(self, current: Zone) -> None:
        self.problems: list[str] = []
        self._apex = current.name
        self._nodes = dict(current.nodes)
        self._own: set[bytes] = set()  # nodes that are copies already
        self._own_rrsets: set[tuple[bytes, int]] = set()
        if current.nsec3 is not None:
            for rrset in current.chain:
                self._node(rrset.name)[iana.TYPE_NSEC3] = rrset

    def _node(self, name: bytes) -> Node:
        if name not in self._own:
            self._own.add(name)
            self._nodes[name] = dict(self._nodes.get(name, {}))
        return self._nodes[name]

    def _rrset(self, name: bytes, rtype: int, ttl_s: int) -> RRset:
        node = self._node(name)
        rrset = node.get(rtype)
        if rrset is None:
            rrset = node[rtype] = RRset(name, rtype, ttl_s, [], [])
        elif (name, rtype) not in self._own_rrsets:
            rrset = node[rtype] = RRset(name, rtype, rrset.ttl, list(rrset.rdatas), list(rrset.signatures))
        self._own_rrsets.add((name, rtype))
        return rrset

    def remove(self, record: Record, place: str) -> None:
        """Take a record out."""
        _, owner, ttl_s, rtype, rdata = record
        rrset = self._rrset(owner, _covered(rtype, rdata), ttl_s)
        records = rrset.signatures if rtype == iana.TYPE_RRSIG else rrset.rdatas
        if rdata not in records:
            self.problems.append(f"{place}: {to_text(owner)} has no such {iana.type_name(rtype)} record to remove")
            return
        records.remove(rdata)

    def add(self, record: Record, place: str) -> None:
        """Put a record in."""
        _, owner, ttl_s, rtype, rdata = record
        if not is_subdomain(owner, self._apex):
            self.problems.append(f"{place}: {to_text(owner)} is not in the zone {to_text(self._apex)}")
            return
        rrset = self._rrset(owner, _covered(rtype, rdata), ttl_s)
        records = rrset.signatures if rtype == iana.TYPE_RRSIG else rrset.rdatas
        if rdata in records:
            self.problems.append(f"{place}: {to_text(owner)} has this {iana.type_name(rtype)} record already")
            return
        if rtype != iana.TYPE_RRSIG:
            rrset.ttl = ttl_s
        records.append(rdata)

    def zone(self) -> Zone:
        """Return the version with all changes."""
        for name in self._own:
            node = self._nodes[name]
            for rtype in [rtype for rtype, rrset in node.items() if not rrset.rdatas and not rrset.signatures]:
                del node[rtype]
            if not node:
                del self._nodes[name]
        zone = Zone(self._apex, self._nodes)
        soa = zone.apex.get(iana.TYPE_SOA)
        if soa is None or len(soa.rdatas) != 1:
            raise RegistryError([f"the changes leave {to_text(self._apex)} without exactly one SOA record"])
        take_chain(zone)
        return zone


def _covered(rtype: int, rdata: bytes) -> int:
    return rdata[0] << 8 | rdata[1] if rtype == iana.TYPE_RRSIG else rtype
