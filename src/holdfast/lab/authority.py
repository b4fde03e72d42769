"""An authoritative server without sockets (RFC 1034 section 4.3.2, RFC 4035 section 3.1, RFC 5155 section 7.2)."""

from dataclasses import dataclass

from holdfast.base.effects import TRANSPORT_TCP
from holdfast.dns.iana import (
    FLAG_AA,
    FLAG_QR,
    FLAG_RD,
    FLAG_TC,
    RCODE_BADVERS,
    RCODE_NOERROR,
    RCODE_NOTIMP,
    RCODE_NXDOMAIN,
    RCODE_REFUSED,
    RCODE_SERVFAIL,
    RCODE_YXDOMAIN,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_CNAME,
    TYPE_DNAME,
    TYPE_DS,
    TYPE_NS,
    TYPE_SOA,
)
from holdfast.dns.message import Question, parse_question
from holdfast.dns.name import ROOT, is_subdomain, label_count, parent, replace_suffix, suffix, wildcard_of
from holdfast.dns.rdata import rdata_name
from holdfast.dns.rrset import RRset
from holdfast.dns.writer import MessageWriter
from holdfast.registry.zone import Zone

UDP_OCTETS = 1232
PLAIN_OCTETS = 512
TCP_OCTETS = 65535
CNAME_LINKS = 8  # followed inside the data of one server
ANSWER, AUTHORITY, ADDITIONAL = 1, 2, 3


@dataclass
class Faults:
    """What is wrong with a server: all off by default."""

    drop_all: bool = False
    refuse_all: bool = False
    fail_all: bool = False
    no_tcp: bool = False
    always_truncate: bool = False
    no_edns: bool = False


class Reply:
    """An answer in the making."""

    def __init__(self) -> None:
        self.rcode = RCODE_NOERROR
        self.authoritative = True
        self.answer: list[RRset] = []
        self.authority: list[RRset] = []
        self.additional: list[RRset] = []


class Authority:
    """A server of some zones."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.zones: dict[bytes, Zone] = {}
        self.faults = faults or Faults()

    def add(self, zone: Zone) -> None:
        """Serve a zone."""
        self.zones[zone.name] = zone

    def answer(self, wire: bytes, transport: int) -> bytes | None:
        """Answer one message; None: say nothing."""
        faults = self.faults
        if faults.drop_all or (faults.no_tcp and transport == TRANSPORT_TCP):
            return None
        question = parse_question(wire)
        if isinstance(question, int):
            if question < 0 or wire[2] & 0x80:
                return None
            return wire[:2] + bytes([0x80 | (wire[2] & 0x79), question]) + b"\x00" * 8
        if question.flags & FLAG_QR:
            return None
        reply = Reply()
        if faults.no_edns and question.edns is not None:
            return wire[:2] + bytes([0x80, 1]) + b"\x00" * 8
        if question.edns is not None and question.edns.version > 0:
            reply.rcode = RCODE_BADVERS
        elif question.opcode != 0:
            reply.rcode = RCODE_NOTIMP
        elif faults.refuse_all:
            reply.rcode = RCODE_REFUSED
        elif faults.fail_all:
            reply.rcode = RCODE_SERVFAIL
        else:
            self._fill(reply, question)
        return self._write(reply, question, transport)

    def _fill(self, reply: Reply, question: Question) -> None:
        """Answer a question from the zones, following aliases inside the same zone."""
        dnssec = question.edns is not None and question.edns.do
        name = question.qname
        for _ in range(CNAME_LINKS):
            zone = self._zone_for(name, question.qtype)
            if zone is None:
                if not reply.answer:
                    reply.rcode = RCODE_REFUSED
                    reply.authoritative = False
                return
            target = self._search(reply, zone, name, question.qtype, dnssec)
            if target is None or not is_subdomain(target, zone.name):
                return
            name = target

    def _zone_for(self, name: bytes, rtype: int) -> Zone | None:
        """Return the deepest zone for a name; for DS the one above, if it is here (RFC 4035 section 3.1.4.1)."""
        candidate = name
        if rtype == TYPE_DS and name != ROOT:
            found = self._zone_for(parent(name), 0)
            if found is not None:
                return found
        while True:
            zone = self.zones.get(candidate)
            if zone is not None:
                return zone
            if candidate == ROOT:
                return None
            candidate = parent(candidate)

    def _search(self, reply: Reply, zone: Zone, name: bytes, rtype: int, dnssec: bool) -> bytes | None:
        """Search a zone; returns the target of an alias to go on with."""
        for labels in range(label_count(zone.name) + 1, label_count(name) + 1):
            ancestor = suffix(name, labels)
            if zone.is_delegation(ancestor) and not (rtype == TYPE_DS and ancestor == name):
                self._refer(reply, zone, ancestor, dnssec)
                return None
            dname = zone.nodes.get(ancestor, {}).get(TYPE_DNAME)
            if dname is not None and ancestor != name:
                return self._rewrite(reply, zone.complete(dname), name)
        node = zone.nodes.get(name)
        if node is not None:
            return self._answer_node(reply, zone, node, name, rtype, dnssec)
        if zone.exists(name):
            self._deny(reply, zone, name, dnssec, exists=True)  # an empty non-terminal
            return None
        encloser = self._closest_encloser(zone, name)
        wildcard = zone.nodes.get(wildcard_of(encloser))
        if wildcard is not None:
            expanded = {
                kind: RRset(name, kind, one.ttl, one.rdatas, zone.complete(one).signatures)
                for kind, one in wildcard.items()
            }
            if dnssec and zone.signed:
                self._add_proof(reply, zone, suffix(name, label_count(encloser) + 1), matching=False)
                if rtype not in wildcard and TYPE_CNAME not in wildcard:
                    self._add_proof(reply, zone, wildcard_of(encloser), matching=False)
                    if zone.nsec3 is not None:
                        self._add_proof(reply, zone, encloser, matching=True)
            return self._answer_node(reply, zone, expanded, name, rtype, False)
        reply.rcode = RCODE_NXDOMAIN
        self._deny(reply, zone, name, dnssec, exists=False)
        return None

    def _closest_encloser(self, zone: Zone, name: bytes) -> bytes:
        """Return the longest existing ancestor (RFC 4592 section 3.3.1)."""
        while name != zone.name:
            name = parent(name)
            if zone.exists(name):
                return name
        return name

    def _answer_node(
        self, reply: Reply, zone: Zone, node: dict[int, RRset], name: bytes, rtype: int, dnssec: bool
    ) -> bytes | None:
        """Answer from an existing name."""
        if rtype == TYPE_ANY:
            reply.answer.extend(zone.complete(one) for one in node.values())
            return None
        found = node.get(rtype)
        if found is not None:
            reply.answer.append(zone.complete(found))
            return None
        alias = node.get(TYPE_CNAME)
        if alias is not None:
            reply.answer.append(zone.complete(alias))
            return rdata_name(TYPE_CNAME, alias.rdatas[0])
        self._deny(reply, zone, name, dnssec, exists=True)
        return None

    def _rewrite(self, reply: Reply, dname: RRset, name: bytes) -> bytes | None:
        """Apply a DNAME (RFC 6672 section 3.1)."""
        reply.answer.append(dname)
        target = replace_suffix(name, dname.name, rdata_name(TYPE_DNAME, dname.rdatas[0]))
        if target is None:
            reply.rcode = RCODE_YXDOMAIN
            return None
        reply.answer.append(RRset(name, TYPE_CNAME, dname.ttl, [target], []))
        return target

    def _refer(self, reply: Reply, zone: Zone, cut: bytes, dnssec: bool) -> None:
        """Refer to the servers of a child zone, with glue and with DS or the proof that there is none."""
        node = zone.nodes[cut]
        reply.authoritative = False
        reply.authority.append(node[TYPE_NS])
        if dnssec and TYPE_DS in node:
            reply.authority.append(zone.complete(node[TYPE_DS]))
        elif dnssec and zone.signed:
            self._deny_existing(reply, zone, cut)
        for rdata in node[TYPE_NS].rdatas:
            server = rdata.lower()
            for rtype in (TYPE_A, TYPE_AAAA):
                glue = zone.nodes.get(server, {}).get(rtype)
                if glue is not None:
                    reply.additional.append(glue)

    def _deny(self, reply: Reply, zone: Zone, name: bytes, dnssec: bool, exists: bool) -> None:
        """Add the SOA and the proof of a negative answer."""
        soa = zone.nodes[zone.name].get(TYPE_SOA)
        if soa is not None:
            reply.authority.append(zone.complete(soa))
        if not dnssec or not zone.signed:
            return
        if exists:
            self._deny_existing(reply, zone, name)
            return
        encloser = self._closest_encloser(zone, name)
        if zone.nsec3 is not None:
            self._add_proof(reply, zone, encloser, matching=True)
        self._add_proof(reply, zone, suffix(name, label_count(encloser) + 1), matching=False)
        self._add_proof(reply, zone, wildcard_of(encloser), matching=False)

    def _deny_existing(self, reply: Reply, zone: Zone, name: bytes) -> None:
        """Add the record at a name that exists; under opt-out, the closest encloser proof (RFC 5155 section 7.2.7)."""
        if zone.matching(name) is not None or zone.nsec3 is None or name == zone.name:
            self._add_proof(reply, zone, name, matching=False)
            return
        encloser = parent(name)
        while zone.matching(encloser) is None and encloser != zone.name:
            encloser = parent(encloser)
        self._add_proof(reply, zone, encloser, matching=True)
        self._add_proof(reply, zone, suffix(name, label_count(encloser) + 1), matching=False)

    def _add_proof(self, reply: Reply, zone: Zone, name: bytes, matching: bool) -> None:
        """Add the denial record that matches or covers a name, once."""
        found = zone.matching(name) if matching else zone.covering(name)
        if found is not None and found not in reply.authority:
            reply.authority.append(zone.complete(found))

    def _write(self, reply: Reply, question: Question, transport: int) -> bytes:
        """Write the reply; what does not fit a datagram is truncated (RFC 2181 section 9)."""
        edns = question.edns
        limit = TCP_OCTETS
        if transport != TRANSPORT_TCP:
            limit = min(max(edns.udp_octets, PLAIN_OCTETS), UDP_OCTETS) if edns is not None else PLAIN_OCTETS
        writer = MessageWriter(limit)
        if edns is not None:
            writer.reserve(11)
        flags = FLAG_QR | (question.flags & FLAG_RD) | (question.opcode << 11) | (reply.rcode & 15)
        if reply.authoritative and reply.rcode in (RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_YXDOMAIN):
            flags |= FLAG_AA
        truncated = self.faults.always_truncate and transport != TRANSPORT_TCP
        dnssec = edns is not None and edns.do
        writer.header(question.id, flags)
        writer.question(question.qname_wire, question.qtype, question.qclass)
        if not truncated:
            for section, sets in ((ANSWER, reply.answer), (AUTHORITY, reply.authority)):
                for rrset in sets:
                    truncated = truncated or not writer.rrset(section, rrset, rrset.ttl, dnssec)
            for rrset in reply.additional:
                if truncated or not writer.rrset(ADDITIONAL, rrset, rrset.ttl, False):
                    break
        if edns is not None:
            writer.opt(UDP_OCTETS, 1 if reply.rcode == RCODE_BADVERS else 0, edns.do, [])
        out = bytearray(writer.finish())
        if truncated:
            out[2] |= FLAG_TC >> 8
        return bytes(out)
