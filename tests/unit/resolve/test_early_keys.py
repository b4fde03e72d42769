"""The keys of a signed zone are asked for together with the data, when the data is to be validated."""

import dns.message

from tests.support.engine_world import Message
from tests.support.signed_world import SignedWorld, is_secure

ZONE = "www 3600 IN A 192.0.2.80\n"


def silent_about_data(query: Message, response: Message) -> Message | None:
    """Lose what answers the question for the address; referrals and keys arrive."""
    return None if response.answer and query.question[0].rdtype == dns.rdatatype.A else response


def asked_while_waiting(world: SignedWorld, *, cd: bool = False) -> list[str]:
    query = dns.message.make_query("www.zone.", "A", want_dnssec=True)
    if cd:
        query.flags |= dns.flags.CD
    world.submit(query)
    return world.asked()


def test_keys_are_asked_for_without_waiting_for_the_data() -> None:
    world = SignedWorld({"zone": ZONE}, tamper=silent_about_data)
    assert "zone. DNSKEY" in asked_while_waiting(world)


def test_nobody_asks_for_keys_when_the_client_validates_itself() -> None:
    world = SignedWorld({"zone": ZONE}, tamper=silent_about_data)
    assert "zone. DNSKEY" not in asked_while_waiting(world, cd=True)


def test_nobody_asks_for_keys_of_an_unsigned_zone() -> None:
    world = SignedWorld({"zone": ZONE}, unsigned=("zone",), tamper=silent_about_data)
    assert "zone. DNSKEY" not in asked_while_waiting(world)


def test_keys_are_asked_for_once() -> None:
    world = SignedWorld({"zone": ZONE})
    assert is_secure(world.ask_secure("www.zone."))
    assert world.asked().count("zone. DNSKEY") == 1
