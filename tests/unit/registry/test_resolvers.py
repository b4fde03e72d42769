"""Zones signed here, served by NSD, are secure to Unbound and BIND as resolvers, and to delv: answers and denials."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.registry.rdata_text import rdata_text
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Nsec3Parameters
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.nsd import running_nsd
from tests.support.ports import reserve_port
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

NAMED = """
options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  dnssec-validation yes;
}};
controls {{ }};
{anchors}
{zones}
"""
FORWARDED = 'zone "{name}" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {port}; }}; }};'


@dataclass
class Resolvers:
    """Ports of the servers, and the folder with delv's trust anchors."""

    nsd: int
    unbound: int
    named: int
    folder: Path


@pytest.fixture(scope="module")
def resolvers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolvers]:
    """NSD with all zones, and two resolvers in front of it."""
    folder = tmp_path_factory.mktemp("resolvers")
    now_s = int(time.time())
    paths, anchors, stubs, forwarded = {}, [], [], []
    ports = Resolvers(reserve_port(), reserve_port(), reserve_port(), folder)
    for name, (algorithm, nsec3) in ZONES.items():
        zone = load_zone(name, EVERYTHING)
        keys = key_pair(algorithm)
        sign_zone(zone, keys, now_s - 5400, now_s + 86400, nsec3)
        paths[name] = folder / f"{name}.zone"
        paths[name].write_text(zone_text(zone))
        ds = rdata_text(43, keys[0].ds(zone.name))
        anchors.append(f'trust-anchor: "{name}. DS {ds}"')
        stubs.append(f'stub-zone:\n  name: "{name}"\n  stub-addr: 127.0.0.1@{ports.nsd}')
        forwarded.append(FORWARDED.format(name=name, port=ports.nsd))
        tag, number, kind, digest = ds.split()
        (folder / f"{name}.anchor").write_text(
            f'trust-anchors {{ {name}. static-ds {tag} {number} {kind} "{digest}"; }};\n'
        )
    unbound_conf, named_conf = folder / "unbound.conf", folder / "named.conf"
    unbound_conf.write_text(
        UNBOUND.format(port=ports.unbound, folder=folder, anchors="\n  ".join(anchors), stubs="\n".join(stubs))
    )
    trusted = "".join((folder / f"{name}.anchor").read_text() for name in ZONES)
    named_conf.write_text(NAMED.format(port=ports.named, folder=folder, anchors=trusted, zones="\n".join(forwarded)))
    commands = (
        [require_program("unbound", "unbound"), "-d", "-c", str(unbound_conf)],
        [require_program("named", "bind9"), "-f", "-n", "1", "-c", str(named_conf)],
    )
    with running_nsd(folder, "nsd", ports.nsd, paths), ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(process.terminate)
        for port in (ports.nsd, ports.unbound, ports.named):
            for _ in range(400):
                if "NOERROR" in ask(port, "optout15", "SOA"):
                    break
                time.sleep(0.05)
        yield ports


def ask(port: int, name: str, rtype: str) -> str:
    dig = require_program("dig", "bind9-dnsutils")
    command = [dig, "@127.0.0.1", "-p", str(port), name, rtype, "+dnssec", "+time=2", "+tries=2"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("program", ["unbound", "named"])
@pytest.mark.parametrize("zone", ZONES)
def test_resolver(zone: str, program: str, resolvers: Resolvers) -> None:
    port = resolvers.unbound if program == "unbound" else resolvers.named
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
def test_delv(zone: str, resolvers: Resolvers) -> None:
    delv = require_program("delv", "bind9-dnsutils")
    for name, rtype, said in (
        ("www", "A", "fully validated"),
        ("www", "AAAA", "negative response, fully validated"),
        # No closer name: proven by a range that may hide unsigned delegations.
        ("any.wild", "A", "unsigned answer" if zone.startswith("optout") else "fully validated"),
        ("nobody", "A", "negative response, fully validated"),
    ):
        command = [
            delv,
            "@127.0.0.1",
            "-p",
            str(resolvers.nsd),
            "-a",
            str(resolvers.folder / f"{zone}.anchor"),
            f"+root={zone}",
        ]
        done = subprocess.run([*command, f"{name}.{zone}", rtype], capture_output=True, text=True, check=False)
        assert said in done.stdout, (name, done.stdout, done.stderr)
