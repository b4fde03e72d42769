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
