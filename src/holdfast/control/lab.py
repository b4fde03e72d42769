"""`holdfast lab list`, `replay`, `compare` and `simulate`: outages in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from holdfast.control.problems import InputError
from holdfast.lab.guarded import with_gate
from holdfast.lab.outage import Outage, OutageError, catalogue, find_outage
from holdfast.lab.policies import POLICIES, RESOLVER_MIX, Policy
from holdfast.lab.replay import Run, play
from holdfast.lab.report import Replay, delay_text, detection_s, write_report
from holdfast.lab.terminal import ReplayScreen, story_lines, summary_table
from holdfast.lab.three_hours import VARIANTS, Outcome, three_hours, traffic
from holdfast.lab.traffic import TrafficParameters

FULL_TABLE_WIDTH = 120
FINDINGS_SHOWN = 3  # of one version; the rest is more of the same


@dataclass(frozen=True)
class ReplayOptions:
    """What `holdfast lab replay` was told."""

    name: str
    seed: int
    policies: list[str]
    out: str | None
    scale: float
    apex_good: bool
    gate: bool
    page_lost: bool


def load(name: str) -> Outage:
    """Return an outage by name or file. Raises InputError."""
    try:
        return find_outage(name)
    except OutageError as error:
        raise InputError([str(error)]) from None


def choose_policies(names: list[str], outages: Sequence[Outage] = ()) -> list[Policy]:
    """Return the named policies, without a name all that are for every outage. Raises InputError.

    Of several outages, only one has policies of its own that can be chosen.
    """
    own = outages[0].policies if len(outages) == 1 else ()
    known = {policy.name: policy for policy in (*POLICIES, *RESOLVER_MIX, *own)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError([f"no policy {name!r}; choose from {', '.join(known)}" for name in unknown])
    return [known[name] for name in names] or list(POLICIES)


def with_lost_pages(policy: Policy) -> Policy:
    """Return the policy on a day on which the detector fires and nobody hears of it."""
    if not policy.timeline.after_page():
        return policy
    title = f"{policy.title.partition(',')[0]}, the detector's page lost"
    return replace(policy, title=title, timeline=replace(policy.timeline, page_lost=True))


def with_good_apex(outage: Outage) -> Outage:
    """Return the lucky variant: the denial record of the apex is signed by the back end whose key is published."""
    versions = tuple(
        replace(one, apex_denial=one.sign[0]) if one.apex_denial and len(one.sign) > 1 else one
        for one in outage.versions
    )
    return replace(outage, versions=versions)


def run_replay(options: ReplayOptions) -> int:
    """Replay an outage under some policies, show it, write the report; returns the exit code."""
    outage = load(options.name).scaled(options.scale)
    if options.apex_good:
        outage = with_good_apex(outage)
    policies = choose_policies(options.policies, [outage])
    if options.page_lost:
        policies = [with_lost_pages(one) for one in policies]
    console = Console(highlight=False, emoji=False)
    if options.gate:
        outage = ask_gate(console, outage, options.seed)
    result = play_policies(console, outage, policies, options.seed, options.scale)
    console.print()
    print_table(console, summary_table(result))
    for line in story_lines(result):
        console.print(line, markup=False, soft_wrap=True)
    folder = Path(options.out or f"replay-{outage.name}")
    try:
        written = write_report(result, folder)
    except OSError as error:
        raise InputError([f"--out {folder}: {error.strerror}"]) from None
    console.print(f"\n{written[0]} and {len(written) - 1} more files", markup=False, soft_wrap=True)
    if not any(path.suffix == ".png" for path in written):
        console.print('charts as PNG need the extra `lab`: pip install "holdfast[lab]"', markup=False, soft_wrap=True)
    return 0


def ask_gate(console: Console, outage: Outage, seed: int) -> Outage:
    """Let canary and gate judge every version, print what they stop; returns the outage as it then goes on."""
    guarded, stopped = with_gate(outage, seed)
    for one in stopped:
        when = datetime.fromtimestamp(one.found_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        for finding in one.findings[:FINDINGS_SHOWN]:
            console.print(f"{when}  {one.check}: {finding.text}", markup=False, soft_wrap=True)
        if len(one.findings) > FINDINGS_SHOWN:
            console.print(f"{when}  {one.check}: and {len(one.findings) - FINDINGS_SHOWN} more findings", markup=False)
        console.print(f'{when}  not published: version "{one.version.name}"\n', markup=False, soft_wrap=True)
    if not stopped:
        console.print("canary and gate find nothing to stop\n", markup=False)
    return guarded


def play_policies(console: Console, outage: Outage, policies: list[Policy], seed: int, scale: float) -> Replay:
    """Play an outage under each policy, with a chart that grows meanwhile."""
    clients = TrafficParameters().for_zones(outage.zones)
    runs: list[Run] = []
    with ReplayScreen(console, outage) as screen:
        for policy in policies:
            screen.begin(policy)
            try:
                runs.append(play(outage, policy, seed, clients, screen.progress))
            except OutageError as error:
                raise InputError([str(error)]) from None
    return Replay(outage, seed, scale, runs)


def print_table(console: Console, table: Table) -> None:
    """Print a table; a piped one is as wide as it needs."""
    if not console.is_terminal:
        console = Console(file=console.file, highlight=False, emoji=False, width=FULL_TABLE_WIDTH)
    console.print(table)


def run_compare(names: list[str], seed: int, scale: float, policy_names: list[str]) -> int:
    """Play outages under policies, and print which share of questions failed in each break; returns the exit code."""
    console = Console(highlight=False, emoji=False)
    outages = [load(name).scaled(scale) for name in names or catalogue()]
    policies = choose_policies(policy_names, outages)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("questions that failed", no_wrap=True)
    for policy in policies:
        table.add_column(policy.name, justify="right")
    table.add_column("detected after", justify="right")
    for outage in outages:
        result = play_policies(console, outage, policies, seed, scale)
        shares = [run.measured.share(outage.broken_s, outage.healed_s).percent for run in result.runs]
        table.add_row(
            outage.name, *(f"{share:.1f} %" for share in shares), delay_text(detection_s(outage, result.runs[-1]))
        )
    console.print()
    print_table(console, table)
    return 0


def run_simulation(seed: int, scale: float, names: list[str]) -> int:
    """Play the plain experiment under each policy and print which share of questions failed; returns the exit code."""
    console = Console(highlight=False, emoji=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("signatures", no_wrap=True)
    table.add_column("policy", no_wrap=True)
    for heading in ("failed", "last third", "known zones", "unseen zones", "first 10 s after", "later"):
        table.add_column(heading, justify="right")
    policies = choose_policies(names or [policy.name for policy in POLICIES if policy.hands_off])
    for variant in VARIANTS:
        outage = three_hours(variant).scaled(scale)
        with ReplayScreen(console, outage) as screen:
            for policy in policies:
                screen.begin(policy)
                run = play(outage, policy, seed, traffic().for_zones(outage.zones), screen.progress)
                outcome = Outcome.of(outage, run.measured)
                shares = (outcome.whole, outcome.last_third, outcome.known_zone, outcome.unseen_zone)
                cells = [f"{share:.2f} %" for share in (*shares, outcome.first_seconds, outcome.settled)]
                table.add_row(variant.title, policy.name, *cells)
    console.print()
    print_table(console, table)
    console.print(
        "\nPercent of the questions that reached the resolver. Known and unseen zones: parts of the last third, by "
        "whether anybody had got an answer from the zone before the break.",
        soft_wrap=True,
    )
    return 0


def run_list() -> int:
    """Print the catalogue, one outage a line; returns the exit code."""
    width = max(len(name) for name in catalogue())
    for name in catalogue():
        print(f"{name:<{width}}  {load(name).title}")
    return 0
