"""A replay on paper: one HTML page with its charts inside, the charts as files, CSV, JSON. Same runs, same octets."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from holdfast.dns.iana import EDE_NAMES
from holdfast.lab.charts import Chart, Mark, Series
from holdfast.lab.measurements import (
    CLASSES,
    FRESH,
    KINDS,
    MINUTE_S,
    NXDOMAIN,
    OTHER,
    SERVFAIL,
    STALE,
    Minute,
    kind_title,
)
from holdfast.lab.operator import ANCHORED, DETECTED, LOST, PAGED, REMOVED, Moment
from holdfast.lab.outage import Outage
from holdfast.lab.pictures import png_of
from holdfast.lab.replay import Run
from holdfast.lab.zone_versions import wire

COLOURS = {FRESH: "#2f8f6b", STALE: "#e2b13c", NXDOMAIN: "#8a8fb5", SERVFAIL: "#c03a2b", OTHER: "#888888"}
LINES = ("#c03a2b", "#e2903c", "#2f6f9f", "#2f8f6b", "#7b4fa0", "#555555")
SMOOTHED_MINUTES = 5
CAUSES_SHOWN = 8
SHOWN_MOMENTS = (DETECTED, LOST, ANCHORED, REMOVED)
PAGE_STYLE = """
:root{color-scheme:light}body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1c2430;background:#fff}h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2.2rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{padding:.35rem .6rem;text-align:right;
border-bottom:1px solid #d9dee5}th:first-child,td:first-child{text-align:left}th{font-weight:600}
svg{width:100%;height:auto;display:block;margin:.8rem 0;border:1px solid #d9dee5;border-radius:6px}

.story td{text-align:left;vertical-align:top}h3{font-size:1rem;margin-bottom:.3rem}
.lead{color:#3c4654}.small{color:#5a6472;font-size:.88rem}code{font-size:.88rem;overflow-wrap:anywhere}
"""


@dataclass(frozen=True)
class Replay:
    """Everything that a report is about."""

    outage: Outage
    seed: int
    scale: float
    runs: Sequence[Run]

    def minutes(self) -> int:
        """Return how many minutes the runs have."""
        return len(self.runs[0].measured.minutes)


def clock(at_s: float) -> str:
    """Return hours and minutes, UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M")


def summary(replay: Replay, run: Run) -> dict[str, float]:
    """Return the figures that policies are compared by: shares in percent of the questions that reached the resolver.

    The break lasts until the first server is healthy; its last third is when caches have run out.
    """
    outage, measured = replay.outage, run.measured
    repaired_s = first_repair(outage)
    third_s = outage.broken_s + (repaired_s - outage.broken_s) * 2 / 3
    totals = measured.totals()
    queries = int(str(totals["queries"]))
    return {
        "failed_percent": round(measured.share(outage.broken_s, outage.healed_s).percent, 2),
        "failed_last_third_percent": round(measured.share(third_s, repaired_s).percent, 2),
        "failed_minute_after_healing_percent": round(
            measured.share(outage.healed_s, outage.healed_s + MINUTE_S).percent, 2
        ),
        "names_failed": measured.names_failed,
        "users_hit": measured.users_hit,
        "queries": queries,
        "detected_after_s": detection_s(outage, run),
        "upstream_queries_per_query": round(int(str(totals["upstream_queries"])) / queries, 3) if queries else 0.0,
    }


def first_repair(outage: Outage) -> int:
    """Return when the first server got the version that heals: the last one whose start lies in the break."""
    starts = [one.start_s for one in outage.versions if outage.broken_s < one.start_s <= outage.healed_s]
    return starts[-1] if starts else outage.healed_s


def detection_s(outage: Outage, run: Run) -> int:
    """Return how many seconds after the break the detector called the outage's zone broken; -1: never."""
    opened = [
        one.opened_s for one in run.incidents if one.zone == wire(outage.zone) and one.opened_s >= outage.broken_s
    ]
    return opened[0] - outage.broken_s if opened else -1


def delay_text(delay_s: int) -> str:
    """Return a delay for people; -1: "never"."""
    if delay_s < 0:
        return "never"
    return f"{delay_s} s" if delay_s < MINUTE_S else f"{delay_s // 3600} h {delay_s // MINUTE_S % MINUTE_S:02d} min"


def expected_rows(outages: Sequence[Outage]) -> list[str]:
    """Return what outage files expect, as rows of a table in Markdown: outage, share for each policy, detection."""
    rows = []
    for outage in outages:
        if outage.expected is not None:
            shares = [f"{share:.1f}" for share in outage.expected.failed.values()]
            cells = [outage.name, *shares, delay_text(outage.expected.detected_after_s)]
            rows.append("| " + " | ".join(cells) + " |")
    return rows


def story(run: Run) -> list[Moment]:
    """Return what detector and operator did, without the pages that only repeat the first."""
    told: list[Moment] = []
    paged = False
    for one in run.story:
        if one.kind in (PAGED, LOST):
            if paged:
                continue
            paged = True
        elif one.kind == DETECTED:
            paged = False
        told.append(one)
    return told


def write_report(replay: Replay, folder: Path) -> list[Path]:
    """Write all files into a folder, made if need be; returns their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = make_charts(replay)
    svgs = {name: chart.svg() for name, chart in charts.items()}
    contents = {
        "report.html": page(replay, charts),
        "minutes.csv": minutes_csv(replay),
        "replay.json": replay_json(replay),
        **{f"{name}.svg": svg for name, svg in svgs.items()},
    }
    octets = {name: text.encode() for name, text in contents.items()}
    for name, svg in svgs.items():
        picture = png_of(svg)
        if picture is not None:
            octets[f"{name}.png"] = picture
    for name, content in octets.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in octets]


# -- figures ----------------------------------------------------------------------------------------------------------


def minutes_csv(replay: Replay) -> str:
    """Return one line for each policy and minute."""
    codes = sorted({code for run in replay.runs for minute in run.measured.minutes for code in minute.ede})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    failed = [f"failed_{name.replace(' ', '_')}" for name in CLASSES]
    writer.writerow(
        ["policy", "time_utc", "queries", *KINDS, "upstream", "questions", *failed, "names_failed", "users_hit"]
        + [f"ede_{code}" for code in codes]
    )
    for run in replay.runs:
        users = 0
        for at, minute in enumerate(run.measured.minutes):
            users = max(users, minute.users_hit)
            when = datetime.fromtimestamp(replay.outage.start_s + at * MINUTE_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            row = [run.policy.name, when, minute.queries, *(minute.kinds[kind] for kind in KINDS), minute.upstream]
            row += [minute.questions, *(minute.failed[name] for name in CLASSES), minute.names_failed, users]
            writer.writerow(row + [minute.ede.get(code, 0) for code in codes])
    return out.getvalue()


def replay_json(replay: Replay) -> str:
    """Return all figures as one JSON object."""
    value = {
        "outage": replay.outage.name,
        "seed": replay.seed,
        "scale": replay.scale,
        "zones": replay.outage.population.zones,
        "start": replay.outage.start_s,
        "policies": {
            run.policy.name: {
                "summary": summary(replay, run),
                "totals": run.measured.totals(),
                "causes": dict(_top_causes(run)),
                "engine": dict(sorted(run.statistics.items())),
                "incidents": [one.values() for one in run.incidents],
                "story": [{"time": one.at_s, "kind": one.kind, "text": one.text} for one in run.story],
            }
            for run in replay.runs
        },
    }
    return json.dumps(value, indent=1) + "\n"


def _top_causes(run: Run) -> list[tuple[str, int]]:
    return sorted(run.measured.causes.items(), key=lambda item: (-item[1], item[0]))[:CAUSES_SHOWN]


# -- charts -----------------------------------------------------------------------------------------------------------


def make_charts(replay: Replay) -> dict[str, Chart]:
    """Return the charts by file name."""
    main = main_run(replay)
    title = main.policy.title
    charts = {
        "rcodes": _rcode_chart(replay, main, f"Answers per minute, policy: {title}", KINDS[:4]),
        "rcodes-without-stale": _rcode_chart(
            replay, main, "The same without stale answers: what is left of fresh data", (FRESH, NXDOMAIN, SERVFAIL)
        ),
    }
    for run in replay.runs:
        if run is not main:
            text = f"Answers per minute, policy: {run.policy.title}"
            charts[f"rcodes-{run.policy.name}"] = _rcode_chart(replay, run, text, KINDS[:4])
    charts["policies"] = _compare(
        replay, "Questions that failed, retries included", "percent of questions", _failed_percent
    )
    charts["volume"] = _compare(replay, "Query volume at the resolver", "queries per minute", lambda one: one.queries)
    charts["upstream"] = _compare(
        replay, "Queries that the resolver sent", "queries per minute", lambda one: one.upstream
    )
    charts["users"] = _users_chart(replay)
    charts["ede"] = _ede_chart(replay, main)
    return charts


def main_run(replay: Replay) -> Run:
    """Return the run whose answers are shown first: the plainest that serves stale answers, as 1.1.1.1 did."""
    return next((run for run in replay.runs if run.policy.name == "stale"), replay.runs[0])


def _labels(replay: Replay) -> list[tuple[float, str]]:
    step = 30 if replay.minutes() <= 360 else 60 * max(1, replay.minutes() // 600)
    start = replay.outage.start_s
    return [(at, clock(start + at * MINUTE_S)) for at in range(0, replay.minutes(), step)]


def _marks(replay: Replay, run: Run | None = None) -> list[Mark]:
    """Return what happened when: in the outage, and to one run."""
    outage = replay.outage
    told = story(run) if run is not None else []
    own = {one.at_s: one.kind for one in told if one.kind in SHOWN_MOMENTS and one.at_s >= outage.start_s}
    moments = {outage.broken_s: "break", first_repair(outage): "first server healed"}
    moments[outage.healed_s] = "healed" if first_repair(outage) == outage.healed_s else "all servers healed"
    moments |= {at_s: text for at_s, text in own.items() if at_s not in moments}
    return [Mark((at_s - outage.start_s) / MINUTE_S, f"{clock(at_s)} {moments[at_s]}") for at_s in sorted(moments)]


def _rcode_chart(replay: Replay, run: Run, title: str, kinds: Sequence[str]) -> Chart:
    # SERVFAIL at the bottom: its edge is then a curve of its own, not the rest of the others.
    order = sorted(kinds, key=lambda kind: kind != SERVFAIL)
    series = [
        Series(kind_title(kind), COLOURS[kind], [minute.kinds[kind] for minute in run.measured.minutes])
        for kind in order
    ]
    return Chart(title, "queries per minute", _labels(replay), series, _marks(replay, run), stacked=True)


def _compare(replay: Replay, title: str, unit: str, value: Callable[[Minute], float]) -> Chart:
    series = [
        Series(run.policy.title, LINES[at % len(LINES)], _smooth([value(minute) for minute in run.measured.minutes]))
        for at, run in enumerate(replay.runs)
    ]
    return Chart(title, unit, _labels(replay), series, _marks(replay))


def _failed_percent(minute: Minute) -> float:
    return 100 * minute.questions_failed / minute.questions if minute.questions else 0.0


def _smooth(values: list[float]) -> list[float]:
    """Return moving averages: one minute holds too few questions of a small world to be read."""
    half = SMOOTHED_MINUTES // 2
    windows = [values[max(0, at - half) : at + half + 1] for at in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _users_chart(replay: Replay) -> Chart:
    series = []
    for at, run in enumerate(replay.runs):
        values: list[float] = []
        for minute in run.measured.minutes:
            values.append(max(values[-1] if values else 0, minute.users_hit))
        series.append(Series(run.policy.title, LINES[at % len(LINES)], values))
    return Chart("Users with at least one failed question so far", "users", _labels(replay), series, _marks(replay))


def _ede_chart(replay: Replay, run: Run) -> Chart:
    codes = sorted({code for minute in run.measured.minutes for code in minute.ede})
    series = [
        Series(
            f"{code} {EDE_NAMES.get(code, '')}",
            LINES[at % len(LINES)],
            [minute.ede.get(code, 0) for minute in run.measured.minutes],
        )
        for at, code in enumerate(codes)
    ] or [Series("none", LINES[0], [0.0] * replay.minutes())]
    title = f"Extended errors in answers, policy: {run.policy.title}"
    return Chart(title, "options per minute", _labels(replay), series, _marks(replay), stacked=True)


# -- page -------------------------------------------------------------------------------------------------------------


def page(replay: Replay, charts: dict[str, Chart]) -> str:
    """Return the report as one self-contained HTML page."""
    outage = replay.outage
    day = datetime.fromtimestamp(outage.start_s, UTC).strftime("%d %B %Y").lstrip("0")
    size = outage.population
    body = [
        f"<h1>{escape(outage.title)}</h1>",
        f'<p class="lead">{escape(" ".join(outage.summary.split()))}</p>',
        f'<p class="small">{day}, {clock(outage.start_s)} to {clock(outage.end_s)} UTC, in virtual time. '
        f"{size.zones} zones below <code>{escape(outage.zone)}</code> and {size.foreign_zones} elsewhere, "
        f"{size.signed_percent:g} % signed, {size.names_per_zone} names in each; seed {replay.seed}, scale "
        f"{replay.scale:g}. Source: {escape(outage.source)}.</p>",
        "<h2>Policy against policy</h2>",
        _table(replay),
        '<p class="small">A question is what a user wants; it failed if all its queries, retries included, got '
        "SERVFAIL. "
        "Percent of the questions that reached the resolver: stub resolvers answered the rest.</p>",
        _dependants(replay),
        charts["policies"].svg(),
        "<h2>What clients were told</h2>",
        *(chart.svg() for name, chart in charts.items() if name.startswith("rcodes")),
        "<h2>Volume</h2>",
        charts["volume"].svg(),
        charts["upstream"].svg(),
        "<h2>Users and errors</h2>",
        charts["users"].svg(),
        charts["ede"].svg(),
        *_causes(replay),
        "<h2>What was noticed, and done</h2>",
        *_stories(replay),
        f"<h2>What would have helped</h2><p>{escape(outage.lesson)}</p>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(outage.title)}</title><style>{PAGE_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _stories(replay: Replay) -> list[str]:
    """Return what detector and operator did under each policy."""
    parts = [
        '<p class="small">The detector watches in every run. Whether its page arrives, and what is done then, is '
        "the policy's business.</p>"
    ]
    for run in replay.runs:
        rows = "".join(
            f"<tr><td>{clock(one.at_s)}</td><td>{escape(one.kind)}</td><td>{escape(one.text)}</td></tr>"
            for one in story(run)
        )
        shown = f'<table class="story"><tbody>{rows}</tbody></table>' if rows else "<p>Nothing.</p>"
        parts.append(f"<h3>{escape(run.policy.title)}</h3>{shown}")
    return parts


def _table(replay: Replay) -> str:
    heads = ("policy", "failed, whole break", "last third", "minute after healing", "names", "users hit", "queries",
             "sent upstream per query", "detected after")  # fmt: skip
    rows = []
    for run in replay.runs:
        figures = summary(replay, run)
        cells = [
            escape(run.policy.title),
            f"{figures['failed_percent']:.1f} %",
            f"{figures['failed_last_third_percent']:.1f} %",
            f"{figures['failed_minute_after_healing_percent']:.1f} %",
            *(f"{figures[key]:,.0f}".replace(",", "&#8239;") for key in ("names_failed", "users_hit", "queries")),
            f"{figures['upstream_queries_per_query']:.2f}",
            delay_text(detection_s(replay.outage, run)),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{text}</th>" for text in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _dependants(replay: Replay) -> str:
    """Return what happened to names outside the zone whose name servers are named in it."""
    parts = []
    for run in replay.runs:
        dependent = run.measured.transitive
        parts.append(f"{escape(run.policy.title)}: {dependent.questions_failed} of {dependent.questions}")
    zone = escape(replay.outage.zone)
    return (
        f'<p class="small">Failed questions for names outside <code>{zone}</code> whose name servers are named '
        "below it: "
        f"{'; '.join(parts)}.</p>"
    )


def _causes(replay: Replay) -> list[str]:
    """Return what SERVFAIL answers gave as their reason."""
    run = main_run(replay)
    rows = "".join(
        f"<tr><td><code>{escape(text)}</code></td><td>{count:,}</td></tr>".replace(",", "&#8239;")
        for text, count in _top_causes(run)
    )
    if not rows:
        return []
    head = "<thead><tr><th>reason given with SERVFAIL (EDE text)</th><th>answers</th></tr></thead>"
    return [f"<table>{head}<tbody>{rows}</tbody></table>"]
