"""The load of the profiled build is what a resolver does: otherwise the compiler would learn the wrong paths."""

import asyncio
import time
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode

from bench.training import REPEATS, play_round, queries
from holdfast.lab.internet import Internet


def test_a_round_resolves_validates_denies_refuses_and_repeats(tmp_path: Path) -> None:
    internet = Internet.demo(int(time.time()))
    responses = [dns.message.from_wire(wire) for wire in asyncio.run(play_round(internet, tmp_path))]
    assert len(responses) == len(queries(internet)) * (1 + REPEATS)
    first = responses[: len(queries(internet))]
    codes = [response.rcode() for response in first]
    assert set(codes[: len(internet.signed_names) + len(internet.unsigned_names)]) == {dns.rcode.NOERROR}
    assert codes.count(dns.rcode.NXDOMAIN) > 50
    assert codes.count(dns.rcode.SERVFAIL) > 5
    assert all(response.flags & dns.flags.AD for response in first[1 : len(internet.signed_names) : 2])
    assert [response.rcode() for response in responses[-len(first) :]] == codes
