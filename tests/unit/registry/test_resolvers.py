"""Zones signed here are secure to Unbound and to BIND's validator (delv), served by NSD: answers and denials."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.registry.rdata_text import rdata_text
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Nsec3Parameters
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.demo import free_port
from tests.support.nsd import running_nsd
from tests.support.programs import require_program
from tests.support.zones import EVERYTHING, key_pair

KINDS = {"nsec": None, "nsec3": Nsec3Parameters(), "optout": Nsec3Parameters(opt_out=True)}
ZONES = {f"{kind}{algorithm}": (algorithm, nsec3) for kind, nsec3 in KINDS.items() for algorithm in (8, 13, 15)}

UNBOUND = """
server:
  interface: 127.0.0.1
  port: {port}
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  {anchors}
{stubs}
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, Path]]:
    """Ports of NSD and Unbound, and a folder with BIND's trust anchors."""
    folder = tmp_path_factory.mktemp("resolvers")
    now_s = int(time.time())
    paths, anchors, stubs = {}, [], []
    nsd_port, port = free_port(), free_port()
    for name, (algorithm, nsec3) in ZONES.items():
        zone = load_zone(name, EVERYTHING)
        keys = key_pair(algorithm)
        sign_zone(zone, keys, now_s - 5400, now_s + 86400, nsec3)
        paths[name] = folder / f"{name}.zone"
        paths[name].write_text(zone_text(zone))
        ds = rdata_text(43, keys[0].ds(zone.name))
        anchors.append(f'trust-anchor: "{name}. DS {ds}"')
        stubs.append(f'stub-zone:\n  name: "{name}"\n  stub-addr: 127.0.0.1@{nsd_port}')
        tag, number, kind, digest = ds.split()
        (folder / f"{name}.anchor").write_text(
            f'trust-anchors {{ {name}. static-ds {tag} {number} {kind} "{digest}"; }};\n'
        )
    configuration = folder / "unbound.conf"
    text = UNBOUND.format(port=port, folder=folder, anchors="\n  ".join(anchors), stubs="\n".join(stubs))
    configuration.write_text(text)
    unbound = require_program("unbound", "unbound")
    with (
        running_nsd(folder, "nsd", nsd_port, paths),
        subprocess.Popen([unbound, "-d", "-c", str(configuration)], stderr=subprocess.DEVNULL) as process,
    ):
        try:
            for _ in range(200):
                if "NOERROR" in ask(port, "optout15", "SOA") and "NOERROR" in ask(nsd_port, "nsec8", "SOA"):
                    break
                time.sleep(0.05)
            yield nsd_port, port, folder
        finally:
            process.terminate()


def ask(port: int, name: str, rtype: str) -> str:
    dig = require_program("dig", "bind9-dnsutils")
    command = [dig, "@127.0.0.1", "-p", str(port), name, rtype, "+dnssec", "+time=2", "+tries=2"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("zone", ZONES)
def test_unbound(zone: str, ports: tuple[int, int, Path]) -> None:
    _, port, _ = ports
    opt_out = zone.startswith("optout")
    for name, rtype, rcode, secure in (
        ("www", "A", "NOERROR", True),
        ("www", "AAAA", "NOERROR", True),
        ("any.wild", "A", "NOERROR", not opt_out),  # no closer name: proven by a range that may hide delegations
        ("nobody", "A", "NXDOMAIN", not opt_out),
        ("c.d", "A", "NOERROR", True),
        ("signed", "DS", "NOERROR", True),
        ("unsigned", "DS", "NOERROR", not opt_out),
    ):
        answer = ask(port, f"{name}.{zone}", rtype)
        assert f"status: {rcode}" in answer, (name, answer)
        flags = answer.split("flags:")[1].split(";")[0].split()
        assert ("ad" in flags) == secure, (name, answer)


@pytest.mark.parametrize("zone", ZONES)
def test_bind(zone: str, ports: tuple[int, int, Path]) -> None:
    nsd_port, _, folder = ports
    delv = require_program("delv", "bind9-dnsutils")
    for name, rtype, said in (
        ("www", "A", "fully validated"),
        ("www", "AAAA", "negative response, fully validated"),
        # No closer name: proven by a range that may hide unsigned delegations.
        ("any.wild", "A", "unsigned answer" if zone.startswith("optout") else "fully validated"),
        ("nobody", "A", "negative response, fully validated"),
    ):
        command = [delv, "@127.0.0.1", "-p", str(nsd_port), "-a", str(folder / f"{zone}.anchor"), f"+root={zone}"]
        done = subprocess.run([*command, f"{name}.{zone}", rtype], capture_output=True, text=True, check=False)
        assert said in done.stdout, (name, done.stdout, done.stderr)
