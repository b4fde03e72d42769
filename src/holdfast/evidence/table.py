"""What was seen, as a table of RRsets and a state for each name server."""

from dataclasses import dataclass

from holdfast.dns.iana import type_name
from holdfast.dns.name import to_text
from holdfast.evidence.bundle import SERVER, Bundle
from holdfast.evidence.examine import UNDECIDED, Examination, Sighting

ROWS = 80  # of a table that people read; what verifies is left out first

CLEAN = "clean"  # everything that it said verifies, over every transport on which it answers
DIRTY = "dirty"  # something that it said does not
SILENT = "silent"  # it answers nothing that can be used
UNCLEAR = "unclear"  # it answered a part of the questions


@dataclass(frozen=True)
class Row:
    """An RRset in one state: at how many of the addresses that showed it, over which transports, in how many versions.

    ``servers``: their names, empty if they are all that answered. ``key_tag`` -1: there is no signature by the zone.
    """

    name: str
    type: str
    key_tag: int
    state: str
    addresses: int
    transports: tuple[str, ...]
    versions: int
    servers: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class ServerState:
    """A name server, or a vantage point: its state, and what is wrong with it."""

    name: str
    state: str
    addresses: int
    text: str = ""


def rows_of(examination: Examination) -> list[Row]:
    """Return the table: what does not verify first, otherwise in the order in which it was asked for."""
    groups: dict[tuple[bytes, int, str, int], list[Sighting]] = {}
    answering = {place for place, _ in examination.answered}
    for sighting in examination.of_servers():
        judgement = sighting.judgement
        groups.setdefault((sighting.name, sighting.rtype, judgement.state, judgement.key_tag), []).append(sighting)
    places = examination.bundle.places
    everywhere = {places[at].name for at in answering if places[at].kind == SERVER}
    bad: list[Row] = []
    good: list[Row] = []
    for (name, rtype, state, key_tag), sightings in groups.items():
        servers = sorted({places[one.reply.place].name for one in sightings})
        first = sightings[0].judgement
        row = Row(
            to_text(name),
            type_name(rtype),
            key_tag,
            state,
            len({one.reply.place for one in sightings}),
            tuple(sorted({one.reply.transport for one in sightings})),
            len({(one.data, one.signatures) for one in sightings}),
            () if set(servers) == everywhere else tuple(servers),
            first.cause.extra_text if first.cause is not None else "",
        )
        (good if first.good else bad).append(row)
    return [*bad, *good][:ROWS]


def server_states(examination: Examination) -> list[ServerState]:
    """Return the state of every name server, by name: its addresses stand or fall together."""
    bundle = examination.bundle
    states: dict[str, list[tuple[str, str]]] = {}
    for at, place in enumerate(bundle.places):
        if place.kind == SERVER:
            states.setdefault(place.name, []).append(_place_state(examination, at))
    return [_combined(name, found) for name, found in states.items()]


def asked_of(bundle: Bundle) -> dict[tuple[int, str], int]:
    """Return how many questions there are for each place and transport."""
    asked: dict[tuple[int, str], int] = {}
    for reply in bundle.replies:
        source = reply.place, reply.transport
        asked[source] = asked.get(source, 0) + 1
    return asked


def _place_state(examination: Examination, place: int) -> tuple[str, str]:
    """Return the state of one address, and what is wrong."""
    for sighting in examination.sightings:
        if sighting.reply.place == place and not sighting.judgement.good:
            cause = sighting.judgement.cause
            text = cause.extra_text if cause is not None else f"{sighting.subject}: {sighting.judgement.state}"
            return (UNCLEAR if sighting.judgement.state == UNDECIDED else DIRTY), text
    complete = partly = False
    for source, asked in asked_of(examination.bundle).items():
        if source[0] != place:
            continue
        answered = examination.answered.get(source, 0)
        complete = complete or answered == asked
        partly = partly or 0 < answered < asked
    errors = sorted({text for source, text in examination.errors.items() if source[0] == place})
    if partly:
        return UNCLEAR, ", ".join(errors)
    return (CLEAN, "") if complete else (SILENT, ", ".join(errors))


def _combined(name: str, found: list[tuple[str, str]]) -> ServerState:
    """Return the state of a server: the worst of its addresses, where silence of some says nothing."""
    for state in (DIRTY, UNCLEAR, CLEAN, SILENT):
        for one, text in found:
            if one == state:
                return ServerState(name, state, len(found), text)
    raise AssertionError("a server without addresses")
