"""The life of a key, as tables: what it does in each state, and what has to be true before it moves on.

States and intervals are those of RFC 7583, with a table for each way of rolling a key (RFC 6781 section 4.1). Reading a
table from top to bottom is the life of a key: how it comes in place of another one, and how it goes in its turn.
The tables are all there is: `rollover` only looks up the row of a key and tests the conditions in it.

Why each wait is as long as it is:

- a new DNSKEY may be relied upon once the last server has the new DNSKEY RRset (PROPAGATION) and no cache has the old
  one any more (DNSKEY_TTL): RFC 7583 section 3.2.1, the publication interval Ipub;
- an old DNSKEY may go once its last signature has left all caches (PROPAGATION, ZONE_TTL): the retire interval Iret;
- the same for DS records, with the parent's servers and TTL (PARENT_PROPAGATION, DS_TTL): section 3.3.
"""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a key is in its life."""

    GENERATED = "generated"  # in the back ends, nowhere else
    SIGNING = "signing"  # algorithm rollover: signs already, its DNSKEY is not published yet
    PUBLISHED = "published"  # resolvers are learning of it
    READY = "ready"  # every resolver that needs it can have it
    ACTIVE = "active"  # in use
    RETIRED = "retired"  # its successor is in use, but caches still need it
    WITHDRAWN = "withdrawn"  # algorithm rollover: signs still, its DNSKEY is gone
    DEAD = "dead"  # double-DS: only its DS record is left, which nobody needs
    REMOVED = "removed"  # gone from zone and parent


class Event(Enum):
    """What a condition waits for; the texts go on after "once"."""

    ENTERED = "a zone that shows this is signed and published"
    CANARY = "every back end signs so that the published key verifies it"
    DS_SEEN = "the parent publishes its DS"
    DS_GONE = "the parent has withdrawn its DS"
    SUCCESSOR_READY = "its successor is ready"
    SUCCESSOR_ACTIVE = "its successor is active"
    PARTNER_PUBLISHED = "the zone signing key of the new algorithm is published"
    PARTNER_REMOVED = "the key signing key of its algorithm is removed"


class Interval(Enum):
    """How long something takes; the seconds are in the policy."""

    PROPAGATION = "until all servers of the zone have a new version"
    DNSKEY_TTL = "TTL of the DNSKEY RRset"
    ZONE_TTL = "longest TTL in the zone"
    PARENT_PROPAGATION = "until all servers of the parent have a new DS RRset"
    DS_TTL = "TTL of the DS RRset"


@dataclass(frozen=True)
class Condition:
    """An event, and what has to pass since then."""

    event: Event
    intervals: tuple[Interval, ...] = ()


@dataclass(frozen=True)
class Row:
    """What a key does in a state, and what has to be true, all of it, before it enters the next row.

    ``dnskey``: it is in the DNSKEY RRset. ``signs_keys``: it signs the DNSKEY, CDS and CDNSKEY RRsets. ``signs_zone``:
    it signs everything else. ``ds``: the parent is asked for its DS, by CDS and CDNSKEY (RFC 7344).
    """

    state: State
    uses: str
    leave: tuple[Condition, ...]

    @property
    def dnskey(self) -> bool:
        """Whether it is in the DNSKEY RRset."""
        return "dnskey" in self.uses.split()

    @property
    def signs_keys(self) -> bool:
        """Whether it signs the DNSKEY RRset."""
        return "keys" in self.uses.split()

    @property
    def signs_zone(self) -> bool:
        """Whether it signs the zone's data."""
        return "zone" in self.uses.split()

    @property
    def ds(self) -> bool:
        """Whether the parent should have its DS."""
        return "ds" in self.uses.split()


class Method(Enum):
    """How a key comes in and goes out: the name of its table."""

    FIRST_ZSK = "first ZSK"
    FIRST_KSK = "first KSK"
    FIRST_CSK = "first CSK"
    ZSK_PRE_PUBLISH = "ZSK pre-publish"
    KSK_DOUBLE_SIGNATURE = "KSK double-signature"
    KSK_DOUBLE_DS = "KSK double-DS"
    CSK_DOUBLE_SIGNATURE = "CSK double-signature"
    ALGORITHM_ZSK = "algorithm rollover, ZSK"
    ALGORITHM_KSK = "algorithm rollover, KSK"
    ALGORITHM_CSK = "algorithm rollover, CSK"
    LEAVE_ZSK = "going unsigned, ZSK"
    LEAVE_KSK = "going unsigned, KSK"
    LEAVE_CSK = "going unsigned, CSK"


_CANARY = Condition(Event.CANARY)
_SUCCESSOR_READY = Condition(Event.SUCCESSOR_READY)
_SUCCESSOR_ACTIVE = Condition(Event.SUCCESSOR_ACTIVE)
_DS_SEEN = Condition(Event.DS_SEEN)
_KEYS_KNOWN = Condition(Event.ENTERED, (Interval.PROPAGATION, Interval.DNSKEY_TTL))
_ZONE_KNOWN = Condition(Event.ENTERED, (Interval.PROPAGATION, Interval.ZONE_TTL))
_DS_KNOWN = Condition(Event.DS_SEEN, (Interval.PARENT_PROPAGATION, Interval.DS_TTL))
_DS_FORGOTTEN = Condition(Event.DS_GONE, (Interval.PARENT_PROPAGATION, Interval.DS_TTL))
_DS_GONE = Condition(Event.DS_GONE)

# Rows: state, uses, conditions to leave it.
_TABLES: dict[Method, tuple[tuple[State, str, tuple[Condition, ...]], ...]] = {
    # The zone was unsigned. Its unsigned data has to leave the caches before the first DS makes them validate.
    Method.FIRST_ZSK: (
        (State.GENERATED, "", (_CANARY,)),
        (State.ACTIVE, "dnskey zone", (_SUCCESSOR_ACTIVE,)),
    ),
    Method.FIRST_KSK: (
        (State.GENERATED, "", (_CANARY,)),
        (State.PUBLISHED, "dnskey keys", (_KEYS_KNOWN, _ZONE_KNOWN)),
        (State.READY, "dnskey keys ds", (_DS_SEEN,)),
        (State.ACTIVE, "dnskey keys ds", (_SUCCESSOR_READY,)),
    ),
    Method.FIRST_CSK: (
        (State.GENERATED, "", (_CANARY,)),
        (State.PUBLISHED, "dnskey keys zone", (_KEYS_KNOWN, _ZONE_KNOWN)),
        (State.READY, "dnskey keys zone ds", (_DS_SEEN,)),
        (State.ACTIVE, "dnskey keys zone ds", (_SUCCESSOR_READY,)),
    ),
    # RFC 6781 section 4.1.1.1, RFC 7583 section 3.2.1.
    Method.ZSK_PRE_PUBLISH: (
        (State.GENERATED, "", (_CANARY,)),
        (State.PUBLISHED, "dnskey", (_KEYS_KNOWN,)),
        (State.READY, "dnskey", (_CANARY,)),
        (State.ACTIVE, "dnskey zone", (_SUCCESSOR_ACTIVE,)),
        (State.RETIRED, "dnskey", (_ZONE_KNOWN,)),
        (State.REMOVED, "", ()),
    ),
    # RFC 6781 section 4.1.2, RFC 7583 section 3.3.1: the parent is asked once, to exchange the DS.
    Method.KSK_DOUBLE_SIGNATURE: (
        (State.GENERATED, "", (_CANARY,)),
        (State.PUBLISHED, "dnskey keys", (_KEYS_KNOWN, _CANARY)),
        (State.READY, "dnskey keys ds", (_DS_SEEN,)),
        (State.ACTIVE, "dnskey keys ds", (_SUCCESSOR_READY,)),
        (State.RETIRED, "dnskey keys", (_DS_FORGOTTEN, _SUCCESSOR_ACTIVE)),
        (State.REMOVED, "", ()),
    ),
    # RFC 7583 section 3.3.2: the parent is asked twice, the DNSKEY RRset stays small.
    Method.KSK_DOUBLE_DS: (
        (State.GENERATED, "", (_CANARY,)),
        (State.PUBLISHED, "ds", (_DS_KNOWN,)),
        (State.READY, "ds", (_CANARY,)),
        (State.ACTIVE, "dnskey keys ds", (_SUCCESSOR_ACTIVE,)),
        (State.RETIRED, "ds", (_KEYS_KNOWN,)),
        (State.DEAD, "", (_DS_GONE,)),
        (State.REMOVED, "", ()),
    ),
    # RFC 6781 section 4.1.3: the zone is signed by the new key from the moment on at which everybody can know it.
    Method.CSK_DOUBLE_SIGNATURE: (
        (State.GENERATED, "", (_CANARY,)),
        (State.PUBLISHED, "dnskey keys", (_KEYS_KNOWN, _CANARY)),
        (State.READY, "dnskey keys zone ds", (_DS_SEEN,)),
        (State.ACTIVE, "dnskey keys zone ds", (_SUCCESSOR_READY,)),
        (State.RETIRED, "dnskey keys", (_ZONE_KNOWN, _DS_FORGOTTEN, _SUCCESSOR_ACTIVE)),
        (State.REMOVED, "", ()),
    ),
    # RFC 6781 section 4.1.4, the conservative way: no resolver ever sees a DNSKEY whose algorithm has not signed all.
    Method.ALGORITHM_ZSK: (
        (State.GENERATED, "", (_CANARY,)),
        (State.SIGNING, "zone", (_ZONE_KNOWN,)),
        (State.PUBLISHED, "dnskey zone", (_KEYS_KNOWN, _CANARY)),
        (State.ACTIVE, "dnskey zone", (_SUCCESSOR_ACTIVE,)),
        (State.RETIRED, "dnskey zone", (Condition(Event.PARTNER_REMOVED),)),
        (State.WITHDRAWN, "zone", (_KEYS_KNOWN,)),
        (State.REMOVED, "", ()),
    ),
    Method.ALGORITHM_KSK: (
        (State.GENERATED, "", (_CANARY, Condition(Event.PARTNER_PUBLISHED))),
        (State.PUBLISHED, "dnskey keys", (_KEYS_KNOWN, _CANARY)),
        (State.READY, "dnskey keys ds", (_DS_SEEN,)),
        (State.ACTIVE, "dnskey keys ds", (_SUCCESSOR_READY,)),
        (State.RETIRED, "dnskey keys", (_DS_FORGOTTEN, _SUCCESSOR_ACTIVE)),
        (State.REMOVED, "", ()),
    ),
    Method.ALGORITHM_CSK: (
        (State.GENERATED, "", (_CANARY,)),
        (State.SIGNING, "zone", (_ZONE_KNOWN,)),
        (State.PUBLISHED, "dnskey keys zone", (_KEYS_KNOWN, _CANARY)),
        (State.READY, "dnskey keys zone ds", (_DS_SEEN,)),
        (State.ACTIVE, "dnskey keys zone ds", (_SUCCESSOR_READY,)),
        (State.RETIRED, "dnskey keys zone", (_DS_FORGOTTEN, _SUCCESSOR_ACTIVE)),
        (State.WITHDRAWN, "zone", (_KEYS_KNOWN,)),
        (State.REMOVED, "", ()),
    ),
    # The parent deletes the DS RRset first (RFC 8078 section 4); signatures stay until nobody expects them any more.
    Method.LEAVE_ZSK: (
        (State.ACTIVE, "dnskey zone", (Condition(Event.PARTNER_REMOVED),)),
        (State.REMOVED, "", ()),
    ),
    Method.LEAVE_KSK: (
        (State.ACTIVE, "dnskey keys", (_DS_FORGOTTEN,)),
        (State.REMOVED, "", ()),
    ),
    Method.LEAVE_CSK: (
        (State.ACTIVE, "dnskey keys zone", (_DS_FORGOTTEN,)),
        (State.REMOVED, "", ()),
    ),
}
TABLES: dict[Method, tuple[Row, ...]] = {
    method: tuple(Row(state, uses, leave) for state, uses, leave in rows) for method, rows in _TABLES.items()
}


def row_of(method: Method, state: State) -> Row:
    """Return the row of a state. Raises KeyError if the method has no such state."""
    for row in TABLES[method]:
        if row.state == state:
            return row
    raise KeyError(f"{method.value} has no state {state.value}")


def next_row(method: Method, state: State) -> Row | None:
    """Return the row after that of a state; None at the end of the table."""
    rows = TABLES[method]
    at = rows.index(row_of(method, state)) + 1
    return rows[at] if at < len(rows) else None
