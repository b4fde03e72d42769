"""What is asked of every server: a sample that is the same for the same zone, names and seed."""

from collections.abc import Sequence
from hashlib import sha256

from holdfast.dns.iana import TYPE_A, TYPE_AFSDB, TYPE_DNSKEY, TYPE_DS, TYPE_SOA
from holdfast.dns.name import NAME_MAXIMUM, ROOT, is_subdomain
from holdfast.evidence.bundle import APEX, CLIENTS, DENIAL, KEYS, PARENT, SAMPLE, SERVER, SOA, Question

SAMPLE_NAMES = (
    12  # DS or no DS; if one signature in three is good, all are with chance 2e-6, and rounds vary the sample
)
DRAWN_NAMES = 6  # of those, at least, are drawn: they hit the denial chain anywhere, not only where clients look
DRAWN_LABEL = 12  # hexadecimal digits: no such name exists


def questions_for(
    zone: bytes, names: Sequence[bytes], seed: int, of_clients: Sequence[bytes] = ()
) -> tuple[Question, ...]:
    """Return the questions for a zone; ``names`` below it, then those ``of_clients``, are preferred for the sample.

    ``seed`` draws the others.

    SOA and the denial at the apex are asked twice, first and last: a zone that changes meanwhile, and answers that are
    made up one by one, show themselves.
    """
    # AFSDB (RFC 1183) is a type that no apex has: its denial shows the NSEC or NSEC3 record of the apex.
    twice = [Question(zone, TYPE_SOA, SOA), Question(zone, TYPE_AFSDB, APEX)]
    kinds = {**dict.fromkeys(of_clients, CLIENTS), **dict.fromkeys(names, SAMPLE)}
    wanted = [name for name in dict.fromkeys([*names, *of_clients]) if name != zone and is_subdomain(name, zone)]
    sample = wanted[: SAMPLE_NAMES - DRAWN_NAMES]
    drawn = [_drawn(zone, seed, number) for number in range(SAMPLE_NAMES - len(sample) + 1)]
    if len(drawn[0]) > NAME_MAXIMUM:
        drawn = []
    return (
        *twice,
        Question(zone, TYPE_DNSKEY, KEYS),
        *[Question(name, TYPE_A, DENIAL) for name in drawn[:1]],
        *[Question(name, TYPE_DS, kinds.get(name, SAMPLE)) for name in [*sample, *drawn[1:]]],
        *([Question(zone, TYPE_DS, PARENT)] if zone != ROOT else []),
        *twice,
    )


def is_asked(question: Question, place_kind: str) -> bool:
    """Tell whether a question is for a place: what clients want to know is nobody's business but the zone's."""
    return question.kind != (PARENT if place_kind == SERVER else CLIENTS)


def _drawn(zone: bytes, seed: int, number: int) -> bytes:
    label = sha256(b"%b %d %d" % (zone, seed, number)).hexdigest()[:DRAWN_LABEL].encode()
    return bytes([len(label)]) + label + zone
