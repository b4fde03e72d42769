"""The report of a check, for people: verdict, reasons, table, servers; and judging a bundle again, offline."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from holdfast.control.options import ask_running
from holdfast.control.problems import InputError
from holdfast.dnssec.signature_time import utc_text


def print_report(console: Console, report: dict[str, Any]) -> None:
    """Print a report as its values have it."""
    console.print(f"{report['zone']}: {report['verdict']} ({utc_text(report['at_s'])})", markup=False)
    for reason in report["reasons"]:
        console.print(f"  - {reason}", markup=False)
    console.print(f"  {report['advice']}", markup=False)
    if report["rows"]:
        console.print()
        for line in _lines(report):
            console.print(line, markup=False)
    states: dict[str, list[str]] = {}
    for server in report["servers"]:
        states.setdefault(server["state"], []).append(server["name"])
    counted = [f"{len(names)} {state}: {', '.join(names)}" for state, names in states.items()]
    console.print("servers: " + ("; ".join(counted) or "none"), markup=False)
    if report["vantage_points"]:
        console.print(f"vantage points asked: {report['vantage_points']}")
    for note in report["notes"]:
        console.print(f"note: {note}", markup=False)
    if "evidence" in report:
        text = report["evidence"] or "not kept: the server has no state directory"
        console.print(f"evidence: {text}", markup=False)


def _lines(report: dict[str, Any]) -> list[str]:
    """Return the table of RRsets: which verify, with which key tag, at which servers."""
    cells = [("RRset", "key tag", "state", "addresses", "over", "versions", "servers")]
    for row in report["rows"]:
        cells.append(
            (
                f"{row['name']}/{row['type']}",
                str(row["key_tag"]) if row["key_tag"] >= 0 else "-",
                row["state"],
                str(row["addresses"]),
                "+".join(row["transports"]).upper(),
                str(row["versions"]),
                ", ".join(row["servers"]) or "all",
            )
        )
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def recheck_lines(progress: dict[str, Any]) -> list[str]:
    """Return how far the recheck of a zone is, and which servers are still bad."""
    if not progress["rounds"]:
        return ["recheck: no round yet"]
    servers = f"{progress['clean_servers']} of {progress['servers']} servers clean"
    if progress["silent_servers"]:
        servers += f", {progress['silent_servers']} silent"
    rounds = f"round {progress['clean_rounds']} of {progress['rounds_needed']} ({progress['rounds']} in all)"
    return [f"recheck: {servers}, {rounds}", *[f"  {one}" for one in progress.get("dirty", [])]]


def replay_evidence(what: str, socket: str | None, config: str | None, as_json: bool) -> None:
    """Judge a bundle again and print the report. Raises InputError if there is none, or it is malformed."""
    from holdfast.crypto.verifier import CryptographyVerifier
    from holdfast.evidence.report_values import report_values
    from holdfast.evidence.verdict import judge
    from holdfast.server.evidence_store import BundleError, read_bundle

    path = Path(what)
    if "/" not in what and not path.exists():
        reply = ask_running(socket, config, "nta.evidence", zone=what)
        if not reply.get("ok"):
            raise InputError([str(reply.get("error"))])
        path = Path(reply["result"]["file"])
    try:
        bundle = read_bundle(path)
    except BundleError as error:
        raise InputError([f"{path}: not an evidence bundle: {error}"]) from None
    except OSError as error:
        raise InputError([f"{path}: {error.strerror or error}"]) from None
    report = report_values(bundle, judge(bundle, CryptographyVerifier()))
    if as_json:
        print(json.dumps(report, indent=2, sort_keys=True))
    else:
        print_report(Console(highlight=False, emoji=False, soft_wrap=True), report)
