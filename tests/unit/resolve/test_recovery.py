"""Seeing that a zone is well again: probes, what they end, and what is refreshed first."""

from holdfast.resolve.recovery import REFRESH_BATCH
from tests.support.engine_world import EngineWorld, Message, plain_settings, reply_to
from tests.support.outage_world import OutageWorld
from tests.support.signed_world import ede_codes, is_secure


class FlappingWorld(EngineWorld):
    """An unsigned zone whose servers can fall silent."""

    def __init__(self) -> None:
        self.silent = False
        settings = plain_settings()
        settings.validate = False
        super().__init__(self._answer, settings)

    def _answer(self, _address: str, query: Message) -> Message | None:
        return None if self.silent else reply_to(query, [f"{query.question[0].name} 60 A 192.0.2.80"])

    def recover(self, wanted: str) -> list[str]:
        """Let the servers come back, and return the questions up to the end of the refreshes, probes included."""
        self.silent = False
        self.sent.clear()
        while not self.engine.statistics().get("zones_recovered"):
            self.ask(wanted)
            self.pass_time_us(500_000)
        while self.engine.next_deadline() >= 0:
            self.next_timer()
        return [query.question[0].name.to_text() for _, query in self.sent]


def stale_world(names: list[str]) -> FlappingWorld:
    """All names were answered fresh, and then, the servers silent, stale."""
    world = FlappingWorld()
    for name in names:
        world.ask(name)
    world.pass_time_us(600_000_000)
    world.silent = True
    for name in names:
        assert 3 in ede_codes(world.ask(name))
    return world


def test_what_was_wanted_most_is_refreshed_first() -> None:
    names = ["rare.example", "often.example", "sometimes.example"]
    world = stale_world(names)
    for name, more in (("often.example", 6), ("sometimes.example", 3)):
        for _ in range(more):
            world.pass_time_us(3_500_000)
            world.ask(name)
    refreshed = [name.rstrip(".") for name in world.recover("often.example")]
    last = [name for at, name in enumerate(refreshed) if name not in refreshed[at + 1 :] and name in names]
    assert last.index("often.example") < last.index("sometimes.example")


def test_refreshes_are_paced() -> None:
    names = [f"name{number}.example" for number in range(3 * REFRESH_BATCH)]
    world = stale_world(names)
    world.silent = False
    world.sent.clear()
    most = 0
    while not world.engine.statistics().get("zones_recovered"):
        world.next_timer()
    while world.engine.statistics().get("recovery_refreshes", 0) < 2 * REFRESH_BATCH:
        before = world.engine.statistics().get("recovery_refreshes", 0)
        world.next_timer()
        most = max(most, world.engine.statistics().get("recovery_refreshes", 0) - before)
    assert most <= REFRESH_BATCH


def test_probes_stop_when_nobody_wants_the_zone() -> None:
    world = FlappingWorld()
    world.silent = True
    world.ask("www.example")
    for _ in range(30):
        if world.engine.next_deadline() < 0:
            break
        world.next_timer()
    assert world.engine.state.broken.zones == {}
    probes = world.engine.statistics()["recovery_probes"]
    world.pass_time_us(3_600_000_000)
    assert world.engine.statistics()["recovery_probes"] == probes <= 3


def test_a_single_good_probe_is_not_a_recovery() -> None:
    world = OutageWorld()
    world.broken = True
    world.ask_secure("www.unseen")
    world.ask_secure("www.plain")
    world.broken = False
    probes = world.engine.statistics().get("recovery_probes", 0)
    while not world.engine.statistics().get("zones_recovered"):
        world.next_timer()
    assert world.engine.statistics()["recovery_probes"] - probes >= 2
    assert world.ask_secure("www.unseen").answer
    assert is_secure(world.ask_secure("www.unseen"))


def test_a_long_failure_that_nobody_watches_does_not_outlive_the_zones_recovery() -> None:
    world = FlappingWorld()
    world.silent = True
    for _ in range(12):
        world.ask("www.example")
        world.pass_time_us(3_500_000)
    while world.engine.state.broken.zones:
        world.next_timer()
    world.silent = False
    world.pass_time_us(5_000_000)
    assert world.ask("www.example").answer
