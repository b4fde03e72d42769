"""The verdict on a zone that does not validate: whose fault it is, with reasons (RFC 7646 sections 2 and 7).

A resolver sees the world from one place. Whoever is on its path to a zone that is well can make of what the zone's
servers say whatever a broken zone would say: nothing in a bad signature shows who made it bad, and what was validated
before only says what he has to leave alone. So "registry failure" takes a vantage point that saw the same, over a way
that he cannot change; what fits a registry's mistake without that is undecidable, with reasons (docs/trust-control.md).
"""

from dataclasses import dataclass

from holdfast.dns.iana import TYPE_DNSKEY, TYPE_NSEC, TYPE_NSEC3
from holdfast.dns.name import to_text
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.evidence import signs
from holdfast.evidence.bundle import APEX, VANTAGE, Bundle
from holdfast.evidence.elsewhere import Elsewhere, delegation_differs, look_elsewhere
from holdfast.evidence.examine import UNDECIDED, Examination, Sighting
from holdfast.evidence.table import CLEAN, DIRTY, SILENT, UNCLEAR, Row, ServerState, rows_of, server_states

REGISTRY_FAILURE = "registry failure"
PATH_PROBLEM = "path problem"
BAD_SERVER = "bad server"
ATTACK = "attack"
UNDECIDABLE = "undecidable"
FINE = "fine"
VERDICTS = (REGISTRY_FAILURE, PATH_PROBLEM, BAD_SERVER, ATTACK, UNDECIDABLE, FINE)

NOBODYS_KEYS = "no DNSKEY RRset is one that the parent's DS vouches for: whose keys these are cannot be told from here"
NAMED = 6  # RRsets that a sentence names; the table has the others

ADVICE = {
    REGISTRY_FAILURE: "a negative trust anchor is for this; tell the registry, and let the recheck end it",
    PATH_PROBLEM: "look at the path: firewalls, middleboxes, MTU, the upstream network; a negative trust anchor would"
    " hide the problem, not solve it",
    BAD_SERVER: "none is needed: other servers of the zone answer well, and resolvers ask them; tell the operator",
    ATTACK: "do not turn validation off: it protects the clients now; ask the registry, and look from elsewhere",
    UNDECIDABLE: "find out before you turn validation off: ask the registry, or look from another network: `holdfast "
    "nta check {zone} --vantage-point tls://9.9.9.9#dns.quad9.net` (or another resolver; tunnel://ADDRESS over a "
    "tunnel of yours). When you know that it is the registry's mistake: "
    '`holdfast nta add {zone} --reason "WHY" --confirmed "HOW YOU KNOW"`',
    FINE: "none is needed; if names still fail, look at the zones below (`holdfast query NAME --explain`)",
}


@dataclass(frozen=True)
class Report:
    """The judgement of a bundle: verdict, reasons in order of weight, the table, the servers, and what to do."""

    zone: str
    verdict: str
    reasons: tuple[str, ...]
    advice: str
    rows: tuple[Row, ...]
    servers: tuple[ServerState, ...]
    vantage_points: int
    anchored: bool
    signed: bool  # the parent vouches for keys of the zone


def judge(bundle: Bundle, verifier: SignatureVerifier) -> Report:
    """Judge a bundle: deterministic, without clock or network."""
    examination = Examination(bundle, verifier)
    states = server_states(examination)
    verdict, reasons = _verdict(examination, states)
    return Report(
        zone=to_text(bundle.zone),
        verdict=verdict,
        reasons=tuple(reasons),
        advice=ADVICE[verdict].format(zone=to_text(bundle.zone)),
        rows=tuple(rows_of(examination)),
        servers=tuple(states),
        vantage_points=len([one for one in bundle.places if one.kind == VANTAGE]),
        anchored=examination.anchored,
        signed=not _not_validated(examination),
    )


def _verdict(examination: Examination, states: list[ServerState]) -> tuple[str, list[str]]:
    parent = examination.bundle.parent
    zone = to_text(examination.zone)
    if _not_validated(examination):
        return FINE, [f"{zone} is not validated anyway: {parent.text or 'its parent has no DS record for it'}"]
    if parent.status in ("bogus", "failed"):
        text = f"its parent {to_text(parent.zone)} does not say reliably which keys {zone} has: {parent.text}"
        return UNDECIDABLE, [text, f"check {to_text(parent.zone)} first"]
    answering = [one for one in states if one.state != SILENT]
    if not answering:
        return PATH_PROBLEM, [f"none of the {len(states)} servers answers: {_errors(states)}"]
    if any(one.judgement.state == UNDECIDED for one in examination.sightings):
        return UNDECIDABLE, ["the limit on signature checks was reached: there are too many different answers"]
    attack = _attack(examination)
    if attack:
        return ATTACK, attack
    if not any(one.state == DIRTY for one in states):
        return _when_nothing_is_bad(examination, states)
    elsewhere = look_elsewhere(examination)
    path = _path(examination, elsewhere)
    if path:
        return PATH_PROBLEM, path
    clean = [one.name for one in states if one.state == CLEAN]
    if clean:
        bad = [f"{one.name}: {one.text}" for one in states if one.state == DIRTY]
        return BAD_SERVER, [*bad, f"{len(clean)} of {len(states)} servers are well: {', '.join(clean)}"]
    return _registry(examination, states, elsewhere)


def _not_validated(examination: Examination) -> bool:
    """Tell whether resolvers treat the zone as unsigned, whatever it signs."""
    parent = examination.bundle.parent
    if parent.anchors:
        return examination.unsupported
    return (
        parent.status in ("insecure", "indeterminate")
        or (parent.status == "secure" and not parent.ds)
        or (examination.unsupported)
    )


def _errors(states: list[ServerState]) -> str:
    return ", ".join(sorted({one.text for one in states if one.text})) or "no reply"


def _attack(examination: Examination) -> list[str]:
    """Return what an honest zone on an honest path does not do."""
    reasons = signs.altered_signatures(examination)
    reasons += signs.two_valid_contents(examination, same_serial=True)
    if reasons and not any(not one.judgement.good for one in examination.of_servers()):
        reasons.append("all of it verifies, so whoever made it has a key of the zone: it may be stolen")
    older, _ = signs.older_than_validated(examination)
    if older:
        reasons += [*older, "signatures of an older zone may be good: this looks like a replay"]
    reasons += signs.contradictions(examination, proven=False)
    differ, data_differ = signs.transports_differ(examination)
    if data_differ:
        reasons += [*differ, "the data differ as well, not only the signatures"]
    return reasons


def _path(examination: Examination, elsewhere: Elsewhere) -> list[str]:
    """Return what points to something between the servers and here."""
    differ, _ = signs.transports_differ(examination)
    reasons = [*differ, *signs.unstable_signatures(examination), *signs.families_differ(examination)]
    reasons += elsewhere.altered
    return reasons if elsewhere.same else [*reasons, *elsewhere.well]


def _when_nothing_is_bad(examination: Examination, states: list[ServerState]) -> tuple[str, list[str]]:
    """Everything verifies: fine, unless what verifies is not of one piece."""
    doubts = signs.two_valid_contents(examination, same_serial=False)
    doubts += signs.contradictions(examination, proven=True)
    if doubts:
        doubts.append("everything verifies: the zone may be changing, or a key of it is stolen; the data do not tell")
    _, behind = signs.older_than_validated(examination)
    if behind:
        serial, _ = signs.known_serial(examination)
        doubts.append(f"{', '.join(behind)}: a zone older than serial {serial}, which was validated: late, or a replay")
    doubts += signs.went_back(examination)
    clean = [one.name for one in states if one.state == CLEAN]
    if doubts:
        return UNDECIDABLE, doubts
    if 3 * len(clean) < 2 * len(states):
        others = [f"{one.name}: {one.state} ({one.text})" for one in states if one.state != CLEAN]
        return UNDECIDABLE, [f"only {len(clean)} of {len(states)} servers answered everything", *others]
    reasons = [f"everything that {len(clean)} of {len(states)} servers said verifies"]
    if not examination.bundle.known and not examination.of_vantage_points():
        reasons.append("nothing was validated here before and no vantage point was asked: a stolen key would not show")
    return FINE, reasons


def _registry(examination: Examination, states: list[ServerState], elsewhere: Elsewhere) -> tuple[str, list[str]]:
    """No server is well: weigh whether the zone itself is at fault."""
    everywhere = signs.bad_everywhere(examination)
    answering = [one for one in states if one.state != SILENT]
    reasons: list[str] = []
    against: list[str] = []
    if everywhere:
        reasons += [_bad(examination, one, len(answering)) for one in everywhere[:NAMED]]
        if len(everywhere) > NAMED:
            reasons.append(f"{len(everywhere) - NAMED} more RRsets do not verify at any server")
    else:
        against.append("no RRset is bad at all servers alike")
    unclear = [one.name for one in states if one.state in (SILENT, UNCLEAR)]
    if 2 * len(unclear) > len(states):
        against.append(f"{len(unclear)} of {len(states)} servers did not answer everything")
    paths = len({one.source for one in examination.of_servers()})
    if paths < 2:
        against.append("there was one address and one transport only: nothing to compare with")
    against += _keys(examination, elsewhere, reasons)
    against += signs.two_valid_contents(examination, same_serial=False)
    against += signs.contradictions(examination, proven=True)
    reasons += elsewhere.same
    reasons += [*signs.mixed_signatures(examination), *signs.rolled_keys(examination)]
    if paths > 1:
        reasons.append(f"all of it is the same, octet for octet, over {paths} pairs of address and transport")
    reasons += _history(examination)
    if elsewhere.confirms and not against:
        return REGISTRY_FAILURE, reasons
    return UNDECIDABLE, [*_unconfirmed(examination, elsewhere, not against), *against, *reasons]


def _keys(examination: Examination, elsewhere: Elsewhere, reasons: list[str]) -> list[str]:
    """Add what the keys say for a mistake of the registry to ``reasons``; returns what they say against it."""
    keys = [one for one in examination.of_servers() if one.rtype == TYPE_DNSKEY]
    if not examination.anchored:
        before = signs.same_keys_as_before(examination)
        reasons += before
        if elsewhere.same:
            return delegation_differs(examination)
        return [] if before else [NOBODYS_KEYS]
    if not all(one.judgement.good for one in keys):
        return ["the DNSKEY RRset does not verify everywhere"]
    if keys:
        tag = keys[0].judgement.key_tag
        reasons.append(f"the DNSKEY RRset verifies at every server with key {tag}, which the parent's DS names")
    return []


def _history(examination: Examination) -> list[str]:
    """Return what was validated before and is not contradicted: anybody on the path can see to that, too."""
    reasons: list[str] = []
    compared = [one for one in examination.bundle.known if one.rtype != TYPE_DNSKEY]
    if compared:
        reasons.append(f"nothing contradicts the {len(compared)} RRsets that were validated before")
    serial, _ = signs.known_serial(examination)
    if serial >= 0:
        reasons.append(f"no server shows a zone older than serial {serial}, which was validated last")
    return reasons


def _unconfirmed(examination: Examination, elsewhere: Elsewhere, fits: bool) -> list[str]:
    """Return why it is open whether the registry failed, what it looks like from here first."""
    if elsewhere.same:
        if elsewhere.confirms:
            return []
        text = f"of the RRsets that are bad here a vantage point sees {elsewhere.same_count} as bad"
        return [
            f"{text}, and {elsewhere.better_count} verify elsewhere",
            *elsewhere.same,
            *elsewhere.well,
            *elsewhere.older,
        ]
    if signs.only_untimely(examination):
        looks = "the signatures are merely out of their time: not renewed, or old ones replayed; that looks alike here"
    elif signs.mixed_signatures(examination) or signs.rolled_keys(examination):
        looks = "it looks like a mistake of the registry" if fits else "parts of it look like a mistake of the registry"
    else:
        looks = "everything is bad alike"
    seen = [*elsewhere.unprotected, *elsewhere.older]
    if seen:
        asked = "no vantage point confirms it over a way that he cannot change"
    elif examination.of_vantage_points():
        asked = "no vantage point saw the same"
    else:
        asked = "no vantage point was asked"
    return [looks, f"somebody on the path to here could do all of that, and {asked}", *seen]


def _bad(examination: Examination, sighting: Sighting, servers: int) -> str:
    cause = sighting.judgement.cause
    text = cause.extra_text if cause is not None else f"{sighting.subject}: {sighting.judgement.state}"
    text += f", at all {servers} servers that answer" if servers > 1 else ", at the only server that answers"
    kind = examination.bundle.questions[sighting.reply.question].kind
    if kind == APEX and sighting.rtype in (TYPE_NSEC, TYPE_NSEC3):
        text += "; it is the denial record of the apex, which most proofs of what does not exist need"
    return text


def is_round_clean(report: Report, silent_share: float) -> bool | None:
    """Judge one round of the recheck: clean, dirty (False), or None when it says nothing.

    Silent servers count neither way up to ``silent_share`` of all; a zone that is not validated needs no anchor.
    """
    if not report.signed:
        return True
    if report.verdict == ATTACK or any(one.state == DIRTY for one in report.servers):
        return False
    if any(one.state == UNCLEAR for one in report.servers):
        return None
    silent = len([one for one in report.servers if one.state == SILENT])
    if not report.servers or silent == len(report.servers) or silent > silent_share * len(report.servers):
        return None
    return True if report.verdict == FINE else None
