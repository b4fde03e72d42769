"""What the laboratory's zones really say: an answer with AD that says anything else is a forgery that got through."""

from holdfast.dns.iana import RCODE_NXDOMAIN, TYPE_ANY, TYPE_CNAME, TYPE_DNAME, TYPE_NSEC
from holdfast.dns.message import Message, Question
from holdfast.dns.name import ROOT, is_subdomain, parent, wildcard_of
from holdfast.dns.rdata import canonical, rdata_name
from holdfast.dns.rrset import RRset
from holdfast.lab.internet import Internet

LINKS = 20  # of an alias chain in an answer; the engine follows fewer


class Truth:
    """All data of all zones."""

    def __init__(self, internet: Internet) -> None:
        # A zone cut has NS and NSEC on both sides, each a whole RRset of its own zone.
        self._data: dict[tuple[bytes, int], list[set[bytes]]] = {}
        self._ttls: dict[tuple[bytes, int], int] = {}
        self._names: set[bytes] = set()
        for zone in internet.zones.values():
            for name, node in zone.nodes.items():
                self._add_name(name)
                for rrset in node.values():
                    self._add(rrset)
            for rrset in zone.chain:
                self._add(rrset)

    def _add_name(self, name: bytes) -> None:
        while name not in self._names:
            self._names.add(name)
            name = parent(name)

    def _add(self, rrset: RRset) -> None:
        key = (rrset.name, rrset.rtype)
        self._data.setdefault(key, []).append({canonical(rrset.rtype, rdata) for rdata in rrset.rdatas})
        self._ttls[key] = max(rrset.ttl, self._ttls.get(key, 0))

    def complaint(self, question: Question, message: Message) -> str:
        """Return what is wrong with an answer that claims to be authentic; empty if nothing is."""
        for rrset in message.answer:
            wrong = self._wrong_rrset(rrset, message.answer)
            if wrong:
                return wrong
        name = self._end_of_chain(question, message)
        found = any(rrset.name == name and rrset.rtype == question.qtype for rrset in message.answer)
        if message.rcode == RCODE_NXDOMAIN and name in self._names:
            return f"NXDOMAIN for {name!r}, which exists"
        # A zone cut has an NSEC in the parent, and in the child only if that uses NSEC as well.
        if not found and question.qtype not in (TYPE_ANY, TYPE_NSEC) and (name, question.qtype) in self._data:
            return f"no data for {name!r} {question.qtype}, which exists"
        return ""

    def _wrong_rrset(self, rrset: RRset, answer: list[RRset]) -> str:
        key = self._source(rrset.name, rrset.rtype)
        if key is None:
            if rrset.rtype == TYPE_CNAME and any(
                one.rtype == TYPE_DNAME and is_subdomain(rrset.name, one.name) for one in answer
            ):
                return ""
            return f"{rrset.name!r} {rrset.rtype} does not exist"
        if {canonical(rrset.rtype, rdata) for rdata in rrset.rdatas} not in self._data[key]:
            return f"wrong data in {rrset.name!r} {rrset.rtype}"
        if rrset.ttl > self._ttls[key]:
            return f"TTL {rrset.ttl} of {rrset.name!r} {rrset.rtype} exceeds {self._ttls[key]}"
        return ""

    def _source(self, name: bytes, rtype: int) -> tuple[bytes, int] | None:
        """The RRset in the zones that (name, rtype) comes from, directly or by a wildcard."""
        if (name, rtype) in self._data:
            return (name, rtype)
        if name in self._names:
            return None
        while name != ROOT and name not in self._names:
            name = parent(name)
        key = (wildcard_of(name), rtype)
        return key if key in self._data else None

    def _end_of_chain(self, question: Question, message: Message) -> bytes:
        name = question.qname
        if question.qtype in (TYPE_CNAME, TYPE_ANY):
            return name
        for _ in range(LINKS):
            target = next((one for one in message.answer if one.name == name and one.rtype == TYPE_CNAME), None)
            if target is None:
                break
            name = rdata_name(TYPE_CNAME, target.rdatas[0])
        return name
