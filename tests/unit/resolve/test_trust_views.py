"""Any order of anchors, scopes, outages, forgeries and questions: nobody gets what an anchor let through for others."""

import dns.rcode
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR, TYPE_A, type_number
from holdfast.dnssec.anchor_scope import WIDE, AnchorScope, narrow_scope
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import Message, texts
from tests.support.kept import KeptRecords
from tests.support.registry_world import ANYBODY, FORGED, MAIL, OFFICE, RegistryWorld, registry_settings
from tests.support.signed_world import ede_codes, is_secure

MINUTE_US = 60_000_000
SIGNED = ("www.known.de", "new.known.de", "www.unseen.de", "www.safe.unseen.de", "www.de")
OTHERS = ("www.plain.de", "no.de", "www.open.unseen.de", "no.known.de", "www.org")
SCOPES = (
    WIDE,
    narrow_scope(),
    AnchorScope([], [], [], [], [], True),
    AnchorScope([], ["office"], [], [], [], False),
    AnchorScope([], [], ["office"], [], [], True),
    AnchorScope(["family"], [], [], [], [], False),
    AnchorScope([], [], [], [TYPE_A], [], False),
)
ACTIONS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(SCOPES), st.sampled_from(("de", "de", "known.de", "new.known.de"))),
    st.tuples(st.just("remove"), st.sampled_from(("de", "known.de", "new.known.de"))),
    st.tuples(st.sampled_from(("break", "break keys", "mend", "restart", "nothing", "nothing"))),
    st.tuples(st.just("forge"), st.sets(st.sampled_from(("known.de", "unseen.de", "www.de")))),
    st.tuples(st.just("wait"), st.integers(1, 40)),
)
QUESTIONS = st.tuples(
    st.sampled_from((MAIL, MAIL, ANYBODY, OFFICE)),
    st.integers(0, 1),
    st.sampled_from((*SIGNED, *OTHERS)),
    st.sampled_from(("A", "A", "A", "DS", "TLSA", "MX")),
)


class Registrar(RegistryWorld):
    """A world in which anything may happen; ``scopes`` are those of the anchors in force, by zone."""

    def __init__(self) -> None:
        self.scopes: dict[str, tuple[AnchorScope, int]] = {}
        changed = registry_settings()
        changed.serve_stale = True
        super().__init__(changed, servers=3, deeper=True)
        self.keep(KeptRecords())

    def act(self, step: tuple[object, ...]) -> None:
        """Do anything but ask."""
        what, *values = step
        if what == "add":
            scope, zone = values
            assert isinstance(scope, AnchorScope) and isinstance(zone, str)
            self.add_anchor(scope, zone)
            self.scopes[zone] = (scope, self.now().wall_s + 3600)
        elif what == "remove":
            assert isinstance(values[0], str)
            self.remove_anchor(values[0])
            self.scopes.pop(values[0], None)
        elif what == "restart":
            self.restart()
            self.scopes = {}  # a server would put them in force again
        elif what == "wait":
            assert isinstance(values[0], int)
            self.pass_time_us(values[0] * MINUTE_US)
        elif what == "forge":
            assert isinstance(values[0], set)
            self.forged = values[0]
        elif what != "nothing":
            self.broken = what == "break"
            self.keys_broken = what == "break keys"

    def seen(self, name: str, rtype: str, address: str, service: int) -> list[AnchorScope]:
        """The scopes of the anchors that a question is subject to, the closest first."""
        if address == MAIL:
            return []
        group, at = "office" if address == OFFICE else "", "family" if service else "default"
        found: list[AnchorScope] = []
        for zone in sorted(self.scopes, key=len, reverse=True):
            scope, end_s = self.scopes[zone]
            owner = name.partition(".")[2] if rtype == "DS" else name
            covers = owner == zone or owner.endswith("." + zone)
            limits = (scope.services, at), (scope.clients, group)
            holds = all(not only or one in only for only, one in limits) and group not in scope.except_clients
            if covers and holds and end_s > self.now().wall_s and scope.relaxes(type_number(rtype)):
                found.append(scope)
        return found


def is_forged(answer: Message) -> bool:
    return any(FORGED in text for text in texts([*answer.answer, *answer.additional]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(ACTIONS, QUESTIONS), min_size=5, max_size=25))
def test_what_is_let_through_for_some_never_reaches_others(
    steps: list[tuple[tuple[object, ...], tuple[str, int, str, str]]],
) -> None:
    world = Registrar()
    for step, (address, service, name, rtype) in steps:
        world.act(step)
        seen = world.seen(name, rtype, address, service)
        answer = world.ask_from(name, rtype, address, service)
        marked = EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(answer)
        assert not (is_secure(answer) and is_forged(answer))
        assert not (is_secure(answer) and marked)
        if not seen:
            assert not marked, "it is not for this client"
            assert not is_forged(answer) or ".open." in name, "validation did not accept it"
            if name in SIGNED and answer.answer:
                assert is_secure(answer), "of a signed zone only what was validated"
            continue
        if seen[0].below_strict:
            if answer.rcode() == dns.rcode.SERVFAIL:
                assert name not in OTHERS[:2], "the zone's own data, and those of unsigned ones, are let through"
            else:
                assert marked or is_secure(answer)
        else:
            assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN), "nothing below a wide one fails"
            assert marked and not is_secure(answer)


def test_the_oracle_knows_who_sees_what() -> None:
    world = Registrar()
    world.act(("add", AnchorScope(["family"], [], ["office"], [], [], False), "known.de"))
    assert len(world.seen("www.known.de", "A", ANYBODY, 1)) == 1
    assert world.seen("www.known.de", "A", ANYBODY, 0) == world.seen("www.known.de", "A", OFFICE, 1) == []
    assert world.seen("known.de", "DS", ANYBODY, 1) == world.seen("www.de", "A", ANYBODY, 1) == []
    assert wire_name("known.de") in world.engine.state.negative_anchors.temporary
