"""Whether the NSEC or NSEC3 chain of a zone is complete and says what is there: link by link, without cryptography.

What a chain has to look like follows from the data (RFC 4034 section 4, RFC 5155 section 7.1). Some questions are then
put to the resolver's own proofs, so that gate and resolver cannot come to differ.
"""

from bisect import bisect_left
from collections.abc import Iterator

from holdfast.base.limits import NSEC3_ITERATIONS
from holdfast.cache.denial_cache import base32hex_label
from holdfast.dns import iana
from holdfast.dns.name import to_text, wildcard_of
from holdfast.dns.rdata import NSEC3, bitmap_types, parse_nsec, parse_nsec3
from holdfast.dns.rrset import RRset
from holdfast.dnssec.denial import NOT_PROVEN, nsec3_hash, prove_nodata, prove_nxdomain
from holdfast.dnssec.work_budget import WorkBudget
from holdfast.registry.denial_chain import nsec3_bitmaps, type_bitmap, visible_types
from holdfast.registry.findings import ERROR, WARNING, Finding
from holdfast.registry.zone import OCCLUDED, Nsec3Parameters, Zone

_NEGATIVE = "every validating resolver, for negative answers in this part of the zone"
_EVERY_NEGATIVE = "every validating resolver, for every negative answer of the zone"
_NOBODYS_LABEL = b"\x20holdfast-no-such-name-0123456789"  # asked for in the resolver's own proof


def check_chain(zone: Zone) -> Iterator[Finding]:
    """Yield what is wrong with the denial chain."""
    if zone.nsec3 is None and iana.TYPE_NSEC not in zone.apex:
        yield Finding(
            ERROR,
            "chain.none",
            zone.name,
            0,
            "the zone has neither NSEC nor NSEC3 records",
            _EVERY_NEGATIVE,
            info_code=iana.EDE_NSEC_MISSING,
        )
        return
    if zone.nsec3 is not None:
        yield from _check_nsec3(zone, zone.nsec3)
    else:
        yield from _check_nsec(zone)
    yield from _check_ttl(zone)
    yield from _ask_the_resolver(zone)


def _problem(check: str, owner: bytes, rtype: int, text: str, code: int = iana.EDE_NSEC_MISSING) -> Finding:
    return Finding(ERROR, check, owner, rtype, text, _NEGATIVE, info_code=code)


def _check_nsec(zone: Zone) -> Iterator[Finding]:
    links: list[tuple[bytes, list[int], RRset | None]] = []
    for name, node, kind in zone.walk():
        rrset = node.get(iana.TYPE_NSEC)
        if kind != OCCLUDED:
            links.append((name, [*visible_types(node, kind), iana.TYPE_NSEC, iana.TYPE_RRSIG], rrset))
        elif rrset is not None:
            yield _problem("chain.nsec-extra", name, iana.TYPE_NSEC, "an NSEC record where the zone has no name")
    for at, (name, types, rrset) in enumerate(links):
        if rrset is None or not rrset.rdatas:
            yield _problem("chain.nsec-missing", name, iana.TYPE_NSEC, "the name has no NSEC record")
            continue
        nsec = parse_nsec(rrset.rdatas[0])
        if nsec is None or len(rrset.rdatas) > 1:
            yield _problem("chain.nsec-malformed", name, iana.TYPE_NSEC, "not exactly one well-formed NSEC record")
            continue
        following = links[(at + 1) % len(links)][0]
        if nsec.next_name != following:
            text = f"the next name is {to_text(nsec.next_name)}, and should be {to_text(following)}"
            yield _problem("chain.nsec-next", name, iana.TYPE_NSEC, text)
        if nsec.bitmap != type_bitmap(types):
            text = _bitmap_difference(nsec.bitmap, types)
            yield _problem("chain.nsec-bitmap", name, iana.TYPE_NSEC, text, iana.EDE_DNSSEC_BOGUS)


def _bitmap_difference(bitmap: bytes, expected: list[int]) -> str:
    said = set(bitmap_types(bitmap))
    lacks = [iana.type_name(rtype) for rtype in sorted(set(expected) - said)]
    invents = [iana.type_name(rtype) for rtype in sorted(said - set(expected))]
    parts = [f"lacks {' '.join(lacks)}"] if lacks else []
    parts += [f"claims {' '.join(invents)}"] if invents else []
    return "the type bitmap " + (" and ".join(parts) or "is not in its canonical form")


def _check_nsec3(zone: Zone, parameters: Nsec3Parameters) -> Iterator[Finding]:
    yield from _check_parameters(zone, parameters)
    every = nsec3_bitmaps(zone, opt_out=False)
    needed = nsec3_bitmaps(zone, opt_out=True)
    records: dict[bytes, tuple[RRset, NSEC3]] = {}
    for label, rrset in zip(zone.chain_keys, zone.chain, strict=True):
        nsec3 = parse_nsec3(rrset.rdatas[0]) if len(rrset.rdatas) == 1 else None
        if nsec3 is None or rrset.name[1 + rrset.name[0] :] != zone.name:
            text = "not exactly one well-formed NSEC3 record directly below the apex"
            yield _problem("chain.nsec3-malformed", rrset.name, iana.TYPE_NSEC3, text)
            continue
        records[label] = (rrset, nsec3)
    yield from _check_links(zone, parameters, list(records.items()))
    covering = _Covering(records)
    for name, bitmap in every.items():
        label = base32hex_label(nsec3_hash(name, parameters.salt, parameters.iterations))
        found = records.pop(label, None)
        if found is None:
            if name in needed or not covering.opt_out(label):
                yield _missing_nsec3(zone, name, label)
        elif found[1].bitmap != bitmap:
            text = f"{_bitmap_difference(found[1].bitmap, bitmap_types(bitmap))} (it is for {to_text(name)})"
            yield _problem("chain.nsec3-bitmap", found[0].name, iana.TYPE_NSEC3, text, iana.EDE_DNSSEC_BOGUS)
    for rrset, _ in records.values():
        text = "an NSEC3 record for a name that the zone does not have"
        yield _problem("chain.nsec3-extra", rrset.name, iana.TYPE_NSEC3, text)


def _missing_nsec3(zone: Zone, name: bytes, label: bytes) -> Finding:
    whole = name == zone.name
    return Finding(
        ERROR,
        "chain.nsec3-missing",
        bytes([len(label)]) + label + zone.name,
        iana.TYPE_NSEC3,
        f"the NSEC3 record for {to_text(name)} is missing",
        _EVERY_NEGATIVE if whole else _NEGATIVE,
        info_code=iana.EDE_NSEC_MISSING,
    )


class _Covering:
    """Which record covers a hash that has none, asked in any order."""

    def __init__(self, records: dict[bytes, tuple[RRset, NSEC3]]) -> None:
        self._flags = [(label, nsec3.flags) for label, (_, nsec3) in records.items()]
        self._labels = [label for label, _ in self._flags]

    def opt_out(self, label: bytes) -> bool:
        """Say whether the covering record has the opt-out flag, so that unsigned delegations may have no record."""
        if not self._labels:
            return False
        flags = self._flags[bisect_left(self._labels, label) - 1][1]
        return flags & iana.NSEC3_FLAG_OPT_OUT != 0


def _check_parameters(zone: Zone, parameters: Nsec3Parameters) -> Iterator[Finding]:
    param = zone.apex.get(iana.TYPE_NSEC3PARAM)
    if param is None or not param.rdatas:
        text = "NSEC3 records but no NSEC3PARAM: servers cannot find the proofs (RFC 5155 section 7.3)"
        yield _problem("chain.no-nsec3param", zone.name, iana.TYPE_NSEC3PARAM, text)
    elif param.rdatas[0][0] != iana.NSEC3_HASH_SHA1 or param.rdatas[0][1] != 0:
        text = f"hash algorithm {param.rdatas[0][0]} with flags {param.rdatas[0][1]}; servers use 1 with 0 only"
        yield _problem("chain.nsec3param", zone.name, iana.TYPE_NSEC3PARAM, text)
    if parameters.iterations > NSEC3_ITERATIONS:
        yield Finding(
            ERROR,
            "chain.iterations",
            zone.name,
            iana.TYPE_NSEC3PARAM,
            f"{parameters.iterations} iterations; resolvers treat the zone as insecure above some limit, "
            f"{NSEC3_ITERATIONS} here (RFC 9276 section 3.2)",
            "no resolver, but negative answers are insecure or refused",
            info_code=iana.EDE_UNSUPPORTED_NSEC3_ITERATIONS,
        )
    elif parameters.iterations or parameters.salt:
        text = f"{parameters.iterations} iterations and {len(parameters.salt)} octets of salt; RFC 9276 wants none"
        yield Finding(WARNING, "chain.rfc9276", zone.name, iana.TYPE_NSEC3PARAM, text)


def _check_links(
    zone: Zone, parameters: Nsec3Parameters, records: list[tuple[bytes, tuple[RRset, NSEC3]]]
) -> Iterator[Finding]:
    for at, (_, (rrset, nsec3)) in enumerate(records):
        following = records[(at + 1) % len(records)][0]
        if base32hex_label(nsec3.next_hash) != following:
            text = f"the next hash is {base32hex_label(nsec3.next_hash).decode()}, and should be {following.decode()}"
            yield _problem("chain.nsec3-next", rrset.name, iana.TYPE_NSEC3, text)
        if (
            nsec3.hash_algorithm != iana.NSEC3_HASH_SHA1
            or nsec3.iterations != parameters.iterations
            or nsec3.salt != parameters.salt
        ):
            text = "hash algorithm, iterations or salt differ from those of NSEC3PARAM"
            yield _problem("chain.nsec3-parameters", rrset.name, iana.TYPE_NSEC3, text)
        if nsec3.flags & ~iana.NSEC3_FLAG_OPT_OUT:
            text = f"unknown flags {nsec3.flags}: validators ignore the record (RFC 5155 section 8.2)"
            yield _problem("chain.nsec3-flags", rrset.name, iana.TYPE_NSEC3, text)


def _check_ttl(zone: Zone) -> Iterator[Finding]:
    expected = zone.negative_ttl_s()
    wrong = next((rrset for rrset in zone.chain if rrset.ttl != expected), None)
    if wrong is not None:
        text = f"the TTL is {wrong.ttl}, and should be {expected}, the negative TTL of the SOA (RFC 9077)"
        yield Finding(WARNING, "chain.ttl", wrong.name, wrong.rtype, text)


def _ask_the_resolver(zone: Zone) -> Iterator[Finding]:
    """Put questions that the zone answers negatively to the code that resolvers judge by."""
    nsec = zone.chain if zone.nsec3 is None else []
    questions = [(zone.name, iana.TYPE_NXNAME)]
    if not _answers_everything(zone):
        questions.append((_NOBODYS_LABEL + zone.name, 0))
    for name, rtype in questions:
        records = _proof_records(zone, name)
        own, hashed = (records, []) if nsec else ([], records)
        if rtype:
            proof = prove_nodata(name, rtype, zone.name, own, hashed, WorkBudget(), NSEC3_ITERATIONS)
        else:
            proof = prove_nxdomain(name, zone.name, own, hashed, WorkBudget(), NSEC3_ITERATIONS)
        if proof.result == NOT_PROVEN:
            text = proof.cause.extra_text if proof.cause is not None else "no proof"
            code = proof.cause.info_code if proof.cause is not None else iana.EDE_NSEC_MISSING
            yield Finding(ERROR, "chain.not-proven", name, rtype, text, _EVERY_NEGATIVE, info_code=code)


def _answers_everything(zone: Zone) -> bool:
    """Say whether no name below the apex is without an answer: a wildcard, be it empty, or a DNAME sees to that."""
    wildcard = wildcard_of(zone.name)
    return iana.TYPE_DNAME in zone.apex or any(name.endswith(wildcard) for name in zone.nodes)


def _proof_records(zone: Zone, name: bytes) -> list[RRset]:
    """Return what a server would send to deny a name directly below the apex, or a type at the apex."""
    names = [zone.name] if name == zone.name else [zone.name, name, wildcard_of(zone.name)]
    found: list[RRset] = []
    for one in names:
        rrset = zone.covering(one)
        if rrset is not None and rrset not in found:
            found.append(rrset)
    return found
