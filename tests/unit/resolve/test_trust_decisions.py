"""Any order of anchors, ends, outages, restarts and questions: what an anchor lets through never outlives it."""

import dns.rcode
import dns.rdatatype
import dns.rrset
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import Message, plain_settings, texts
from tests.support.kept import KeptRecords
from tests.support.signed_world import SignedWorld, ede_codes, is_secure

MINUTE_US = 60_000_000
NAMES = ("www.example", "alias.example", "no.example", "www.other")
ZONE = "www 600 IN A 203.0.113.1\nalias 600 IN CNAME www.other.\n"
FORGED = "203.0.113.66"

ACTIONS = st.one_of(
    st.tuples(st.sampled_from(("add", "wait")), st.integers(1, 40)),
    st.tuples(st.sampled_from(("remove", "break", "mend", "restart", "nothing")), st.just(0)),
)
STEPS = st.lists(st.tuples(ACTIONS, st.sampled_from((NAMES[0], *NAMES))), min_size=5, max_size=20)


class ForgingWorld(SignedWorld):
    """While `broken`, every address in `example` is a forged one; ``end_s`` is that of the anchor, 0: there is none."""

    def __init__(self) -> None:
        self.broken = False
        self.end_s = 0
        settings = plain_settings()
        settings.recovery_probe_interval_s = 0
        super().__init__({"example": ZONE, "other": "www 600 IN A 203.0.113.2\n"}, tamper=self.forge, settings=settings)
        self.keep(KeptRecords())

    def forge(self, _query: Message, response: Message) -> Message:
        """Put other data under the signatures."""
        if self.broken:
            for at, rrset in enumerate(response.answer):
                if rrset.rdtype == dns.rdatatype.A and rrset.name.to_text() == "www.example.":
                    response.answer[at] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", FORGED)
        return response

    def anchored(self) -> bool:
        """Whether the anchor is in force."""
        return self.end_s > self.now().wall_s

    def act(self, step: str, value: int) -> None:
        """Do anything but ask."""
        if step == "add":
            now_s = self.now().wall_s
            self.end_s = now_s + value * 60
            anchor = NegativeTrustAnchor(wire_name("example"), "why", "who", now_s, self.end_s)
            self.engine.put_negative_trust_anchor(anchor, self.now())
        elif step == "remove":
            removed = self.engine.remove_negative_trust_anchor(wire_name("example"), self.now())
            assert removed == self.anchored()
            self.end_s = 0
        elif step == "restart":
            self.restart()
            self.end_s = 0  # a server would put it in force again
        elif step == "wait":
            self.pass_time_us(value * MINUTE_US)
        elif step in ("break", "mend"):
            self.broken = step == "break"


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_what_an_anchor_lets_through_never_outlives_it(steps: list[tuple[tuple[str, int], str]]) -> None:
    world = ForgingWorld()
    for (step, value), name in steps:
        world.act(step, value)
        answer = world.ask_secure(name)
        covered = world.anchored() and name.endswith(".example")
        assert (EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(answer)) is covered
        if covered:
            assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and not is_secure(answer)
        else:
            assert not any(FORGED in text for text in texts(answer.answer))
        if name == "www.other":
            assert is_secure(answer)
