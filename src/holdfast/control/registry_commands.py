"""The commands of `holdfast registry`: keys, signing and the publication gate."""

import os
from typing import Annotated

import typer

registry = typer.Typer(
    help="Sign zones, roll keys, and check zones before publication (docs/registry.md).", no_args_is_help=True
)

ParentDsOption = Annotated[
    str | None,
    typer.Option(
        "--parent-ds", metavar="FILE", help="The parent's DS records, as `dig DS` prints them; `none` if it has none."
    ),
]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="Act as at this time (UTC): 2026-05-05T19:30:00Z.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object (docs/registry.md).")]
DirArgument = Annotated[str, typer.Argument(metavar="DIR", help="The registry's directory: policy, keys, journal.")]


@registry.command("init")
def init(
    folder: DirArgument,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="Name of the zone.")],
    algorithm: Annotated[
        str, typer.Option(metavar="NAME", help="RSASHA256, ECDSAP256SHA256 or ED25519.")
    ] = "ECDSAP256SHA256",
    csk: Annotated[bool, typer.Option("--csk", help="One combined key instead of KSK and ZSK.")] = False,
    denial: Annotated[str, typer.Option(metavar="KIND", help="nsec, nsec3 or nsec3-opt-out.")] = "nsec3",
    backend: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A signing back end; may be repeated. Default: hsm1.")
    ] = None,
    at: AtOption = None,
) -> None:
    """Make a registry: a policy to edit, and the first keys, one pair for all back ends."""
    from holdfast.control.registry_keys import run_init

    raise typer.Exit(run_init(folder, zone, algorithm, csk, denial, backend or [], at))


@registry.command("sign")
def sign(
    folder: DirArgument,
    source: Annotated[str, typer.Argument(metavar="IN.zone", help="The unsigned zone file.")],
    target: Annotated[str, typer.Argument(metavar="OUT.zone", help="The signed one; replaced if the gate lets it.")],
    parent_ds: ParentDsOption = None,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign what has changed or ends soon, pass the result through the gate, and put it in place.

    Exit code 0: OUT.zone is up to date; 1: the gate stopped the new version, OUT.zone is the old one.
    """
    from holdfast.control.registry_keys import run_sign

    raise typer.Exit(run_sign(folder, source, target, parent_ds, at, as_json))


@registry.command("roll")
def roll(
    folder: DirArgument,
    start: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Start to roll this key now: ZSK, KSK or CSK.")
    ] = None,
    algorithm: Annotated[
        str | None, typer.Option(metavar="NAME", help="Start to roll all keys to this algorithm.")
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Return to the previous ZSK, while it is still published.")
    ] = False,
    unsign: Annotated[bool, typer.Option("--unsign", help="Set out to make the zone unsigned (RFC 8078).")] = False,
    parent_ds: ParentDsOption = None,
    at: AtOption = None,
) -> None:
    """Move every key as far as time, parent and canary allow, and start what is due; then run `sign`.

    Exit code 1: a canary failed, so a back end does not hold the key that is about to be used.
    """
    from holdfast.control.registry_keys import run_roll

    raise typer.Exit(run_roll(folder, start or "", algorithm or "", back, unsign, parent_ds, at))


@registry.command("status")
def status(folder: DirArgument, at: AtOption = None, as_json: JsonOption = False) -> None:
    """Show the keys, what each waits for, and the DS records that the parent should have."""
    from holdfast.control.registry_keys import run_status

    raise typer.Exit(run_status(folder, at, as_json))


@registry.command("check")
def check(
    new: Annotated[
        str | None,
        typer.Argument(
            metavar="NEW.zone",
            help="Zone file to check; - for standard input, also if NSD runs this.",
            show_default=False,
        ),
    ] = None,
    current: Annotated[
        str | None, typer.Option("--current", metavar="OLD.zone", help="The version that is published now.")
    ] = None,
    removals: Annotated[
        str | None, typer.Option(metavar="FILE", help="Instead of NEW: records to take out of --current.")
    ] = None,
    additions: Annotated[
        str | None, typer.Option(metavar="FILE", help="Instead of NEW: records to put into --current.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="NAME", help="Name of the zone; default: that of the SOA record.")
    ] = None,
    parent_ds: ParentDsOption = None,
    journal: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Remember what was published here, and judge by what may still be cached."),
    ] = None,
    at: AtOption = None,
    minimum_remaining_s: Annotated[
        int, typer.Option("--minimum-remaining", min=0, metavar="SECONDS", help="Signatures must last this long.")
    ] = 3600,
    propagation_s: Annotated[
        int, typer.Option("--propagation", min=0, metavar="SECONDS", help="How long servers may lag behind.")
    ] = 3600,
    sample: Annotated[
        int, typer.Option(min=0, metavar="N", help="Verify the apex and N other RRsets at random; 0: all.")
    ] = 0,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Make the sample repeatable.")] = None,
    changed_only: Annotated[
        bool, typer.Option("--changed-only", help="Verify the signatures that are not in --current.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, max=256, metavar="N", help="Processes; 0: all CPUs.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Judge a version of a zone before publication: exit code 0 publish, 1 stop, 2 the input is wrong.

    Verifies every signature with the keys in the zone, the NSEC or NSEC3 chain, the link to the parent, and what
    happens in caches that still hold earlier versions.
    """
    from holdfast.control.registry_check import CheckOptions, run_check

    options = CheckOptions(
        new,
        current,
        removals,
        additions,
        zone,
        parent_ds,
        journal,
        at,
        minimum_remaining_s,
        propagation_s,
        sample,
        seed,
        changed_only,
        jobs,
        as_json,
    )
    raise typer.Exit(run_check(options, os.environ))
