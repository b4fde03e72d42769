"""RFC 8145 section 5: telling the servers of an anchor's zone which keys are trusted."""

from holdfast.base.settings import TrustAnchorSetting
from holdfast.lab.broken import key_of, sign_well
from tests.support.dnssec_records import ZoneKey, wire_name
from tests.support.engine_world import START_S, plain_settings
from tests.support.signed_world import SignedWorld

DAY_US = 86400 * 1_000_000
ZONE = "www 300 IN A 192.0.2.80\n"


def signals(world: SignedWorld) -> list[str]:
    return [question for question in world.asked() if question.startswith("_ta-")]


def test_5_1_the_name_holds_the_key_tags_in_hexadecimal() -> None:
    world = SignedWorld({"example": ZONE})
    assert signals(world) == []
    world.ask_secure("www.example.")
    assert signals(world) == [f"_ta-{world.zones['.'].keys[0].key_tag:04x}. NULL"]


def test_it_is_said_once_a_day() -> None:
    world = SignedWorld({"example": ZONE})
    world.ask_secure("www.example.")
    world.engine.flush(b"\x00", True, world.now())
    world.ask_secure("www.example.")
    world.pass_time_us(DAY_US - 60_000_000)
    assert len(signals(world)) == 1
    world.pass_time_us(120_000_000)
    assert len(signals(world)) == 2
    world.pass_time_us(DAY_US)
    assert len(signals(world)) == 3


def test_it_can_be_turned_off() -> None:
    settings = plain_settings()
    settings.signal_trust_anchors = False
    world = SignedWorld({"example": ZONE}, settings=settings)
    world.ask_secure("www.example.")
    assert signals(world) == []


def test_5_1_keys_that_are_added_at_run_time_are_told_to_their_own_zone() -> None:
    world = SignedWorld({"island": ZONE}, unsigned=("island",))
    sign_well(world.zones["island"], START_S)
    zone, other = wire_name("island"), ZoneKey("island", 13)
    key = key_of(world.zones["island"])
    world.engine.put_trust_anchor(TrustAnchorSetting(zone, [key.ds(zone), other.ds()], [], False, ""), world.now())
    world.ask_secure("www.island.")
    tags = "-".join(f"{tag:04x}" for tag in sorted([key.key_tag, other.tag]))
    assert f"_ta-{tags}.island. NULL" in signals(world)
    world.engine.put_trust_anchor(TrustAnchorSetting(zone, [key.ds(zone)], [], False, ""), world.now())
    world.ask_secure("www.island.")
    assert signals(world)[-1] == f"_ta-{key.key_tag:04x}.island. NULL"
    world.engine.remove_trust_anchor(zone, world.now())
    before = len([one for one in signals(world) if "island" in one])
    world.pass_time_us(2 * DAY_US)
    assert len([one for one in signals(world) if "island" in one]) == before
