"""`holdfast registry init`, `sign`, `roll` and `status`: a zone's keys and its signed file."""

import json
import os
import time
from pathlib import Path
from typing import Any

import typer

from holdfast.control.problems import InputError
from holdfast.control.registry_check import EXIT_PUBLISH, EXIT_STOP, parse_time, registry_errors, zone_name
from holdfast.crypto.signing import ds_of
from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dnssec.signature_time import utc_text
from holdfast.registry.findings import HASH_SHOWN
from holdfast.registry.key_ring import CSK, KSK, NEVER, ZSK, Key
from holdfast.registry.key_states import State
from holdfast.registry.parent_ds import read_parent_ds
from holdfast.registry.policy import make_policy
from holdfast.registry.rdata_text import name_text, rdata_text
from holdfast.registry.rollover import Obstacle
from holdfast.registry.zone_registry import ZoneRegistry

ROLES = (ZSK, KSK, CSK)


def _moment(at: str | None) -> int:
    return parse_time(at) if at else int(time.time())


def run_init(
    folder: str, zone: str, algorithm: str, csk: bool, denial: str, backends: list[str], at: str | None
) -> int:
    """Make a registry's directory."""
    table: dict[str, object] = {
        "zone": to_text(zone_name(zone)),
        "algorithm": algorithm,
        "keys": "CSK" if csk else "KSK+ZSK",
        "denial": denial,
        "backends": backends or ["hsm1"],
    }
    with registry_errors():
        registry = ZoneRegistry.create(Path(folder), make_policy(table, "holdfast registry init"), _moment(at))
    for key in registry.ring.keys:
        typer.echo(f"{_name(key)} made, in {', '.join(registry.policy.backends)}")
    typer.echo(f"{folder}: ready; look at policy.toml, then run `holdfast registry sign {folder} IN.zone OUT.zone`")
    return EXIT_PUBLISH


def run_sign(folder: str, source: str, target: str, parent_ds: str | None, at: str | None, as_json: bool) -> int:
    """Sign a zone file and publish it if the gate lets it pass."""
    now_s = _moment(at)
    with registry_errors():
        registry = ZoneRegistry.open(Path(folder))
        with registry.locked():
            _observe(registry, parent_ds, now_s)
            result = registry.sign(source, Path(target), now_s, len(os.sched_getaffinity(0)))
    report = result.report
    if as_json:
        counts = {"signed": result.counts.signed, "kept": result.counts.kept, "written": result.written}
        typer.echo(json.dumps({**report.as_json(), **counts}, indent=1))
    else:
        for line in report.lines():
            typer.echo(line)
        if report.stops:
            typer.echo(f"{target}: NOT replaced; what was published stays")
        elif result.written:
            typer.echo(
                f"{target}: serial {result.serial}, {result.counts.signed} signatures made, {result.counts.kept} kept"
            )
        else:
            typer.echo(f"{target}: serial {result.serial} is up to date")
    return EXIT_STOP if report.stops else EXIT_PUBLISH


def run_roll(
    folder: str, start: str, algorithm: str, back: bool, unsign: bool, parent_ds: str | None, at: str | None
) -> int:
    """Move the keys."""
    start = start.upper()
    if start and start not in ROLES:
        raise InputError([f"--start {start}: must be ZSK, KSK or CSK"])
    if sum(map(bool, (start, algorithm, back, unsign))) > 1:
        raise InputError(["--start, --algorithm, --back and --unsign exclude each other"])
    now_s = _moment(at)
    with registry_errors():
        registry = ZoneRegistry.open(Path(folder))
        with registry.locked():
            _observe(registry, parent_ds, now_s)
            progress = registry.roll(now_s, start, algorithm, back, unsign)
    for move in progress.moves:
        typer.echo(f"{_name(move.key)}: {move.before.value} -> {move.after.value}")
    for finding in progress.findings:
        for line in finding.lines():
            typer.echo(line)
    for obstacle in progress.obstacles:
        if obstacle.key.state != State.ACTIVE:  # an active key waits for its successor: that is its job
            typer.echo(f"{_name(obstacle.key)}: {obstacle.key.state.value}; {_obstacle_text(obstacle)}")
    pending = [key for key in registry.ring.keys if key.pending]
    if pending:
        typer.echo(f"run `holdfast registry sign {folder} IN.zone OUT.zone` now: waits begin when the zone shows it")
    return EXIT_STOP if progress.findings else EXIT_PUBLISH


def _observe(registry: ZoneRegistry, parent_ds: str | None, now_s: int) -> None:
    if parent_ds:
        registry.observe_parent(read_parent_ds(parent_ds, registry.zone), now_s)


def _name(key: Key) -> str:
    return f"{key.role} {key.key_tag} {iana.algorithm_name(key.algorithm)} {key.key_hash[:HASH_SHOWN]}"


def _obstacle_text(obstacle: Obstacle) -> str:
    due = f", at {utc_text(obstacle.due_s)}" if obstacle.due_s != NEVER else ""
    return f"{obstacle.following.value} {obstacle.text}{due}"


def run_status(folder: str, at: str | None, as_json: bool) -> int:
    """Show keys, waits and wanted DS records; changes nothing."""
    now_s = _moment(at)
    with registry_errors():
        registry = ZoneRegistry.open(Path(folder))
        # On a copy of the keys: `advance` moves them.
        state = ZoneRegistry.open(Path(folder)).rollover(now_s).advance()
    moves = {move.key.key_hash: move.after.value for move in state.moves}
    waits: dict[str, list[Obstacle]] = {}
    for obstacle in state.obstacles:
        waits.setdefault(obstacle.key.key_hash, []).append(obstacle)
    wanted = _wanted_ds(registry)
    if as_json:
        keys = [_key_json(registry, key, moves, waits.get(key.key_hash, [])) for key in registry.ring.keys]
        typer.echo(json.dumps({"zone": name_text(registry.zone), "keys": keys, "ds_wanted": wanted}, indent=1))
        return EXIT_PUBLISH
    for key in registry.ring.keys:
        held = f"in {len(_holders(registry, key))} of {len(registry.backends)} back ends"
        pending = ", not signed yet" if key.pending else ""
        typer.echo(f"{_name(key)}: {key.state.value} since {utc_text(key.entered_s)}{pending}, {held}")
        if key.key_hash in moves:
            typer.echo(f"    {moves[key.key_hash]} with the next `holdfast registry roll`")
        for wait in waits.get(key.key_hash, []):
            if key.state != State.ACTIVE or key.successor:
                typer.echo(f"    {_obstacle_text(wait)}")
    for line in wanted:
        typer.echo(f"DS for the parent: {line}")
    return EXIT_PUBLISH


def _holders(registry: ZoneRegistry, key: Key) -> list[str]:
    return [backend.name for backend in registry.backends if backend.holds(key.key_hash)]


def _key_json(registry: ZoneRegistry, key: Key, moves: dict[str, str], waits: list[Obstacle]) -> dict[str, Any]:
    row = key.row
    return {
        "role": key.role,
        "key_tag": key.key_tag,
        "key_hash": key.key_hash,
        "algorithm": iana.algorithm_name(key.algorithm),
        "state": key.state.value,
        "method": key.method.value,
        "since_s": key.entered_s,
        "pending": key.pending,
        "published": row.dnskey,
        "signs_keys": row.signs_keys,
        "signs_zone": row.signs_zone,
        "ds_wanted": row.ds,
        "backends": _holders(registry, key),
        "next": moves.get(key.key_hash),
        "waits": [
            {"for": wait.following.value, "text": wait.text, "due_s": wait.due_s if wait.due_s != NEVER else None}
            for wait in waits
        ],
    }


def _wanted_ds(registry: ZoneRegistry) -> list[str]:
    lines = []
    for key in registry.ring.keys:
        for kind in registry.policy.ds_digest_types if key.row.ds else []:
            rdata = ds_of(registry.zone, key.dnskey, kind)
            text = rdata_text(iana.TYPE_DS, rdata)
            lines.append(f"{name_text(registry.zone)} {registry.policy.ds_ttl_s} IN DS {text}")
    return lines
