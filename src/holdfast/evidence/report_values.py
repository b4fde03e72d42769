"""A report as plain values, for sockets, programs and the command line."""

from dataclasses import asdict
from typing import Any

from holdfast.evidence.bundle import Bundle
from holdfast.evidence.verdict import Report


def report_values(bundle: Bundle, report: Report) -> dict[str, Any]:
    """Return the report of a bundle as what JSON can say; keys are only ever added."""
    return {
        "zone": report.zone,
        "verdict": report.verdict,
        "reasons": list(report.reasons),
        "advice": report.advice,
        "at_s": bundle.started_s,
        "anchored": report.anchored,
        "signed": report.signed,
        "vantage_points": report.vantage_points,
        "servers": [asdict(one) for one in report.servers],
        "rows": [
            {**asdict(one), "transports": list(one.transports), "servers": list(one.servers)} for one in report.rows
        ],
        "notes": list(bundle.notes),
    }
