"""The first minute of `holdfast demo`: the outage of 5 May 2026 on real sockets, compressed, with its chart."""

import asyncio
import dataclasses
import time

from rich.console import Console

from holdfast.lab.loopback import LoopbackInternet
from holdfast.lab.measurements import Measurements
from holdfast.lab.outage import Outage, find_outage
from holdfast.lab.policies import POLICIES
from holdfast.lab.real_time import SocketResolver, play_in_real_time
from holdfast.lab.terminal import ReplayScreen
from holdfast.lab.traffic import TrafficParameters
from holdfast.lab.world import Pace, World
from holdfast.server.settings import Listener, ServerSettings
from holdfast.server.sockets import bind_pair
from holdfast.server.worker import Worker

NAME = "de-2026-05-05"
SCALE = 0.03  # some sixty zones: what one process can serve, resolve and ask for at several hundred times the speed
WARM_UP_S = 3600
SEED = 1
RECHECK_S = 1  # failed refreshes are tried again after 30 s by default: hours of the outage at this speed


def demo_outage() -> Outage:
    """Return the outage as the demonstration plays it."""
    return dataclasses.replace(find_outage(NAME).scaled(SCALE), warm_up_s=WARM_UP_S)


async def play_demo_outage(
    console: Console, listener: Listener, settings: ServerSettings, length_s: float, stop: asyncio.Event
) -> Measurements:
    """Play the outage in ``length_s`` seconds with a resolver at ``listener``; ends early when ``stop`` is set."""
    outage = demo_outage()
    span_s = outage.end_s - outage.start_s + outage.warm_up_s
    compression = max(1, round(span_s / length_s))
    world = World.generate(outage, SEED, Pace(compression, int(time.time())))
    console.print(
        f"The outage of .de on 5 May 2026: {span_s / 3600:.0f} hours in {length_s:.0f} s, with the resolver on "
        f"{listener} and {len(world.servers)} servers on loopback.\nTwo of three signatures of .de are made with keys "
        "that nobody has; clients retry; the resolver answers from what it knew. `--no-outage` skips this.\n",
        markup=False,
        soft_wrap=True,
    )
    network = LoopbackInternet(world.servers)
    await network.start()
    engine = world.settings()
    engine.failure_recheck_timer_s = RECHECK_S
    sockets = {listener: bind_pair(listener)}
    finished = asyncio.Event()
    worker = Worker(dataclasses.replace(settings, address_map=network.address_map), engine, sockets)
    serving = asyncio.create_task(worker.serve(finished))
    resolver = SocketResolver(listener.host, listener.port)
    try:
        with ReplayScreen(console, outage) as screen:
            screen.begin(POLICIES[-1])
            traffic = TrafficParameters().for_zones(outage.zones)
            (measured,) = await play_in_real_time(world, [resolver], traffic, screen.progress, stop)
    finally:
        resolver.close()
        finished.set()
        await serving
        for udp, _ in sockets.values():
            udp.close()
        network.close()
    console.print(closing_line(outage, measured), markup=False, soft_wrap=True)
    return measured


def closing_line(outage: Outage, measured: Measurements) -> str:
    """Return what the outage did to clients, in one line."""
    share = measured.share(outage.broken_s, outage.healed_s)
    stale = sum(minute.kinds["stale"] for minute in measured.minutes)
    return (
        f"\n{share.questions} questions during the break, {share.percent:.1f} % failed; {stale} answers were stale. "
        f"`holdfast lab replay {NAME}` plays it in virtual time, policy against policy, with a report.\n"
    )
