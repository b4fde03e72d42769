"""Playing an outage in virtual time: one run for each policy, the same world and clients in all of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from holdfast.dns.iana import FLAG_CD, FLAG_RD, rcode_name, type_number
from holdfast.dns.writer import build_query
from holdfast.lab.measurements import MINUTE_S, STALE, ClientAnswer, Measurements, read_answer
from holdfast.lab.operator import Moment, Watch
from holdfast.lab.outage import Outage, Probe
from holdfast.lab.policies import Policy
from holdfast.lab.resolver_mix import RESOLVER_ADDRESS, CauseLoser, forwarder_settings
from holdfast.lab.simulation import (
    SECOND_US,
    AskedResolver,
    NetworkFaults,
    SimulatedNetwork,
    VirtualClock,
    VirtualResolver,
)
from holdfast.lab.traffic import Traffic, TrafficParameters
from holdfast.lab.world import Change, World
from holdfast.lab.zone_versions import wire
from holdfast.sentinel.incident import Incident

EDNS_OCTETS = 1232
PATIENCE_S = 20  # beyond the engine's own limit for a request
PROBE_CLIENT = b"\x7f\x00\x00\x01"
QUIET = NetworkFaults(loss_percent=0, reordered_percent=0)
Progress = Callable[[Measurements, float], None]


@dataclass
class Run:
    """One policy's way through the outage."""

    policy: Policy
    measured: Measurements
    statistics: dict[str, int]
    incidents: list[Incident]
    story: list[Moment]


def play(
    outage: Outage,
    policy: Policy,
    seed: int,
    traffic: TrafficParameters,
    progress: Progress | None = None,
    faults: NetworkFaults | None = None,
) -> Run:
    """Play an outage; ``progress`` is told after every virtual minute, with the POSIX time."""
    world = World.generate(outage, seed)
    traffic = replace(traffic, checking_disabled=policy.checking_disabled)
    begin_s = outage.start_s - outage.warm_up_s
    clock = VirtualClock(begin_s)
    network = SimulatedNetwork(clock, world.servers, seed, faults)
    resolver = VirtualResolver(clock, network, policy.apply(world.settings()), seed)
    measured = Measurements(outage.start_s, outage.end_s)
    clients = Traffic(world, clock, _asked(world, clock, network, resolver, policy), measured, traffic)
    for change in world.changes:
        if change.at_s > world.settled_s:
            clock.plan(clock.at(change.at_s), partial(_change, world, network, change))
    watch = Watch(world, clock, network, resolver, policy.timeline)
    clients.start()
    upstream = 0
    for minute_s in range(begin_s, outage.end_s, MINUTE_S):
        clock.run_until(clock.at(minute_s + MINUTE_S))
        minute = measured.minute(minute_s)
        if minute is not None:
            minute.upstream = network.queries - upstream
        upstream = network.queries
        if progress is not None:
            progress(measured, minute_s + MINUTE_S)
    return Run(policy, measured, resolver.engine.statistics(), watch.detector.incidents, watch.story)


def _asked(
    world: World, clock: VirtualClock, network: SimulatedNetwork, resolver: VirtualResolver, policy: Policy
) -> AskedResolver:
    """Return what clients talk to."""
    if policy.loses_cause:
        return CauseLoser(resolver)
    if not policy.forwarder:
        return resolver
    network.resolvers[RESOLVER_ADDRESS] = resolver
    return VirtualResolver(clock, network, forwarder_settings(world.settings()), world.seed + 1)


def _change(world: World, network: SimulatedNetwork, change: Change) -> None:
    network.forget(world.apply(change))


class Prober:
    """Puts single questions to a resolver of its own, at moments of the outage that only go forward."""

    def __init__(self, outage: Outage, seed: int, policy: Policy) -> None:
        self.world = World.generate(outage, seed)
        self._seed = seed
        self._policy = policy
        self._resolvers = 0

    def cold(self, at_s: int, name: str, rtype: str = "A", checking_disabled: bool = False) -> ClientAnswer:
        """Return the answer of a resolver that knows nothing, at a moment (POSIX seconds)."""
        self.world.settle(at_s)
        clock = VirtualClock(at_s)
        return self._ask(clock, self._resolver(clock), name, rtype, checking_disabled)

    def answer(self, probe: Probe) -> ClientAnswer:
        """Return the answer to a probe."""
        if not probe.warm_s:
            return self.cold(probe.at_s, probe.name, probe.type, probe.checking_disabled)
        self.world.settle(probe.warm_s)
        clock = VirtualClock(probe.warm_s)
        resolver = self._resolver(clock)
        self._ask(clock, resolver, probe.warm_name or probe.name, probe.warm_type or probe.type, False)
        clock.run_until(clock.at(probe.at_s))
        self.world.settle(probe.at_s)
        self._network.forget(self.world.servers)
        return self._ask(clock, resolver, probe.name, probe.type, probe.checking_disabled)

    def _resolver(self, clock: VirtualClock) -> VirtualResolver:
        self._network = SimulatedNetwork(clock, self.world.servers, self._seed, QUIET)
        self._resolvers += 1  # each resolver chooses servers in its own way
        chance = self._seed * 100 + self._resolvers
        return VirtualResolver(clock, self._network, self._policy.apply(self.world.settings()), chance)

    def _ask(
        self, clock: VirtualClock, resolver: VirtualResolver, name: str, rtype: str, checking_disabled: bool
    ) -> ClientAnswer:
        answers: list[bytes] = []
        flags = FLAG_RD | (FLAG_CD if checking_disabled else 0)
        query = build_query(1, wire(name), type_number(rtype), flags, EDNS_OCTETS, True, [])
        resolver.ask(PROBE_CLIENT, query, answers.append)
        clock.run_until(clock.now_us + PATIENCE_S * SECOND_US)
        return read_answer(answers[0])


def complaints(probe: Probe, answer: ClientAnswer) -> list[str]:
    """Return what an answer has that the probe does not expect."""
    found: list[str] = []
    if rcode_name(answer.rcode) != probe.rcode:
        found.append(f"RCODE {rcode_name(answer.rcode)}, not {probe.rcode}")
    codes = [code for code, _ in answer.ede]
    found.extend(f"no EDE {code}" for code in probe.ede if code not in codes)
    if not probe.ede and codes:
        found.append(f"unexpected EDE {codes}")
    if probe.text and not any(probe.text in text for _, text in answer.ede):
        found.append(f"no text with {probe.text!r}")
    if answer.secure != probe.secure:
        found.append("AD" if answer.secure else "no AD")
    if probe.rcode == "NOERROR" and probe.empty != (answer.records == 0):
        found.append(f"{answer.records} RRsets in the answer")
    if probe.stale != (answer.kind == STALE):
        found.append("stale" if answer.kind == STALE else "not stale")
    return found
