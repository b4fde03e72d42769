"""NSD: the server of the benchmark's zones, and of the laboratory's Internet in the place of its own servers."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BenchError, running
from bench.served_zone import ServedZone, judge, serves
from holdfast.dns.name import is_subdomain, label_count, to_text
from holdfast.lab.outage import Version
from holdfast.lab.world import World
from holdfast.registry.zone import Zone
from holdfast.registry.zone_file import zone_text

SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"  # where Debian puts servers, which is not on everybody's path
READY_S = 30.0  # for thousands of zones on a busy machine; a second is usual
LOOK_EVERY_S = 0.02
Place = tuple[str, int]

_CONFIG = """
server:
    server-count: 1
{places}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdir: "{folder}"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    logfile: "{folder}/nsd.log"
    verbosity: 0
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""


def find_nsd(otherwise: str = "") -> str:
    """Return the path of NSD; `BenchError` names the package, and what to do ``otherwise``."""
    path = shutil.which("nsd") or shutil.which("nsd", path=SYSTEM_FOLDERS)
    if path is None:
        raise BenchError(f"nsd is not installed (Debian: apt-get install nsd){otherwise}")
    return path


def nsd_command(program: str, folder: Path, places: Sequence[Place], zones: Mapping[str, Path]) -> list[str]:
    """Write the configuration into ``folder``, made if need be, and return the command that serves in the foreground.

    ``places`` are addresses and ports to answer at, ``zones`` the zone files by absolute name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nsd.conf"
    lines = "\n".join(f"    ip-address: {host}@{port}" for host, port in places)
    entries = (f'zone:\n    name: "{name}"\n    zonefile: "{path}"\n' for name, path in zones.items())
    config.write_text(_CONFIG.format(places=lines, folder=folder) + "".join(entries))
    return [program, "-d", "-c", str(config)]


@dataclass
class Instance:
    """One running NSD: the addresses that it answers for, and the folder of its zones."""

    addresses: list[bytes]
    folder: Path
    process: subprocess.Popen[bytes]


class NsdInternet:
    """The servers of a world as NSD processes; ``address_map`` says where each address really is served.

    Addresses with the same zones and the same future share a process, as do all hosting companies.
    """

    def __init__(self, world: World, address_map: Mapping[bytes, Place]) -> None:
        self._world = world
        self.address_map = address_map
        self._instances: list[Instance] = []

    @classmethod
    @contextmanager
    def serving(
        cls, world: World, folder: Path, program: str, address_map: Mapping[bytes, Place]
    ) -> Iterator["NsdInternet"]:
        """Serve the world as it is now, from zone files below ``folder``, until the block ends. Raises BenchError."""
        network = cls(world, address_map)
        with ExitStack() as stack:
            for number, addresses in enumerate(_groups(world)):
                stack.enter_context(network._start(folder / f"nsd-{number}", program, addresses))
            for one in network._instances:
                network._await_zones(one, one.addresses)
            yield network

    @contextmanager
    def _start(self, folder: Path, program: str, addresses: list[bytes]) -> Iterator[None]:
        zones = self._zones(addresses)
        files = {to_text(name): zone_file(folder, name) for name in zones}
        command = nsd_command(program, folder, [self.address_map[address] for address in addresses], files)
        for zone in zones.values():
            write_zone_file(folder, zone)
        with running(command, folder, None) as process:
            self._instances.append(Instance(addresses, folder, process))
            yield

    def _zones(self, addresses: Sequence[bytes]) -> dict[bytes, Zone]:
        """Return what the world has at some addresses."""
        return {zone.name: zone for address in addresses for zone in self._world.servers[address].zones.values()}

    def publish(self, addresses: Sequence[bytes]) -> None:
        """Let servers take what the world has for them now: rewrite zone files, and have NSD read those that differ."""
        for one in self._instances:
            if set(one.addresses).isdisjoint(addresses):
                continue
            written = [write_zone_file(one.folder, zone) for zone in self._zones(one.addresses).values()]
            if True in written:
                one.process.send_signal(signal.SIGHUP)

    def rehearse(self) -> list[tuple[Version, ServedZone]]:
        """Serve every version of the outage's zone that is still to come, ask for it, and go back to the present one.

        Returns what NSD's answers showed of each, the present one first: all servers agree. Raises BenchError.
        """
        world = self._world
        addresses = world.subject_addresses()
        present = {address: world.servers[address].zones[world.subject] for address in addresses}
        due = [*present.values(), *(change.zone for change in world.changes if change.at_s > world.settled_s)]
        found = []
        for version, zone in world.versions:
            if any(zone is one for one in due):
                self._serve_everywhere(dict.fromkeys(addresses, zone))
                found.append((version, self.judge()))
        self._serve_everywhere(present)
        return found

    def judge(self) -> ServedZone:
        """Ask all servers for the outage's zone, and say what its signatures are worth. Raises BenchError."""
        world = self._world
        parent = world.subject[world.subject[0] + 1 :]
        above = next(place for address, place in self.address_map.items() if parent in world.servers[address].zones)
        children = [leaf.name for leaf in world.leaves if leaf.signed and is_subdomain(leaf.name, world.subject)]
        deadline_s = time.monotonic() + READY_S
        while True:  # a process that is about to make way for one with a new version may still answer now and then
            seen = [judge(world.subject, self.address_map[one], above, children) for one in world.subject_addresses()]
            if all(one == seen[0] for one in seen):
                return seen[0]
            if time.monotonic() > deadline_s:
                raise BenchError(f"the servers of {world.outage.zone} do not agree: {seen}")

    def _serve_everywhere(self, zones: Mapping[bytes, Zone]) -> None:
        for address, zone in zones.items():
            self._world.servers[address].add(zone)
        self.publish(list(zones))
        for one in self._instances:
            self._await_zones(one, [address for address in one.addresses if address in zones])

    def _await_zones(self, instance: Instance, addresses: Sequence[bytes]) -> None:
        """Wait until an NSD answers for these addresses with the zones as the world has them."""
        deadline_s = time.monotonic() + READY_S
        for address in addresses:
            zones = self._world.servers[address].zones
            zone = zones.get(self._world.subject) or next(iter(zones.values()))
            while not serves(zone, self.address_map[address]):
                if instance.process.poll() is not None or time.monotonic() > deadline_s:
                    place = "{}@{}".format(*self.address_map[address])
                    raise BenchError(
                        f"NSD does not serve {to_text(zone.name)} at {place} (see {instance.folder}/nsd.log)"
                    )
                time.sleep(LOOK_EVERY_S)


def _groups(world: World) -> list[list[bytes]]:
    """Sort addresses into those that one NSD can serve.

    An NSD answers from all zones that it has at each of its addresses. So nobody shares one who has another top-level
    zone, or takes a version at another time; second-level zones never contain each other.
    """
    groups: dict[tuple[object, ...], list[bytes]] = {}
    for address, server in world.servers.items():
        future = [(one.at_s, id(one.zone)) for one in world.changes if one.address == address]
        is_hosting = min(map(label_count, server.zones)) > 1 and not future
        key = ("hosting",) if is_hosting else (*sorted(server.zones), *future)
        groups.setdefault(key, []).append(address)
    return list(groups.values())


def zone_file(folder: Path, name: bytes) -> Path:
    """Where a zone is written."""
    return folder / f"{to_text(name).rstrip('.') or 'root'}.zone"


def write_zone_file(folder: Path, zone: Zone) -> bool:
    """Write a zone, all of it signed; returns False if the file had it already."""
    for rrset, to_be_signed in zone.rrsets():
        if to_be_signed:
            zone.complete(rrset)
    path = zone_file(folder, zone.name)
    text = zone_text(zone)
    if path.exists() and path.read_text() == text:
        return False
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
    return True
