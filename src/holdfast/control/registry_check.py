"""`holdfast registry check`: the publication gate for people, scripts and name servers' hooks."""

import json
import os
import time
from calendar import timegm
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import strptime

import typer

from holdfast.control.problems import InputError
from holdfast.registry.findings import GateReport
from holdfast.registry.gate import MINIMUM_REMAINING_S, PROPAGATION_S, GateOptions, check_zone
from holdfast.registry.parent_ds import read_parent_ds
from holdfast.registry.problems import RegistryError
from holdfast.registry.publication_journal import Journal
from holdfast.registry.zone import Zone
from holdfast.registry.zone_changes import read_changed_zone
from holdfast.registry.zone_file import STANDARD_INPUT, read_zone
from holdfast.server.texts import parse_name

EXIT_PUBLISH = 0
EXIT_STOP = 1
# What name servers tell their hooks: NSD's `verify:` (nsd.conf) and Cascade's review hooks.
ZONE_VARIABLES = ("VERIFY_ZONE", "CASCADE_ZONE")
STDIN_VARIABLE = "VERIFY_ZONE_ON_STDIN"


@dataclass(frozen=True)
class CheckOptions:
    """The command line as given; see `holdfast registry check --help`."""

    new: str | None
    current: str | None = None
    removals: str | None = None
    additions: str | None = None
    zone: str | None = None
    parent_ds: str | None = None
    journal: str | None = None
    at: str | None = None
    minimum_remaining_s: int = MINIMUM_REMAINING_S
    propagation_s: int = PROPAGATION_S
    sample: int = 0
    seed: int | None = None
    changed_only: bool = False
    jobs: int = 0
    as_json: bool = False


@contextmanager
def registry_errors() -> Iterator[None]:
    """Turn what the registry refuses into what the command line reports."""
    try:
        yield
    except RegistryError as error:
        raise InputError(error.problems) from None


def run_check(options: CheckOptions, environment: Mapping[str, str]) -> int:
    """Check a version of a zone and print the report; returns the exit code."""
    with registry_errors():
        report = _check(options, environment)
    if options.as_json:
        typer.echo(json.dumps(report.as_json(), indent=1))
    else:
        for line in report.lines():
            typer.echo(line)
    return EXIT_STOP if report.stops else EXIT_PUBLISH


def _check(options: CheckOptions, environment: Mapping[str, str]) -> GateReport:
    now_s = parse_time(options.at) if options.at else int(time.time())
    given = options.zone or next((environment[name] for name in ZONE_VARIABLES if environment.get(name)), None)
    name = zone_name(given) if given else None
    current = read_zone(options.current, name) if options.current else None
    zone = _new_version(options, environment, name, current)
    if current is not None and current.name != zone.name:
        raise InputError([f"{options.current}: is another zone than the one to check"])
    gate = GateOptions(
        now_s,
        current=current,
        minimum_remaining_s=options.minimum_remaining_s,
        propagation_s=options.propagation_s,
        sample=options.sample,
        seed=options.seed,
        changed_only=options.changed_only,
        jobs=options.jobs or len(os.sched_getaffinity(0)),
    )
    if options.parent_ds:
        parent = read_parent_ds(options.parent_ds, zone.name)
        gate.ds, gate.ds_ttl_s = parent.rdatas, parent.ttl_s
    journal = Journal.open(Path(options.journal), zone.name) if options.journal else None
    if journal is not None:
        gate.earlier = journal.earlier(now_s)
    report, version = check_zone(zone, gate)
    if journal is not None and not report.stops:
        journal.record(version, now_s, options.propagation_s)
    return report


def _new_version(
    options: CheckOptions, environment: Mapping[str, str], name: bytes | None, current: Zone | None
) -> Zone:
    """Return the zone to check: a file, standard input, or the current version with a delta applied."""
    if options.removals or options.additions:
        if options.new or current is None or not (options.removals and options.additions):
            raise InputError(["a delta is --current FILE with --removals FILE and --additions FILE, and no NEW zone"])
        return read_changed_zone(current, options.removals, options.additions)
    if options.changed_only and current is None:
        raise InputError(["--changed-only needs --current FILE to compare with"])
    path = options.new
    if path is None and environment.get(STDIN_VARIABLE) == "yes":
        path = STANDARD_INPUT
    if path is None:
        raise InputError(["name the zone file to check, or - for standard input"])
    return read_zone(path, name)


def zone_name(text: str) -> bytes:
    """Return the name of a zone in wire format; else `InputError`."""
    try:
        return parse_name(text)
    except ValueError as error:
        raise InputError([str(error)]) from None


def parse_time(text: str) -> int:
    """Return POSIX seconds from ``1778000000``, ``20260505193000`` or ``2026-05-05T19:30:00Z``; else `InputError`."""
    try:
        if text.isdecimal() and len(text) != 14:
            return int(text)
        return timegm(strptime(text, "%Y%m%d%H%M%S" if text.isdecimal() else "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise InputError([f"{text!r} is no time; write 2026-05-05T19:30:00Z or POSIX seconds"]) from None
