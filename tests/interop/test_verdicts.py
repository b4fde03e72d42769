"""Whatever BIND, ldns and Knot DNS sign and NSD, Knot DNS and BIND serve, holdfast judges as delv and Unbound do.

Each zone is asked everything twice, in both orders and with an empty cache at the start, because what is cached, and
what is concluded from cached denials (RFC 8198), must not change a verdict.
"""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import holdfast
from holdfast.answer import Answer
from tests.interop.internet import Internet
from tests.interop.judge import BOGUS, INSECURE, SECURE, Verdict, ask_delv, ask_unbound, verdict_of
from tests.interop.questions import BRIEF, BROKEN, FAMILY, SIGNED_ONLY, questions_of
from tests.interop.signers import OPT_OUT
from tests.interop.zones import Zone, broken_zones, good_zones

pytestmark = pytest.mark.xdist_group("interop")

Question = tuple[str, str]

DELV_PROCESSES = 2  # side by side; a test machine has two cores
FAMILIES = [zone for zone in good_zones() if zone.name.count(".") == 1]
BROKEN_ZONES = broken_zones()


def asks_delv_everything(zone: Zone) -> bool:
    """Whether delv gets the whole table: a process for every question is what takes the time.

    Unbound is asked everything of all zones. One algorithm for each signer and denial is enough for delv (with these
    every program still serves every denial), and of the other zones the one whose denials are made on the fly.
    """
    return zone.name in {
        "bind-nsec-8.", "bind-nsec3-13.", "bind-optout-15.",
        "ldns-nsec-13.", "ldns-nsec3-15.", "ldns-optout-8.",
        "knot-nsec-15.", "knot-nsec3-8.", "knot-optout-13.",
        "online-minimal.",
    }  # fmt: skip


def family_questions(zone: Zone) -> list[Question]:
    """Everything, except what NSD cannot prove.

    An opt-out zone need not have an NSEC3 for an empty non-terminal above unsigned delegations only. NSD's answer to a
    DS query for such a name then proves nothing. Unbound and delv ask that query on the way to the child, because they
    are told the child's server; holdfast has the proof from the referral, and concludes the denial from its cache.
    """
    questions = questions_of(zone.name, FAMILY)
    if zone.server != "nsd" or zone.signing is None or zone.signing.denial != OPT_OUT:
        return questions
    unproven = (f"optional.{zone.name}", "DS")
    return [one for one in questions if one != unproven and not one[0].endswith(f"below.optional.{zone.name}")]


def ask_holdfast(internet: Internet, questions: list[Question]) -> Iterator[tuple[Question, Answer]]:
    """Holdfast's answers with a cache that is empty at first."""

    async def ask() -> list[Answer]:
        async with holdfast.Resolver(
            root_hints=internet.root_hints, trust_anchors=[internet.trust_anchor], address_map=internet.address_map
        ) as resolver:
            return [await resolver.resolve(*question) for question in questions]

    return zip(questions, asyncio.run(ask()), strict=True)


def unlike(question: Question, answer: Answer, judge: str, judged: Verdict) -> str:
    ours = verdict_of(answer)
    errors = "; ".join(map(str, answer.extended_errors))
    return f"{' '.join(question)}: holdfast says {ours} {errors}\n    {judge} says {judged}"


def compare(internet: Internet, zone: Zone, questions: list[Question], for_delv: list[Question]) -> None:
    """Fail with everything that is judged in another way, and with every secure answer that comes with an error."""
    unbound = {question: ask_unbound(internet.validator.port, *question) for question in questions}
    differences = [
        unlike(question, answer, "Unbound", unbound[question])
        for order in (questions, questions[::-1])
        for question, answer in ask_holdfast(internet, order)
        if verdict_of(answer) != unbound[question] or (answer.secure and answer.extended_errors)
    ]
    with ThreadPoolExecutor(DELV_PROCESSES) as pool:
        verdicts = pool.map(lambda one: ask_delv(internet.fetcher.port, internet.delv_anchor, *one)[0], for_delv)
        differences += [
            f"{' '.join(question)}: Unbound says {unbound[question]}\n    delv says {judged}"
            for question, judged in zip(for_delv, verdicts, strict=True)
            if judged != unbound[question] and not bind_differs(zone, judged, unbound[question])
        ]
    assert not differences, "\n".join(differences)


def bind_differs(zone: Zone, delv: Verdict, unbound: Verdict) -> bool:
    """Where BIND's library judges otherwise, on purpose.

    It calls denials secure that rest on an opt-out NSEC3, although unsigned names may hide there: RFC 5155 section 9.2
    wants AD clear. It looks at the proof of a negative answer only, not at the SOA beside it. And after one signature
    that fails it tries no second one, against KeyTrap; RFC 4035 section 5.3.3 leaves the choice.
    """
    if zone.name == "one-of-two-spoiled.":
        return (delv.status, unbound.status) == (BOGUS, SECURE)
    if (delv.status, unbound.status) == (SECURE, INSECURE):
        opt_out = zone.signing is not None and zone.signing.denial == OPT_OUT
        return opt_out and delv.rcode == unbound.rcode and delv.records == unbound.records
    return (delv.status, unbound.status) == (SECURE, BOGUS) and zone.name in ("spoiled-soa.", "stripped-soa.")


@pytest.mark.parametrize("zone", FAMILIES, ids=lambda zone: f"{zone.name}{zone.server}")
def test_good_zones(internet: Internet, zone: Zone) -> None:
    questions = family_questions(zone)
    brief = [question for question in questions_of(zone.name, BRIEF) if question in questions]
    compare(internet, zone, questions, questions if asks_delv_everything(zone) else brief)


@pytest.mark.parametrize("zone", BROKEN_ZONES, ids=lambda zone: f"{zone.name}{zone.server}")
def test_broken_zones(internet: Internet, zone: Zone) -> None:
    questions = questions_of(zone.name, BROKEN)
    # For data without signatures, delv walks the tree for a proof of insecurity, and takes 12 s until it gives up.
    slow = zone.name.startswith(("no-proofs-", "stripped-", "no-keys", "never-signed"))
    compare(internet, zone, questions, questions_of(zone.name, SIGNED_ONLY) if slow else questions)


CAUSES = [
    ("www.expired.", 7, r"RRSIG expired at \S+Z for expired/DNSKEY \(keytag=\d+\)"),
    ("www.not-yet-valid.", 8, r"RRSIG not valid before \S+Z for not-yet-valid/DNSKEY \(keytag=\d+\)"),
    ("www.spoiled-address.", 6, r"RRSIG with invalid signature for www\.spoiled-address/A \(keytag=\d+\)"),
    ("alias.spoiled-address.", 6, r"RRSIG with invalid signature for www\.spoiled-address/A \(keytag=\d+\)"),
    ("out-broken.bind-nsec-8.", 6, r"RRSIG with invalid signature for www\.spoiled-address/A \(keytag=\d+\)"),
    ("x.wild.spoiled-wildcard.", 6, r"RRSIG with invalid signature for x\.wild\.spoiled-wildcard/A \(keytag=\d+\)"),
    ("host.moved.spoiled-dname.", 6, r"RRSIG with invalid signature for moved\.spoiled-dname/DNAME \(keytag=\d+\)"),
    ("www.spoiled-keys.", 6, r"RRSIG with invalid signature for spoiled-keys/DNSKEY \(keytag=\d+\)"),
    ("missing.spoiled-soa.", 6, r"RRSIG with invalid signature for spoiled-soa/SOA \(keytag=\d+\)"),
    (
        "missing.spoiled-proofs-nsec.",
        6,
        r"RRSIG with invalid signature for \S+\.spoiled-proofs-nsec/NSEC \(keytag=\d+\)",
    ),
    (
        "missing.spoiled-proofs-nsec3.",
        6,
        r"RRSIG with invalid signature for \w{32}\.spoiled-proofs-nsec3/NSEC3 \(keytag=",
    ),
    ("www.other-ds.", 9, r"no DNSKEY matches the DS of other-ds \(keytag=\d+\)"),
    ("www.revoked-key.", 9, r"no DNSKEY matches the DS of revoked-key \(keytag=\d+\)"),
    ("www.no-keys.", 9, r"no DNSKEY RRset for no-keys"),
    ("www.never-signed.", 9, r"no DNSKEY RRset for never-signed"),
    ("www.other-key-tag.", 9, r"no DNSKEY of other-key-tag matches the RRSIG for www\.other-key-tag/A \(keytag=1\)"),
    ("www.stripped-address.", 10, r"no RRSIG for www\.stripped-address/A"),
    ("www.stripped-keys.", 10, r"no RRSIG for stripped-keys/DNSKEY"),
    ("missing.stripped-proofs-nsec.", 10, r"no RRSIG for \S+\.stripped-proofs-nsec/NSEC"),
    ("missing.no-proofs-nsec.", 12, r"no NSEC/NSEC3 proof that missing\.no-proofs-nsec does not exist"),
    ("missing.no-proofs-nsec3.", 12, r"no NSEC/NSEC3 proof that missing\.no-proofs-nsec3 does not exist"),
    ("www.unknown-algorithm.", 1, r"no supported DNSKEY algorithm in DS of unknown-algorithm \(algorithm 200\)"),
    ("www.unknown-digest.", 2, r"no supported digest type in DS of unknown-digest \(digest type 200\)"),
    ("missing.too-iterated.", 27, r"too-iterated"),
]


@pytest.mark.parametrize(("name", "code", "text"), CAUSES, ids=[name for name, _, _ in CAUSES])
def test_what_is_broken_is_named(internet: Internet, name: str, code: int, text: str) -> None:
    (_, first), (_, again) = ask_holdfast(internet, [(name, "A"), (name, "A")])
    (error,) = first.extended_errors
    assert error.code == code
    assert re.search(text, error.text), error.text
    # From the failure cache it comes unchanged, with EDE 13 (Cached Error) at most beside it.
    assert again.extended_errors[0] == error
    assert {beside.code for beside in again.extended_errors[1:]} <= {13}
