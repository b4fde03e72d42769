"""NSD as a child process, for tests that need an authoritative server of another make."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import require_program

NSD = """
server:
  ip-address: 127.0.0.1@{port}
  chroot: ""
  username: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/{name}.pid"
  xfrdfile: "{folder}/{name}.xfrd"
  zonelistfile: "{folder}/{name}.list"
  database: ""
  logfile: "{folder}/{name}.log"
  server-count: 1
  verbosity: 2
remote-control:
  control-enable: yes
  control-interface: "{folder}/{name}.sock"
{more}
"""


@contextmanager
def running_nsd(
    folder: Path, name: str, port: int, zones: Mapping[str, Path], options: str = "", more: str = ""
) -> Iterator[None]:
    """Serve zone files on a port of 127.0.0.1; ``options`` go into each zone, ``more`` into the configuration."""
    nsd = require_program("nsd", "nsd")
    text = NSD.format(folder=folder, name=name, port=port, more=more)
    for zone, path in zones.items():
        text += f'zone:\n  name: "{zone}"\n  zonefile: "{path}"\n{options}\n'
    configuration = folder / f"{name}.conf"
    configuration.write_text(text)
    with subprocess.Popen([nsd, "-d", "-c", str(configuration)], stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_for(condition: str, log: Path) -> None:
    """Wait until a text is in a log."""
    for _ in range(300):
        if log.exists() and condition in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{condition!r} is not in the log: {log.read_text() if log.exists() else 'no log'}")


def serial_of(port: int) -> str:
    """Serial of "example" on a port of 127.0.0.1; empty if there is no answer."""
    dig = require_program("dig", "bind9-dnsutils")
    command = [dig, "@127.0.0.1", "-p", str(port), "example", "SOA", "+short", "+time=2", "+tries=3"]
    return (subprocess.run(command, capture_output=True, text=True, check=False).stdout.split() or ["", "", ""])[2]


def wait_for_serial(port: int, serial: str) -> None:
    """Wait until a server has a version of "example"."""
    for _ in range(200):
        if serial_of(port) == serial:
            return
        time.sleep(0.05)
    raise AssertionError(f"serial {serial_of(port)!r}, not {serial}")
