"""The SOA in negative answers: always the newest of the zone that is known."""

import dns.flags
import dns.message
import dns.rcode

from tests.support.engine_world import EngineWorld, Message, reply_to


class MovingZone:
    """A zone whose serial rises with every question; nothing exists."""

    def __init__(self) -> None:
        self.serial = 0

    def respond(self, _address: str, query: Message) -> Message:
        self.serial += 1
        response = reply_to(query, [], [f"example. 100 SOA ns.example. root.example. {self.serial} 2 3 4 100"])
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response


def serial_and_ttl(answer: Message) -> tuple[int, int]:
    (soa,) = answer.authority
    return soa[0].serial, soa.ttl


def test_no_answer_goes_back_behind_a_serial_that_was_shown() -> None:
    world = EngineWorld(MovingZone().respond)
    assert serial_and_ttl(world.ask("one.example")) == (1, 100)
    assert serial_and_ttl(world.ask("one.example")) == (1, 100)  # a finished packet by now
    world.pass_time_us(40_000_000)
    assert serial_and_ttl(world.ask("two.example")) == (2, 100)
    serial, ttl = serial_and_ttl(world.ask("one.example"))
    assert serial == 2
    assert 59 <= ttl <= 60  # the denial itself got no younger
    assert len(world.sent) == 2


def test_the_denial_ends_when_it_would_have() -> None:
    world = EngineWorld(MovingZone().respond)
    world.ask("one.example")
    world.pass_time_us(70_000_000)
    world.ask("two.example")
    world.pass_time_us(31_000_000)
    assert serial_and_ttl(world.ask("one.example"))[0] == 3
