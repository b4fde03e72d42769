"""Moving keys along the tables of `key_states`: what may happen now, what has to wait, and for what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from holdfast.registry.findings import Finding, duration_text
from holdfast.registry.key_ring import CSK, KSK, NEVER, ZSK, Key, KeyRing
from holdfast.registry.key_states import Condition, Event, Interval, Method, Row, State, next_row
from holdfast.registry.policy import Policy
from holdfast.registry.problems import RegistryError

_PUBLISHED = (State.PUBLISHED, State.READY, State.ACTIVE)
_READY = (State.READY, State.ACTIVE)
_PARTNERS = {ZSK: KSK, KSK: ZSK}

Canary = Callable[[Key], list[Finding]]


@dataclass
class Move:
    """A step that a key has made."""

    key: Key
    before: State
    after: State


@dataclass
class Obstacle:
    """Why a key stays where it is.

    ``text`` goes on after the name of the following state: "in 2 h", "once the parent publishes its DS". ``due_s`` is
    when it may move on, `NEVER` if that depends on somebody.
    """

    key: Key
    following: State
    text: str
    due_s: int = NEVER


@dataclass
class Progress:
    """What a pass over all keys did and did not do."""

    moves: list[Move] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)  # of canaries


class Rollover:
    """The keys of a zone at a moment (``now_s``, POSIX seconds), judged by its policy."""

    def __init__(self, ring: KeyRing, policy: Policy, now_s: int, canary: Canary) -> None:
        self.ring = ring
        self.policy = policy
        self.now_s = now_s
        self._canary = canary
        self._sung: dict[tuple[str, bool], list[Finding]] = {}

    def advance(self) -> Progress:
        """Move every key as far as its conditions allow; all moves together make one new version of the zone."""
        progress = Progress()
        moving = True
        while moving:
            moving = False
            progress.obstacles = []
            for key in self.ring.keys:
                following = next_row(key.method, key.state)
                if following is None:
                    continue
                obstacles = [one for condition in key.row.leave if (one := self._obstacle(key, following, condition))]
                if obstacles:
                    progress.obstacles += obstacles
                    continue
                progress.moves.append(Move(key, key.state, following.state))
                self._enter(key, following)
                moving = True
        progress.findings = [finding for sung in self._sung.values() for finding in sung]
        return progress

    def _enter(self, key: Key, row: Row) -> None:
        before = key.row
        key.state = row.state
        key.entered_s = self.now_s
        shows = (row.dnskey, row.signs_keys, row.signs_zone, row.ds)
        key.pending = key.pending or shows != (before.dnskey, before.signs_keys, before.signs_zone, before.ds)
        if row.state == State.ACTIVE and key.active_s == NEVER:
            key.active_s = self.now_s

    def _obstacle(self, key: Key, following: Row, condition: Condition) -> Obstacle | None:
        """Return why a condition is not met yet."""
        since_s = self._time_of(key, condition.event)
        if since_s == NEVER:
            return Obstacle(key, following.state, f"once {self._waits_for(key, condition.event)}")
        due_s = since_s + sum(self.seconds(interval) for interval in condition.intervals)
        if due_s <= self.now_s:
            return None
        reasons = " + ".join(interval.name for interval in condition.intervals)
        text = f"in {duration_text(due_s - self.now_s)} ({reasons} since {condition.event.name})"
        return Obstacle(key, following.state, text, due_s)

    def _waits_for(self, key: Key, event: Event) -> str:
        failed = "; ".join(finding.text for finding in self._sing(key)) if event == Event.CANARY else ""
        return f"{event.value}, but {failed}" if failed else str(event.value)

    def seconds(self, interval: Interval) -> int:
        """Return how long an interval is by the policy."""
        policy = self.policy
        return {
            Interval.PROPAGATION: policy.propagation_s,
            Interval.DNSKEY_TTL: policy.dnskey_ttl_s,
            Interval.ZONE_TTL: policy.zone_ttl_s,
            Interval.PARENT_PROPAGATION: policy.parent_propagation_s,
            Interval.DS_TTL: max(policy.ds_ttl_s, self.ring.ds_ttl_s),
        }[interval]

    def _time_of(self, key: Key, event: Event) -> int:
        """Return when an event happened, `NEVER` if it has not."""
        if event == Event.ENTERED:
            return NEVER if key.pending else key.entered_s
        if event == Event.CANARY:
            return NEVER if self._sing(key) else self.now_s
        if event == Event.DS_SEEN:
            return key.ds_seen_s
        if event == Event.DS_GONE:
            return key.ds_gone_s
        if event == Event.PARTNER_PUBLISHED:
            return self._first(self._partners(key), _PUBLISHED)
        if event == Event.PARTNER_REMOVED:
            partners = self._partners(key)
            return self.now_s if all(partner.state == State.REMOVED for partner in partners) else NEVER
        successor = self.ring.find(key.successor)
        states = _READY if event == Event.SUCCESSOR_READY else (State.ACTIVE,)
        return self._first([successor] if successor is not None else [], states)

    def _partners(self, key: Key) -> list[Key]:
        """Return the keys of the other role and the same algorithm."""
        role = _PARTNERS.get(key.role)
        return [other for other in self.ring.keys if other.role == role and other.algorithm == key.algorithm]

    @staticmethod
    def _first(keys: Sequence[Key], states: Sequence[State]) -> int:
        return next((key.entered_s for key in keys if key.state in states), NEVER)

    def _sing(self, key: Key) -> list[Finding]:
        sung = self._sung.get((key.key_hash, key.row.dnskey))
        if sung is None:
            sung = self._sung[key.key_hash, key.row.dnskey] = self._canary(key)
        return sung

    def due(self) -> list[str]:
        """Return the roles whose active key has outlived its lifetime and is not being rolled."""
        lifetimes = {ZSK: self.policy.zsk_lifetime_s, KSK: self.policy.ksk_lifetime_s, CSK: self.policy.ksk_lifetime_s}
        roles = []
        for role, lifetime_s in lifetimes.items() if not self.ring.leaving else ():
            keys = self.ring.of_role(role)
            alone = lifetime_s and len(keys) == 1 and keys[0].state == State.ACTIVE
            if alone and keys[0].active_s + lifetime_s <= self.now_s:
                roles.append(role)
        return roles

    def start(self, role: str, dnskey: bytes, algorithm_rollover: bool = False) -> Key:
        """Put a new key (DNSKEY RDATA) in line for the active one of its role; see `may_start`."""
        old = self.may_start(role)
        if algorithm_rollover:
            method = {ZSK: Method.ALGORITHM_ZSK, KSK: Method.ALGORITHM_KSK, CSK: Method.ALGORITHM_CSK}[role]
        elif role == ZSK:
            method = Method.ZSK_PRE_PUBLISH
        elif role == CSK:
            method = Method.CSK_DOUBLE_SIGNATURE
        else:
            double_ds = self.policy.ksk_method == "double-ds"
            method = Method.KSK_DOUBLE_DS if double_ds else Method.KSK_DOUBLE_SIGNATURE
        new = Key(role, dnskey, method, State.GENERATED, self.now_s, self.now_s)
        old.method = method
        old.successor = new.key_hash
        self.ring.keys.append(new)
        return new

    def leave(self) -> None:
        """Set out to make the zone unsigned. Raises `RegistryError` while a key is being rolled."""
        roles = sorted({key.role for key in self.ring.keys if key.state != State.REMOVED})
        active = [self.may_start(role) for role in roles]
        for key in active:
            key.method = {ZSK: Method.LEAVE_ZSK, KSK: Method.LEAVE_KSK, CSK: Method.LEAVE_CSK}[key.role]
            key.pending = True
            key.ds_gone_s = NEVER

    def may_start(self, role: str) -> Key:
        """Return the key of a role that can be rolled now; `RegistryError` says why none can."""
        keys = self.ring.of_role(role)
        if not keys:
            raise RegistryError(
                [f"this zone has no {role}; it has {', '.join(sorted({k.role for k in self.ring.keys}))}"]
            )
        busy = [key for key in keys if key.state != State.ACTIVE]
        if busy or len(keys) > 1:
            states = ", ".join(f"{key.key_tag} {key.state.value}" for key in keys)
            raise RegistryError([f"the {role} is being rolled already ({states}); finish that first"])
        return keys[0]

    def roll_back(self) -> tuple[Key, Key]:
        """Make the replaced ZSK active again, and retire its successor in its place; returns both.

        Safe as long as the old key is still in the DNSKEY RRset, as it is while retired: every cache has it. What the
        successor signed stays valid in caches, because it leaves the DNSKEY RRset only after that has run out. Raises
        `RegistryError` if there is nothing to go back to.
        """
        for old in self.ring.of_role(ZSK):
            new = self.ring.find(old.successor)
            if old.state == State.RETIRED and old.method == Method.ZSK_PRE_PUBLISH and new is not None:
                old.state, old.successor = State.ACTIVE, ""
                new.state = State.RETIRED
                for key in (old, new):
                    key.entered_s, key.pending = self.now_s, True
                return old, new
        raise RegistryError(["no ZSK is retired and still published, so there is none to go back to"])
