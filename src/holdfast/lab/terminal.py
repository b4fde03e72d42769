"""A replay in the terminal: a stacked chart that grows while the virtual hours pass; plain lines when piped."""

from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from holdfast.lab.measurements import FRESH, KINDS, MINUTE_S, NXDOMAIN, SERVFAIL, STALE, Measurements, kind_title
from holdfast.lab.outage import Outage
from holdfast.lab.policies import Policy
from holdfast.lab.report import Replay, clock, story, summary

ROWS = 14
MARGIN = 8
EIGHTHS = " ▁▂▃▄▅▆▇█"
SHOWN = (SERVFAIL, FRESH, STALE, NXDOMAIN)  # from the bottom up
COLOURS = {FRESH: "#2f8f6b", STALE: "#e2b13c", NXDOMAIN: "#8a8fb5", SERVFAIL: "#c03a2b"}
PLAIN_EVERY_MINUTES = 15


class ReplayScreen:
    """Shows one run after the other; use as a context manager."""

    def __init__(self, console: Console, outage: Outage) -> None:
        self._console = console
        self._outage = outage
        self._policy: Policy | None = None
        self._printed = 0
        self._live = Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else None

    def __enter__(self) -> "ReplayScreen":
        """Start drawing."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing, and leave the last picture."""
        if self._live is not None:
            self._live.stop()

    def begin(self, policy: Policy) -> None:
        """A new run starts."""
        self._policy = policy
        self._printed = 0
        if self._live is None:
            self._console.print(f"policy {policy.name}: {policy.title}", markup=False)

    def progress(self, measured: Measurements, now_s: float) -> None:
        """A virtual minute has passed."""
        title = self._policy.title if self._policy is not None else ""
        if self._live is not None:
            self._live.update(picture(self._outage, measured, now_s, title, self._console.width))
            return
        quarters = int(now_s - self._outage.start_s) // (PLAIN_EVERY_MINUTES * MINUTE_S)
        if quarters > self._printed:
            self._printed = quarters
            at_s = self._outage.start_s + quarters * PLAIN_EVERY_MINUTES * MINUTE_S
            self._console.print(plain_line(measured, at_s), markup=False, soft_wrap=True)


def picture(outage: Outage, measured: Measurements, now_s: float, title: str, width: int) -> Group:
    """Return the chart of answers per minute so far, with its legend."""
    head = Text.assemble((f"{clock(now_s)} UTC", "bold"), f"  {outage.name}  policy: {title}")
    if now_s < outage.start_s:
        head.append("  caches are warming up", "dim")
    legend = Text("        ")
    for kind in SHOWN:
        legend.append("■ ", Style(color=COLOURS[kind]))
        legend.append(f"{kind_title(kind)}   ")
    return Group(head, stacked_chart(outage, measured, now_s, max(20, width - MARGIN - 1)), legend)


def stacked_chart(outage: Outage, measured: Measurements, now_s: float, width: int) -> Text:
    """Return answers per minute as stacked columns, the time axis below."""
    minutes = len(measured.minutes)
    columns = min(width, minutes)
    done = max(0, int(now_s - outage.start_s) // MINUTE_S)
    stacks: list[list[float]] = []
    for column in range(columns):
        first, last = column * minutes // columns, (column + 1) * minutes // columns
        part = measured.minutes[first : min(last, done)]
        stacks.append([sum(minute.kinds[kind] for minute in part) / len(part) if part else 0.0 for kind in SHOWN])
    highest = max((sum(stack) for stack in stacks), default=0.0) or 1.0
    chart = Text()
    for row in range(ROWS - 1, -1, -1):
        chart.append(f"{round(highest * (row + 1) / ROWS):>6} ┤" if row % 4 == 3 else "       │", "dim")
        for stack in stacks:
            _cell(chart, stack, row, highest)
        chart.append("\n")
    chart.append("       └" + _axis(outage, columns, minutes), "dim")
    return chart


def _cell(chart: Text, stack: list[float], row: int, highest: float) -> None:
    """Append one character: the colour of what is there, an eighth block where two meet."""
    low = row * highest / ROWS
    high = (row + 1) * highest / ROWS
    base = 0.0
    for at, value in enumerate(stack):
        top = base + value
        if top > low:
            colour = COLOURS[SHOWN[at]]
            if top >= high:
                chart.append("█", Style(color=colour))
            else:
                eighths = round((top - low) / (high - low) * 8)
                above = next((COLOURS[SHOWN[at + 1 + n]] for n, more in enumerate(stack[at + 1 :]) if more), None)
                chart.append(EIGHTHS[eighths], Style(color=colour, bgcolor=above))
            return
        base = top
    chart.append(" ")


def _axis(outage: Outage, columns: int, minutes: int) -> str:
    line = ["─"] * columns
    hour_s = 3600
    for at_s in range(outage.start_s - outage.start_s % hour_s, outage.end_s, hour_s):
        column = (at_s - outage.start_s) // MINUTE_S * columns // minutes
        text = f"┬{clock(at_s)}"
        if 0 <= column <= columns - len(text):
            line[column : column + len(text)] = text
    return "".join(line)


def plain_line(measured: Measurements, now_s: float) -> str:
    """Return one line about the last quarter of an hour."""
    last = [measured.minute(now_s - MINUTE_S * (at + 1)) for at in range(PLAIN_EVERY_MINUTES)]
    counted = [minute for minute in last if minute is not None]
    queries = sum(minute.queries for minute in counted)
    shares = "  ".join(
        f"{kind} {100 * sum(minute.kinds[kind] for minute in counted) / queries:5.1f} %" if queries else f"{kind}     -"
        for kind in KINDS[:4]
    )
    return f"  {clock(now_s)} UTC  {queries / max(1, len(counted)):8.0f} queries/min  {shares}"


def summary_table(replay: Replay) -> Table:
    """Return the comparison of the policies."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("policy")
    for heading in ("failed", "last third", "after healing", "names", "users hit", "queries", "upstream/query"):
        table.add_column(heading, justify="right")
    for run in replay.runs:
        figures = summary(replay, run)
        table.add_row(
            run.policy.name,
            f"{figures['failed_percent']:.1f} %",
            f"{figures['failed_last_third_percent']:.1f} %",
            f"{figures['failed_minute_after_healing_percent']:.1f} %",
            *(f"{figures[key]:.0f}" for key in ("names_failed", "users_hit", "queries")),
            f"{figures['upstream_queries_per_query']:.2f}",
        )
    return table


def story_lines(replay: Replay) -> list[str]:
    """Return what detector and operator did, line by line: where people act, else what the first run's detector saw."""
    lines: list[str] = []
    for run in [one for one in replay.runs if not one.policy.hands_off] or replay.runs[:1]:
        moments = story(run)
        lines += ["", f"{run.policy.name}:", *(f"  {clock(one.at_s)}  {one.kind}: {one.text}" for one in moments)]
    return lines
