"""The way of an observation from a worker to the supervisor."""

from holdfast.base.cause import Cause
from holdfast.cache.failure_cache import REFRESH_BOGUS, REFRESH_UNREACHABLE
from holdfast.cache.zone_health import CAUSES_COUNTED, CHILDREN_COUNTED, SERVERS_COUNTED, ZoneHealthTable
from holdfast.dns.iana import EDE_DNSSEC_BOGUS
from holdfast.sentinel.observation import from_values, observations, to_values
from holdfast.server.lines import LINE_OCTETS, decode, encode
from tests.support.seen_zones import wire

LONG = b"".join(b"\x3f" + bytes([at]) * 63 for at in (0, 1)) + b"\x3d" + b"\x02" * 61


def test_an_observation_survives_the_way_even_when_it_is_as_large_as_it_can_be() -> None:
    table = ZoneHealthTable()
    zone = LONG + wire("de")
    for at in range(100):
        causes = [Cause(EDE_DNSSEC_BOGUS, f"{at} " + "\\001" * 255, "rrsig.invalid", "\\001" * 255 + "/NSEC3", at)]
        child = b"\x02" + f"{at:02d}".encode() + zone
        table.note_failure(zone, child, REFRESH_BOGUS, causes, [bytes([at]) * 16])
        table.note_failure(zone, child, REFRESH_UNREACHABLE, causes, [])
    table.note_validated(zone)
    table.note_answered(zone)
    (seen,) = observations(table.take())
    assert (seen.validated, seen.answered, seen.bogus.total, seen.unreachable.total) == (1, 1, 100, 100)
    assert len(seen.bogus.children) == CHILDREN_COUNTED
    assert len(seen.bogus.reasons) == CAUSES_COUNTED
    assert len(seen.bogus.servers) == SERVERS_COUNTED
    line = encode({"health": to_values(seen)})
    assert len(line) < LINE_OCTETS
    assert from_values(decode(line)["health"]) == seen
