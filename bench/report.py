"""Figures for people and programs: a table, JSON and Markdown."""

import json
import os
import platform
import re
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Sample

HEADING = "Server CPU per query"
REFERENCE = "unbound"


@dataclass(frozen=True)
class Row:
    """One resolver's figures for one workload, over all rounds."""

    workload: str
    resolver: str
    median_us: float
    minimum_us: float
    maximum_us: float
    ratio: float | None
    latency_ms: float

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of `HEADINGS`."""
        spread = f"{self.minimum_us:.1f}..{self.maximum_us:.1f}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        return self.workload, self.resolver, f"{self.median_us:.1f}", spread, ratio, f"{self.latency_ms:.2f}"


HEADINGS = ("workload", "resolver", "CPU µs/query", "min..max", "/ Unbound", "latency ms")


def summarise(samples: Sequence[Sample]) -> list[Row]:
    """One row per workload and resolver, in the order of the samples.

    The ratio is the median of the rounds' ratios: both sides of each were measured within a minute of each other, so a
    machine that gets slower or faster over the run does not distort it.
    """
    rows = []
    by_round = {(sample.workload, sample.resolver, sample.round): sample.cpu_us_per_query for sample in samples}
    for workload, resolver in dict.fromkeys((sample.workload, sample.resolver) for sample in samples):
        own = [sample for sample in samples if (sample.workload, sample.resolver) == (workload, resolver)]
        costs = [sample.cpu_us_per_query for sample in own]
        references = [by_round.get((workload, REFERENCE, sample.round)) for sample in own]
        ratios = [cost / reference for cost, reference in zip(costs, references, strict=True) if reference]
        rows.append(
            Row(
                workload,
                resolver,
                statistics.median(costs),
                min(costs),
                max(costs),
                statistics.median(ratios) if ratios else None,
                statistics.median(sample.mean_latency_ms for sample in own),
            )
        )
    return rows


def print_table(rows: Sequence[Row], console: Console) -> None:
    """Show the rows on the terminal, our own resolver in bold."""
    table = Table(title=f"{HEADING} (user + system)")
    for column, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if column < 2 else "right", no_wrap=True)
    for number, row in enumerate(rows):
        last = number + 1 == len(rows) or rows[number + 1].workload != row.workload
        table.add_row(*row.cells(), style="bold" if row.resolver == "holdfast" else None, end_section=last)
    console.print(table)


def machine() -> dict[str, str]:
    """What the figures depend on, apart from the software under test."""
    cpu_lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in cpu_lines if line.startswith("model name")]
    return {
        "CPU": f"{os.cpu_count()} x {models[0] if models else platform.machine()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version() + (", the distribution's" if sys.base_prefix == "/usr" else ""),
        "load average": f"{os.getloadavg()[0]:.1f} in the last minute, the benchmark included; 1 on a quiet machine",
    }


def markdown(rows: Sequence[Row], facts: dict[str, str], conditions: Sequence[str]) -> str:
    """The same table in Markdown, with what it was measured on and how."""
    lines = [
        "Written by `make bench BENCH_ARGS=--record`. CPU is user and system time of the server processes, the median",
        "of the rounds; only the ratios within one run mean much.",
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [f"- {condition}" for condition in conditions]
    lines += ["", *table_lines(HEADINGS, [row.cells() for row in rows], 2)]
    return "\n".join(lines) + "\n"


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int) -> list[str]:
    """A Markdown table; all columns but the first ``names`` hold figures."""
    rule = f"|{'---|' * names}{'---:|' * (len(headings) - names)}"
    return [f"| {' | '.join(headings)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)]


def record(page: Path, heading: str, text: str) -> None:
    """Put a section into a page of results, in the place of an earlier one with the same heading."""
    sections: dict[str, str] = {}
    for part in re.split(r"^# ", page.read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        sections[title] = body.strip()
    sections[heading] = text.strip()
    page.write_text("\n\n".join(f"# {title}\n\n{body}" for title, body in sections.items()) + "\n")


def save(folder: Path, samples: Sequence[Sample], facts: dict[str, str], conditions: Sequence[str]) -> Path:
    """Write every sample as JSON and the table as Markdown into `folder`; return the Markdown file."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    document = {"facts": facts, "conditions": list(conditions), "samples": [asdict(sample) for sample in samples]}
    (folder / f"{stem}.json").write_text(json.dumps(document, indent=2) + "\n")
    page = folder / f"{stem}.md"
    page.write_text(f"# {HEADING}\n\n{markdown(summarise(samples), facts, conditions)}")
    return page
