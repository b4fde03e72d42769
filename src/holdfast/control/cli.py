"""The `holdfast` command: its sub-commands, and how their errors reach the user.

Exit codes: 0 done; 1 the work itself failed (a scenario, a resolution); 2 the input is wrong; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from holdfast import __version__
from holdfast.control.anchor_commands import anchor
from holdfast.control.incident_commands import incident
from holdfast.control.nta_commands import nta
from holdfast.control.options import ConfigOption, ReplyOption, SocketOption, offer_api, tell_server
from holdfast.control.problems import InputError
from holdfast.control.registry_commands import registry
from holdfast.control.rule_commands import rule

_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]  # click's UsageError, wherever typer takes click from
EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="holdfast",
    help="A DNSSEC-validating recursive DNS resolver. Start with [bold]holdfast demo[/bold].",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
lab = typer.Typer(help="Test the resolver without a network.", no_args_is_help=True)
app.add_typer(lab, name="lab")
app.add_typer(registry, name="registry")
control = typer.Typer(help="Tell a running server what to do, over its control socket.", no_args_is_help=True)
app.add_typer(control, name="control")
app.add_typer(nta, name="nta")
app.add_typer(incident, name="incident")
app.add_typer(rule, name="rule")
app.add_typer(anchor, name="anchor")
cache = typer.Typer(help="Look into what a server keeps over restarts.", no_args_is_help=True)
app.add_typer(cache, name="cache")

RootHintsOption = Annotated[
    str | None,
    typer.Option("--root-hints", metavar="FILE", help="Root servers in the zone file format; default: built in."),
]
TrustAnchorOption = Annotated[
    str | None,
    typer.Option("--trust-anchor", metavar="FILE", help="DS or DNSKEY lines to trust; default: IANA's root keys."),
]
SeedOption = Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same run, to the octet.")]
PolicyOption = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="NAME", help="How the resolver is run; may be repeated. Default: every policy."),
]
ScaleOption = Annotated[
    float, typer.Option(min=0.01, max=10, metavar="X", help="Size of the world and of its traffic; 1 is 2000 zones.")
]


@app.command()
def serve(
    config: ConfigOption = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR:PORT", help="Serve here, UDP and TCP; may be repeated. Default: loopback, port 53."),
    ] = None,
    root_hints: RootHintsOption = None,
    trust_anchor: TrustAnchorOption = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder for what must survive a restart; default: nothing is kept."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, metavar="N", help="Worker processes.")] = None,
) -> None:
    """Serve clients until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""
    from holdfast.control.serve import serve_forever

    raise typer.Exit(serve_forever(config, listen or [], root_hints, trust_anchor, state, workers))


@cache.command("check")
def cache_check(
    config: ConfigOption = None,
    trust_anchor: TrustAnchorOption = None,
    state: Annotated[str | None, typer.Option(metavar="DIR", help="The server's state directory.")] = None,
) -> None:
    """Validate every record that is called secure, link by link; exit code 1 if one does not verify."""
    from holdfast.control.cache_check import check_cache

    raise typer.Exit(check_cache(config, trust_anchor, state))


@app.command("check-config")
def check_config(file: Annotated[str, typer.Argument(metavar="FILE", help="Configuration file in TOML.")]) -> None:
    """Check a configuration file, and the files that it names, without starting anything."""
    from holdfast.control.serve import check

    check(file)
    typer.echo(f"{file}: good")


@app.command()
def query(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Domain name to resolve.", show_default=False)],
    second: Annotated[
        str | None, typer.Argument(metavar="TYPE", help="Record type; A if left out.", show_default=False)
    ] = None,
    third: Annotated[
        str | None,
        typer.Argument(
            metavar="@SERVER",
            help="Ask this server: @192.0.2.1, @192.0.2.1:5300, @[2001:db8::1]:5300 or @host. "
            "Without it this process resolves by itself, from the root.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Validate in this process and draw the chain of trust link by link.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object (docs/cli.md).")] = False,
    config: ConfigOption = None,
    root_hints: RootHintsOption = None,
    trust_anchor: TrustAnchorOption = None,
    tcp: Annotated[bool, typer.Option("--tcp", help="Ask @SERVER over TCP only.")] = False,
    timeout_s: Annotated[float, typer.Option(min=0.1, max=600, metavar="SECONDS", help="Give up after this.")] = 15.0,
) -> None:
    """Resolve a name, and say whether and why the answer is trusted."""
    from holdfast.control.query import QueryOptions, run_query

    words = [word for word in (name, second, third) if word is not None]
    options = QueryOptions(words, explain, as_json, config, root_hints, trust_anchor, tcp, timeout_s)
    raise typer.Exit(run_query(options))


@app.command()
def demo(
    listen: Annotated[
        str, typer.Option(metavar="ADDR:PORT", help="Where the resolver serves, UDP and TCP.")
    ] = "127.0.0.1:5300",
    outage: Annotated[bool, typer.Option("--outage/--no-outage", help="Play the outage of 5 May 2026 first.")] = True,
    outage_s: Annotated[
        float, typer.Option("--outage-s", min=5, max=3600, metavar="SECONDS", help="How long the outage takes here.")
    ] = 60.0,
) -> None:
    """Play the outage of 5 May 2026 in a minute, then leave a small Internet and the resolver in front of it running.

    Needs neither root nor a network. Prints what to try with dig, and runs until Ctrl-C.
    """
    from holdfast.control.demo import run_demo

    raise typer.Exit(run_demo(listen, outage_s if outage else 0.0))


@lab.command("scenario")
def lab_scenario(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Scenario files (.rpl), or folders of them.")],
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, metavar="N", help="Processes to use.")] = 1,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the engine did in each failure.")] = False,
) -> None:
    """Play recorded scenarios against the engine, in virtual time; exit code 1 if any fails."""
    from holdfast.lab.scenario import main as play

    raise typer.Exit(play(paths, jobs, verbose))


@lab.command("list")
def lab_list() -> None:
    """List the outages that can be replayed."""
    from holdfast.control.lab import run_list

    raise typer.Exit(run_list())


@lab.command("replay")
def lab_replay(
    outage: Annotated[str, typer.Argument(metavar="OUTAGE", help="Name from `holdfast lab list`, or a file (.toml).")],
    seed: SeedOption = 1,
    policy: PolicyOption = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder for report.html and its data; default: replay-OUTAGE.")
    ] = None,
    scale: ScaleOption = 1.0,
    apex_good: Annotated[
        bool, typer.Option("--apex-good", help="Let the denial record of the zone's apex be among the good ones.")
    ] = False,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Let the registry's canary and gate judge every version before it is published."),
    ] = False,
    page_lost: Annotated[
        bool, typer.Option("--page-lost", help="Let the detector fire, and its pages reach nobody.")
    ] = False,
) -> None:
    """Replay an outage in virtual time, policy after policy, and write a report."""
    from holdfast.control.lab import ReplayOptions, run_replay

    raise typer.Exit(run_replay(ReplayOptions(outage, seed, policy or [], out, scale, apex_good, gate, page_lost)))


@lab.command("compare")
def lab_compare(
    outages: Annotated[
        list[str] | None, typer.Argument(metavar="OUTAGE", help="Names or files; default: the whole catalogue.")
    ] = None,
    seed: SeedOption = 1,
    policy: PolicyOption = None,
    scale: ScaleOption = 0.3,
) -> None:
    """Replay several outages under each policy, and print which share of questions failed."""
    from holdfast.control.lab import run_compare

    raise typer.Exit(run_compare(outages or [], seed, scale, policy or []))


@lab.command("simulate")
def lab_simulate(seed: SeedOption = 1, policy: PolicyOption = None, scale: ScaleOption = 1.0) -> None:
    """Break every signature of a top-level domain for three hours, and print which questions failed.

    Once with all signatures bad, once with one in three good; no trust anchor is touched, and all servers heal at once.
    """
    from holdfast.control.lab import run_simulation

    raise typer.Exit(run_simulation(seed, scale, policy or []))


@control.command("status")
def control_status(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """Show listeners and worker processes."""
    tell_server(socket, config, as_json, "status")


@control.command("stats")
def control_stats(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """Show the counters, added up over all workers."""
    tell_server(socket, config, as_json, "stats")


@control.command("flush")
def control_flush(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Domain name to forget; '.' with --subtree: all.")],
    subtree: Annotated[bool, typer.Option("--subtree", help="Forget everything below the name as well.")] = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: ReplyOption = False,
) -> None:
    """Forget what is cached for a name, in all workers."""
    tell_server(socket, config, as_json, "flush", name=name, subtree=subtree)


@control.command("reload")
def control_reload(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """Read the configuration again; if it cannot be used, say why, and nothing changes."""
    tell_server(socket, config, as_json, "reload")


@control.command("stop")
def control_stop(socket: SocketOption = None, config: ConfigOption = None, as_json: ReplyOption = False) -> None:
    """Stop the server; clients that wait are still answered."""
    tell_server(socket, config, as_json, "stop")


for group in (control, nta, anchor):
    offer_api(group)


@app.command()
def version() -> None:
    """Print the version, and whether the engine is compiled."""
    from holdfast.dns import name

    kind = "interpreted" if (name.__file__ or "").endswith(".py") else "compiled"
    typer.echo(f"holdfast {__version__} ({kind}, Python {sys.version.split()[0]})")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line. Wrong input becomes lines on standard error and exit code 2, never a traceback."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = app(arguments, prog_name="holdfast", standalone_mode=False)
        sys.stdout.flush()
    except InputError as error:
        for problem in error.problems:
            typer.echo(f"holdfast: {problem}", err=True)
        return EXIT_WRONG_INPUT
    except _USAGE_ERROR as error:
        return _report_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone, as in `| head`; keep the interpreter from trying to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _report_usage(error: Exception) -> int:
    """Print a mistake in the arguments on one line. No arguments at all is a request for help, already printed."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    command = getattr(getattr(error, "ctx", None), "command_path", "holdfast")
    if message:
        text = " ".join(message.split()).rstrip(".")
        typer.echo(f"holdfast: {text[0].lower()}{text[1:]}; see `{command} --help`", err=True)
    return EXIT_WRONG_INPUT
