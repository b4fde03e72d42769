"""The resolvers under test, each with one worker and the same job: validate, minimise the QNAME, log and keep nothing.

Whatever is not set here is the product's default. IPv6 is off because the private Internet has none.
"""

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Protocol

LISTEN_ADDRESS: Final = "127.0.0.1"
LISTEN_PORT: Final = 5399
STALE_EXTENSIONS: Final = 8640  # PowerDNS: of 30 s each, three days, as the others


class NameSpace(Protocol):
    """What a resolver has to know of a private Internet: see `ZoneSet`, which is one."""

    @property
    def root_hints(self) -> Path: ...

    @property
    def root_ds(self) -> str: ...

    @property
    def trust_anchor(self) -> Path: ...

    @property
    def trust_anchor_key(self) -> Path: ...


class Peer(ABC):
    """One resolver: how to find it, name its version, and start it in the foreground.

    With ``serve_stale`` it uses expired data when it gets no better, in the way that the product offers.
    """

    name: str
    executable: str
    version_option: str = "--version"
    port: int = LISTEN_PORT
    serve_stale: bool = False

    def stale(self, text: str) -> str:
        """A part of the configuration that is there only with ``serve_stale``."""
        return text if self.serve_stale else ""

    @abstractmethod
    def command(self, zones: NameSpace, folder: Path) -> list[str]:
        """Write the configuration into the empty `folder` and return the command line."""

    def obstacle(self, network: str) -> str:
        """Why this resolver cannot be measured with name servers in `network`; empty if it can."""
        return "" if shutil.which(self.executable) else f"{self.executable} is not installed"

    def version(self) -> str:
        """The version number, as the program itself says it."""
        return program_version(self.executable, self.version_option)


class Unbound(Peer):
    """NLnet Labs Unbound."""

    name = "unbound"
    executable = "unbound"
    version_option = "-V"

    def command(self, zones: NameSpace, folder: Path) -> list[str]:
        config = folder / "unbound.conf"
        config.write_text(f"""
server:
    interface: {LISTEN_ADDRESS}@{self.port}
    {self.stale("serve-expired: yes")}
    num-threads: 1
    do-ip6: no
    do-not-query-localhost: no
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    module-config: "validator iterator"
    qname-minimisation: yes
    root-hints: "{zones.root_hints}"
    trust-anchor-file: "{zones.trust_anchor}"
remote-control:
    control-enable: no
""")
        return [self.executable, "-d", "-c", str(config)]


class Bind(Peer):
    """ISC BIND."""

    name = "bind"
    executable = "named"
    version_option = "-v"

    def command(self, zones: NameSpace, folder: Path) -> list[str]:
        key_tag, algorithm, digest_type, digest = zones.root_ds.split(maxsplit=3)
        config = folder / "named.conf"
        config.write_text(f"""
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    {self.stale("stale-answer-enable yes; stale-cache-enable yes; stale-answer-client-timeout disabled;")}
    listen-on port {self.port} {{ {LISTEN_ADDRESS}; }};
    listen-on-v6 {{ none; }};
    recursion yes;
    dnssec-validation yes;
    qname-minimization relaxed;
    prefetch 0;
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
zone "." {{ type hint; file "{zones.root_hints}"; }};
trust-anchors {{ . static-ds {key_tag} {algorithm} {digest_type} "{digest}"; }};
""")
        return [self.executable, "-4", "-f", "-n", "1", "-c", str(config)]


class Knot(Peer):
    """CZ.NIC Knot Resolver 5."""

    name = "knot"
    executable = "kresd"

    def obstacle(self, network: str) -> str:
        """As above; moreover Knot Resolver takes no server address from 127/8 out of a referral."""
        needs_namespace = "it queries no loopback address, and there is no network namespace; run as root"
        return super().obstacle(network) or (needs_namespace if network.startswith("127.") else "")

    def command(self, zones: NameSpace, folder: Path) -> list[str]:
        config = folder / "kresd.conf"
        config.write_text(f"""
net.ipv6 = false
net.listen('{LISTEN_ADDRESS}', {self.port}, {{ kind = 'dns' }})
log_level('crit')
modules = {{ 'hints > iterate'{self.stale(", 'serve_stale < cache'")} }}
hints.root_file('{zones.root_hints}')
trust_anchors.add_file('{zones.trust_anchor_key}', true)
cache.size = 100 * MB
""")
        return [self.executable, "--noninteractive", f"--config={config}", str(folder)]


class PowerDNS(Peer):
    """PowerDNS Recursor."""

    name = "powerdns"
    executable = "pdns_recursor"

    def command(self, zones: NameSpace, folder: Path) -> list[str]:
        (folder / "anchors.lua").write_text(f'clearTA()\naddTA(".", "{zones.root_ds}")\n')
        (folder / "recursor.conf").write_text(f"""
local-address={LISTEN_ADDRESS}
local-port={self.port}
{self.stale(f"serve-stale-extensions={STALE_EXTENSIONS}")}
socket-dir={folder}
threads=1
dont-query=
dnssec=validate
qname-minimization=yes
hint-file={zones.root_hints}
lua-config-file={folder}/anchors.lua
security-poll-suffix=
quiet=yes
loglevel=2
disable-syslog=yes
write-pid=no
""")
        return [self.executable, f"--config-dir={folder}", "--daemon=no"]


class Holdfast(Peer):
    """This project's resolver."""

    name = "holdfast"
    version_option = "version"

    def __init__(self, executable: str) -> None:
        self.executable = executable

    def command(self, zones: NameSpace, folder: Path) -> list[str]:
        options = {
            "--listen": f"{LISTEN_ADDRESS}:{self.port}",
            "--root-hints": str(zones.root_hints),
            "--trust-anchor": str(zones.trust_anchor),
            "--workers": "1",
        }
        return [self.executable, "serve", *(word for option in options.items() for word in option)]


def all_peers(holdfast: str) -> list[Peer]:
    """Every resolver that the benchmark knows, installed or not; `holdfast` is the path of our own executable."""
    return [Unbound(), Holdfast(holdfast), Knot(), PowerDNS(), Bind()]


def tool_versions() -> dict[str, str]:
    """Versions of the programs that make the load and answer the resolvers."""
    return {"NSD": program_version("nsd", "-v"), "dnsperf": program_version("dnsperf", "-h")}


def program_version(executable: str, option: str) -> str:
    """The first thing in the program's output that looks like a version number."""
    output = subprocess.run([executable, option], capture_output=True, text=True, check=False)
    found = re.search(r"\b\d+\.\d+(\.\d+)*", output.stdout + output.stderr)
    return found.group() if found else "unknown"
