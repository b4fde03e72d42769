"""`python -m bench.gate`: the publication gate beside `ldns-verify-zone`, on one generated zone of a million records.

The zone is that of a registry: delegations, a share of them signed, NSEC3 with opt-out. Both programs verify every
signature and the whole chain of the same file, one after the other, and the ratio of their times is what counts.
"""

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from holdfast.crypto.signing import SigningKey
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Nsec3Parameters
from holdfast.registry.zone_file import load_zone, write_zone

_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "bench"
_RECORDS_PER_HUNDRED_NAMES = 320  # two NS each; DS, NSEC3 and two RRSIGs for the signed share of 30 %
_SIGNED_PERCENT = 30
_VALID_S = 5 * 365 * 86400  # the file is kept between runs
_HEAD = "$TTL 86400\n@ SOA ns1 hostmaster 1 7200 3600 1209600 7200\n@ NS ns1\nns1 A 192.0.2.1\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--algorithm", type=int, choices=(8, 13, 15), default=13)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    ldns = shutil.which("ldns-verify-zone")
    if ldns is None:
        sys.exit("bench.gate: ldns-verify-zone is not installed (Debian: apt-get install ldnsutils)")
    path = _zone_file(options.records, options.algorithm)
    with open(path, "rb") as file:
        records = sum(1 for _ in file)
    print(f"{path.name}: {records} records, {path.stat().st_size >> 20} MiB, {os.cpu_count()} CPUs")
    holdfast = Path(sys.executable).parent / "holdfast"
    commands = {
        "ldns-verify-zone": [ldns, "-V1", str(path)],
        "holdfast registry check": [str(holdfast), "registry", "check", str(path)],
        "... --jobs 1": [str(holdfast), "registry", "check", str(path), "--jobs", "1"],
        "... --sample 1000": [str(holdfast), "registry", "check", str(path), "--sample", "1000"],
    }
    base_s = 0.0
    for name, command in commands.items():
        wall_s, cpu_s = min(_run(command) for _ in range(options.rounds))
        base_s = base_s or wall_s
        print(f"{name:26} {wall_s:7.1f} s  CPU {cpu_s:7.1f} s  ratio {wall_s / base_s:5.2f}")


def _run(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command that has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"bench.gate: {command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _zone_file(records: int, algorithm: int) -> Path:
    path = _CACHE / f"gate-1-{algorithm}-{records}.zone"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"making {path.name} ...")
    lines = [_HEAD]
    for number in range(records * 100 // _RECORDS_PER_HUNDRED_NAMES):
        name = f"name-{number:07}"
        hoster = number % 997
        lines.append(f"{name} NS ns1.hoster{hoster}.test.\n{name} NS ns2.hoster{hoster}.test.\n")
        if number % 100 < _SIGNED_PERCENT:
            digest = hashlib.sha256(name.encode()).hexdigest()
            lines.append(f"{name} DS {number % 65536} 13 2 {digest}\n")
    zone = load_zone("bench", "".join(lines))
    keys = [SigningKey.derive(algorithm, b"bench/entry", 257), SigningKey.derive(algorithm, b"bench/zone", 256)]
    now_s = int(time.time())
    sign_zone(zone, keys, now_s - 86400, now_s + _VALID_S, Nsec3Parameters(opt_out=True))
    unfinished = path.with_suffix(".unfinished")
    with open(unfinished, "w", encoding="utf-8") as file:
        write_zone(zone, file)
    unfinished.rename(path)
    return path


if __name__ == "__main__":
    main()
