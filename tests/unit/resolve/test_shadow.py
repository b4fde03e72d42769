"""Validation in the shadow of a negative trust anchor: counted, shown beside EDE 33, and in nobody's way."""

import dns.rcode
import dns.rdatatype

from holdfast.base.security_status import INSECURE, SECURE, UNCHECKED
from holdfast.dns.iana import EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR, TYPE_A
from holdfast.dnssec.anchor_scope import WIDE
from holdfast.resolve import shadow_book
from holdfast.resolve.recovery import REFRESH_BATCH, REFRESH_INTERVAL_US
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import Message
from tests.support.registry_world import HOUR_S, MAIL, RegistryWorld, registry_settings
from tests.support.signed_world import ede_codes, ede_texts, is_secure


def broken_world() -> RegistryWorld:
    """`de` is broken, and a wide anchor in force for it."""
    world = RegistryWorld()
    world.broken = True
    world.add_anchor(WIDE)
    return world


def numbers(world: RegistryWorld) -> dict[str, int]:
    counts = world.engine.state.shadows.numbers(wire_name("de"))
    return {name: count for name, count in counts.items() if count}


def settled(world: RegistryWorld, name: str, rtype: str = "A") -> Message:
    """The answer once the search beside the first one is over."""
    world.ask_from(name, rtype)
    world.pass_time_us(4_000_000)  # the first packet is a brief one
    return world.ask_from(name, rtype)


# -- what it says ------------------------------------------------------------------------------------------------------


def test_issue4_the_cause_comes_first_and_then_the_anchor() -> None:
    world = broken_world()
    answer = settled(world, "www.de")
    assert answer.rcode() == dns.rcode.NOERROR and answer.answer and not is_secure(answer)
    assert ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
    assert "RRSIG with invalid signature for www.de/A" in ede_texts(answer)[0]


def test_issue4_below_an_unsigned_delegation_the_bad_denial_record_is_named() -> None:
    world = broken_world()
    answer = settled(world, "www.plain.de")
    assert answer.answer and ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
    assert "/NSEC3 (keytag=" in ede_texts(answer)[0]


def test_denials_are_judged_as_well() -> None:
    world = broken_world()
    answer = settled(world, "no-such-name.de")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
    world.broken = False
    world.pass_time_us(HOUR_S * 500_000)
    answer = settled(world, "other-name.de")
    assert ede_codes(answer) == [EDE_NEGATIVE_TRUST_ANCHOR]


def test_a_zone_that_is_well_has_no_other_cause_and_is_counted_as_secure() -> None:
    world = RegistryWorld()
    world.add_anchor(WIDE)
    for name in ("www.de", "www.known.de", "www.plain.de"):
        answer = settled(world, name)
        assert ede_codes(answer) == [EDE_NEGATIVE_TRUST_ANCHOR] and not is_secure(answer)
    counts = numbers(world)
    assert counts["secure"] >= 2 and counts["insecure"] >= 1 and "bogus" not in counts


def test_what_would_be_is_counted_by_anchor_and_from_zero_with_each() -> None:
    world = broken_world()
    for name in ("www.de", "www.plain.de", "no-such-name.de"):
        settled(world, name)
    assert numbers(world)["bogus"] >= 3
    world.remove_anchor()
    assert numbers(world) == {}
    world.add_anchor(WIDE)
    assert numbers(world) == {}


def test_where_zones_below_stay_validated_both_kinds_are_counted() -> None:
    world = RegistryWorld()
    world.know("known.de")
    world.broken = True
    world.add_anchor()
    assert is_secure(world.ask_from("www.known.de"))
    answer = world.ask_from("www.de")
    assert ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
    assert numbers(world) == {"secure": 1, "bogus": 1}


# -- what it must not do -----------------------------------------------------------------------------------------------


def test_issue4_the_answer_does_not_wait_for_it_and_does_not_fail_by_it() -> None:
    """With the keys out of reach the answer takes as long as without the shadow, and says only what is known."""
    world = RegistryWorld()
    genuine = world.respond
    asked: list[str] = []

    def without_keys(address: str, query: Message) -> Message | None:
        if query.question[0].rdtype in (dns.rdatatype.DNSKEY, dns.rdatatype.DS):
            asked.append(query.question[0].name.to_text())
            return None
        return genuine(address, query)

    world.respond = without_keys
    world.broken = True
    world.add_anchor(WIDE)
    before_us = world.clock_us
    answer = world.ask_from("www.de")
    assert answer.answer and ede_codes(answer) == [EDE_NEGATIVE_TRUST_ANCHOR]
    sent = [query.question[0] for _, query in world.sent]
    data = [one for one in sent if one.rdtype not in (dns.rdatatype.DNSKEY, dns.rdatatype.DS)]
    assert asked, "the search goes on beside it"
    assert world.clock_us - before_us <= len(data) * 20_000
    world.pass_time_us(60 * 1_000_000)
    assert world.ask_from("www.plain.de").answer


def test_nothing_of_it_is_stored_so_others_are_treated_as_ever() -> None:
    world = broken_world()
    settled(world, "www.de")
    known = world.engine.state.rrsets.get_stale(wire_name("www.de"), TYPE_A, True)
    assert known is not None and known.status == UNCHECKED
    assert world.ask_from("www.de", address=MAIL).rcode() == dns.rcode.SERVFAIL
    world.remove_anchor()
    assert world.ask_from("www.de").rcode() == dns.rcode.SERVFAIL


def test_it_is_bounded_by_signature_checks_and_searches_in_a_second() -> None:
    world = broken_world()
    settled(world, "www.de")
    book = world.engine.state.shadows
    book.renew(world.clock_us)
    book.checks_left = book.searches_left = 0
    answer = world.ask_from("other.de")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert ede_codes(answer) == [EDE_NEGATIVE_TRUST_ANCHOR]
    assert numbers(world)["unchecked"] >= 1
    world.pass_time_us(1_000_000)
    book.renew(world.clock_us)
    assert (book.checks_left, book.searches_left) == (shadow_book.CHECKS_PER_SECOND, shadow_book.SEARCHES_PER_SECOND)


def test_configured_insecure_zones_have_no_shadow() -> None:
    settings = registry_settings()
    settings.insecure_zones = [wire_name("de")]
    world = RegistryWorld(settings)
    world.broken = True
    assert ede_codes(world.ask_from("www.de")) == [EDE_NEGATIVE_TRUST_ANCHOR]
    assert world.asked().count("de. DNSKEY") == 0


# -- the end -----------------------------------------------------------------------------------------------------------


def stored(world: RegistryWorld, name: str) -> int:
    entry = world.engine.state.rrsets.get(wire_name(name), TYPE_A, world.clock_us)
    return entry.status if entry is not None else -1


def test_issue4_at_the_end_what_was_let_through_is_validated_before_anybody_asks() -> None:
    world = RegistryWorld()
    world.add_anchor(WIDE)
    names = ("www.plain.de", "www.known.de", "www.de")
    for name in names:
        world.ask_from(name)
    assert [stored(world, name) for name in names] == [UNCHECKED] * 3
    sent = len(world.sent)
    world.remove_anchor()
    world.pass_time_us(1_000_000)
    assert [stored(world, name) for name in names] == [INSECURE, SECURE, SECURE]
    fetched = [question for question in world.asked()[sent:] if question.endswith(" A")]
    assert fetched == [], "what is in the cache is judged there: no flush storm"
    assert is_secure(world.ask_from("www.known.de"))


def test_issue4_the_most_wanted_names_are_validated_first_and_at_a_pace() -> None:
    world = RegistryWorld()
    world.add_anchor(WIDE)
    names = [f"n{number}.de" for number in range(REFRESH_BATCH + 5)]
    for name in [*names, names[-1]]:
        world.engine.packets.clear()  # so that each question counts
        world.ask_from(name)
    assert world.remove_anchor()
    assert len(judged(world, names)) == REFRESH_BATCH and names[-1] in judged(world, names)
    world.pass_time_us(REFRESH_INTERVAL_US)
    assert judged(world, names) == names


def judged(world: RegistryWorld, names: list[str]) -> list[str]:
    """The names that do not exist whose denial has been judged."""
    entries = [(name, world.engine.state.negatives.get(wire_name(name), TYPE_A, world.clock_us)) for name in names]
    return [name for name, entry in entries if entry is not None and entry.status != UNCHECKED]


def test_the_same_when_it_ends_by_the_clock() -> None:
    world = RegistryWorld()
    world.add_anchor(WIDE, lifetime_s=30)
    world.ask_from("www.de")
    assert stored(world, "www.de") == UNCHECKED
    world.pass_time_us(30_000_000)
    world.pass_time_us(1_000_000)
    assert stored(world, "www.de") == SECURE


def test_where_zones_below_stay_validated_the_cause_is_at_hand_and_nothing_is_searched_for() -> None:
    world = RegistryWorld()
    world.broken = True
    world.add_anchor()
    answer = world.ask_from("www.plain.de")
    assert answer.answer and ede_codes(answer) == [EDE_DNSSEC_BOGUS, EDE_NEGATIVE_TRUST_ANCHOR]
    assert "/NSEC3 (keytag=" in ede_texts(answer)[0]
    assert world.engine.state.shadows.second == -1, "no search has begun"
