"""Single observations that speak for or against an explanation: each a function from what was seen to sentences.

An attacker who sits on the only path to all servers can imitate any mistake of a registry. So these signs are about
what such an attacker would have to get right at the same time; `verdict` says which of them it takes.
"""

from holdfast.dns.iana import (
    ALGORITHM_ED448,
    ALGORITHM_ED25519,
    ALGORITHM_RSASHA1,
    ALGORITHM_RSASHA1_NSEC3_SHA1,
    ALGORITHM_RSASHA256,
    ALGORITHM_RSASHA512,
    TYPE_DNSKEY,
    TYPE_NSEC,
    TYPE_NSEC3,
    TYPE_SOA,
    type_name,
)
from holdfast.dns.name import to_text
from holdfast.dns.rdata import canonical, parse_rrsig
from holdfast.dnssec.signature_time import seconds_between, utc_text
from holdfast.evidence.bundle import SERVER, Known
from holdfast.evidence.examine import (
    GOOD,
    INVALID,
    UNTIMELY,
    Examination,
    Sighting,
    Source,
    serial_of,
    signatures_of,
)

LAG_S = 900  # secondaries get a new zone within minutes; one that is older than this is not merely late
SIGNS = 4  # sentences of one kind that are given; the others repeat them

# The same data signed twice by one of these gives the same octets, so other octets were changed after signing.
DETERMINISTIC = (
    ALGORITHM_RSASHA1,
    ALGORITHM_RSASHA1_NSEC3_SHA1,
    ALGORITHM_RSASHA256,
    ALGORITHM_RSASHA512,
    ALGORITHM_ED25519,
    ALGORITHM_ED448,
)
_CHAIN = (TYPE_NSEC, TYPE_NSEC3)  # changes with every delegation that comes or goes
_CHANGING = (TYPE_SOA, TYPE_DNSKEY, *_CHAIN)  # has signs of its own


def where(examination: Examination, source: Source) -> str:
    """Return a source for a sentence."""
    place = examination.bundle.places[source[0]]
    return f"{place.name} ({place.address}, {source[1].upper()})"


def serials(examination: Examination) -> dict[Source, list[int]]:
    """Return the different SOA serials that each source showed, in order."""
    found: dict[Source, list[int]] = {}
    for sighting in examination.sightings:
        serial = serial_of(sighting)
        if serial >= 0 and serial not in found.setdefault(sighting.source, []):
            found[sighting.source].append(serial)
    return found


def known_serial(examination: Examination) -> tuple[int, int]:
    """Return the serial of the SOA that was validated last, and when; -1 if none is known."""
    for known in examination.bundle.known:
        if known.rtype == TYPE_SOA and known.name == examination.zone and known.rdatas:
            return int.from_bytes(known.rdatas[0][-20:-16]), known.validated_s
    return -1, 0


def _data(known: Known) -> set[bytes]:
    """Return the records in the form that sightings have; sets, as they are only compared."""
    return {canonical(known.rtype, rdata) for rdata in known.rdatas}


# -- attack -----------------------------------------------------------------------------------------------------------


def altered_signatures(examination: Examination) -> list[str]:
    """Find signatures that were validated before with other octets: same data, key tag and times, deterministic."""
    before = {(one.name, one.rtype): one for one in examination.bundle.known}
    found: dict[str, None] = {}
    for sighting in examination.of_servers():
        known = before.get((sighting.name, sighting.rtype))
        if known is None or sighting.judgement.state != INVALID or _data(known) != set(sighting.data):
            continue
        for rrsig in signatures_of(sighting):
            for old in map(parse_rrsig, known.signatures):
                if old is None or old.rdata_prefix != rrsig.rdata_prefix or old.signature == rrsig.signature:
                    continue
                if rrsig.algorithm in DETERMINISTIC:
                    found[
                        f"the signature over {sighting.subject} by key {rrsig.key_tag} was validated at "
                        f"{utc_text(known.validated_s)} with other octets: it was changed after it was made"
                    ] = None
    return list(found)[:SIGNS]


def two_valid_contents(examination: Examination, same_serial: bool) -> list[str]:
    """Find RRsets of which two different contents verify: in one version of the zone only one of them can be true."""
    by_source = serials(examination)
    first: dict[tuple[object, ...], Sighting] = {}
    found: dict[str, None] = {}
    for sighting in examination.sightings:
        if not sighting.judgement.good or sighting.rtype == TYPE_DNSKEY:
            continue
        versions = by_source.get(sighting.source, [])
        if same_serial and len(versions) != 1:
            continue
        if not same_serial and (sighting.rtype == TYPE_SOA or sighting.rtype in _CHAIN):
            continue
        key = (sighting.name, sighting.rtype, versions[0] if same_serial else 0)
        other = first.setdefault(key, sighting)
        if other.data != sighting.data:
            serial = f" with serial {versions[0]}" if same_serial else ""
            found[
                f"{sighting.subject} has different contents that both verify{serial}: at "
                f"{where(examination, other.source)} and {where(examination, sighting.source)}"
            ] = None
    return list(found)[:SIGNS]


def older_than_validated(examination: Examination) -> tuple[list[str], list[str]]:
    """Compare serials with the one that was validated last: sentences if all are older, and the servers that are."""
    serial, validated_s = known_serial(examination)
    if serial < 0:
        return [], []
    behind: list[Source] = []
    current = 0
    for source, shown in serials(examination).items():
        if examination.bundle.places[source[0]].kind != SERVER:
            continue
        if all(seconds_between(one, serial) > 0 for one in shown):
            behind.append(source)
        else:
            current += 1
    if behind and not current:
        text = f"every server shows a zone older than serial {serial}, which was validated at {utc_text(validated_s)}"
        return [text], []
    if examination.bundle.started_s - validated_s < LAG_S:
        return [], []
    return [], sorted({examination.bundle.places[place].name for place, _ in behind})


def contradictions(examination: Examination, proven: bool) -> list[str]:
    """Find data that say something else than what was validated before, themselves ``proven`` by signatures or not."""
    found: dict[str, None] = {}
    before = {(one.name, one.rtype): one for one in examination.bundle.known if one.rtype not in _CHANGING}
    for sighting in examination.of_servers():
        known = before.get((sighting.name, sighting.rtype))
        if known is None or not sighting.data or sighting.judgement.good != proven:
            continue
        if _data(known) != set(sighting.data):
            found[_contradiction(known, sighting.subject, "has other records" if known.rdatas else "is there")] = None
    questions = examination.bundle.questions
    for reply, was_proven in examination.denied:
        question = questions[reply.question]
        known = before.get((question.name, question.rtype))
        if known is not None and known.rdatas and was_proven == proven:
            subject = f"{to_text(question.name)}/{type_name(question.rtype)}"
            found[_contradiction(known, subject, "is denied")] = None
    return list(found)[:SIGNS]


def _contradiction(known: Known, subject: str, what: str) -> str:
    return f"{subject} {what}, unlike what was validated at {utc_text(known.validated_s)}"


# -- path -------------------------------------------------------------------------------------------------------------


def transports_differ(examination: Examination) -> tuple[list[str], bool]:
    """Find RRsets that verify over one transport and not over the other at one address; whether their data differ."""
    seen: dict[tuple[object, ...], Sighting] = {}
    found: dict[str, None] = {}
    data_differ = False
    for sighting in examination.of_servers():
        key = (sighting.reply.place, sighting.name, sighting.rtype, serial_of(sighting))
        other = seen.setdefault(key, sighting)
        if other.reply.transport == sighting.reply.transport or other.judgement.good == sighting.judgement.good:
            continue
        bad, good = (sighting, other) if other.judgement.good else (other, sighting)
        data_differ = data_differ or bad.data != good.data
        found[
            f"{sighting.subject} at {examination.bundle.places[sighting.reply.place].address} verifies over "
            f"{good.reply.transport.upper()} and not over {bad.reply.transport.upper()}"
        ] = None
    return list(found)[:SIGNS], data_differ


def unstable_signatures(examination: Examination) -> list[str]:
    """Find signatures that differ from answer to answer, although data, key tag and times are the same."""
    first: dict[tuple[object, ...], Sighting] = {}
    found: dict[str, None] = {}
    for sighting in examination.of_servers():
        if sighting.judgement.state != INVALID:
            continue
        for rrsig in signatures_of(sighting):
            if rrsig.algorithm not in DETERMINISTIC:
                continue
            key = (sighting.name, sighting.rtype, sighting.data, rrsig.rdata_prefix)
            other = first.setdefault(key, sighting)
            if rrsig.signature not in [one.signature for one in signatures_of(other)]:
                found[f"the bad signature over {sighting.subject} has other octets from answer to answer"] = None
    return list(found)[:SIGNS]


def families_differ(examination: Examination) -> list[str]:
    """Find that all servers are bad over one address family and good over the other."""
    by_family: dict[bool, dict[str, bool]] = {False: {}, True: {}}
    for sighting in examination.of_servers():
        place = examination.bundle.places[sighting.reply.place]
        family = by_family[":" in place.address]
        family[place.name] = family.get(place.name, True) and sighting.judgement.good
    four, six = by_family[False], by_family[True]
    both = [name for name in four if name in six]
    if len(both) < 2:
        return []
    for bad, good, text in ((four, six, "IPv4 and not over IPv6"), (six, four, "IPv6 and not over IPv4")):
        if all(not bad[name] for name in both) and all(good[name] for name in both):
            return [f"all {len(both)} servers fail over {text}"]
    return []


# -- registry ---------------------------------------------------------------------------------------------------------


def bad_everywhere(examination: Examination) -> list[Sighting]:
    """Return, one of each, the RRsets that do not verify at any server that answers."""
    places = examination.bundle.places
    answering = {places[place].name for place, _ in examination.answered if places[place].kind == SERVER}
    at: dict[tuple[bytes, int], set[str]] = {}
    bad: dict[tuple[bytes, int], Sighting] = {}
    for sighting in examination.of_servers():
        key = (sighting.name, sighting.rtype)
        if not sighting.judgement.good:
            at.setdefault(key, set()).add(places[sighting.reply.place].name)
            bad.setdefault(key, sighting)
    return [sighting for key, sighting in bad.items() if at[key] == answering]


def mixed_signatures(examination: Examination) -> list[str]:
    """Find keys by which some signatures verify and others do not: whoever breaks everything alike does not do that."""
    good: dict[int, dict[str, None]] = {}
    bad: dict[int, dict[str, None]] = {}
    for sighting in examination.of_servers():
        judgement = sighting.judgement
        if sighting.rtype != TYPE_DNSKEY and judgement.state in (GOOD, INVALID):
            (good if judgement.good else bad).setdefault(judgement.key_tag, {})[sighting.subject] = None
    return [
        f"by key {tag}, {len(good[tag])} RRsets verify and {len(bad[tag])} do not: its signatures are mixed in one zone"
        for tag in sorted(bad)
        if tag in good
    ]


def rolled_keys(examination: Examination) -> list[str]:
    """Find RRsets that were validated by one key and are signed later, badly, by another that the zone publishes."""
    before = {(one.name, one.rtype): one for one in examination.bundle.known}
    found: dict[str, None] = {}
    for sighting in examination.of_servers():
        known = before.get((sighting.name, sighting.rtype))
        if known is None or sighting.judgement.state != INVALID:
            continue
        old = [one for one in map(parse_rrsig, known.signatures) if one is not None]
        tags = {one.key_tag for one in old}
        newest = max((one.inception for one in old), default=0)
        for rrsig in signatures_of(sighting):
            if tags and rrsig.key_tag not in tags and seconds_between(newest, rrsig.inception) > 0:
                found[
                    f"{sighting.subject} was validated by key {min(tags)} before and is signed by key {rrsig.key_tag} "
                    "since: the zone changed its key"
                ] = None
    return list(found)[:SIGNS]


def same_keys_as_before(examination: Examination) -> list[str]:
    """Find that the unanchored DNSKEY RRset is the one that was validated before, signed anew after the parent's DS."""
    parent = examination.bundle.parent
    signed = [one.inception for one in map(parse_rrsig, parent.ds_signatures) if one is not None]
    for known in examination.bundle.known:
        if known.rtype != TYPE_DNSKEY or known.name != examination.zone:
            continue
        sightings = [one for one in examination.of_servers() if one.rtype == TYPE_DNSKEY]
        same = [one for one in sightings if set(one.data) == _data(known)]
        later = [
            rrsig
            for one in same
            for rrsig in signatures_of(one)
            if signed and seconds_between(max(signed), rrsig.inception) > 0
        ]
        verified = [one for one in same if examination.verifies_known(one, known.rdatas)]
        if same and len(same) == len(sightings) and later and verified:
            at = utc_text(known.validated_s)
            return [
                f"the DNSKEY RRset is the one that was validated at {at}, signed anew after the parent changed its DS"
            ]
    return []


def only_untimely(examination: Examination) -> bool:
    """Tell whether all that is bad is cryptographically valid and merely out of its time: old, or old and replayed."""
    bad = [one.judgement.state for one in examination.of_servers() if not one.judgement.good]
    return bool(bad) and all(state == UNTIMELY for state in bad)


def went_back(examination: Examination) -> list[str]:
    """Find addresses that showed an older zone after a newer one."""
    newest: dict[int, tuple[int, int]] = {}
    found: dict[str, None] = {}
    shown = [one for one in examination.of_servers() if serial_of(one) >= 0]
    for sighting in sorted(shown, key=lambda one: one.reply.at_ms):
        serial = serial_of(sighting)
        place = sighting.reply.place
        before = newest.get(place)
        if before is None or seconds_between(before[0], serial) >= 0:
            newest[place] = (serial, sighting.reply.at_ms)
        elif sighting.reply.at_ms > before[1]:
            found[f"{where(examination, sighting.source)} showed serial {serial} after {before[0]}"] = None
    return list(found)[:SIGNS]
