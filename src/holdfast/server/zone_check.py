"""What a worker does for a check: probe the zone, judge the bundle, keep it, and say what was found."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.dns.name import from_text
from holdfast.evidence.bundle import Bundle, BundleError
from holdfast.evidence.report_values import report_values
from holdfast.evidence.verdict import is_round_clean, judge
from holdfast.server.commands import CommandError, not_a_name
from holdfast.server.evidence_store import keep
from holdfast.server.lines import LINE_OCTETS, Values, encode
from holdfast.server.texts import parse_vantage_point
from holdfast.server.zone_probe import ZoneProbe

if TYPE_CHECKING:
    from holdfast.server.worker import EngineHost

RESULT_OCTETS = LINE_OCTETS - 4096  # of one line between processes, less what is added on the way

log = structlog.get_logger()


async def check_zone(host: "EngineHost", values: Values) -> Values:
    """Return the report on a zone, and the file's name of the bundle, "" if it is not kept. Raises CommandError."""
    zone = from_text(values["zone"])
    if zone is None:
        raise CommandError(not_a_name(values["zone"]))
    names = [name for text in values.get("names", "").split(",") if (name := from_text(text.strip())) is not None]
    seed = values.get("seed", host.clocks.read().monotonic_us)  # another sample each time: who asks again sees more
    points = [*host.settings.vantage_points, *map(parse_vantage_point, values.get("vantage_points", []))]
    bundle = await ZoneProbe(host, zone, names, seed, list(dict.fromkeys(points))).run()
    # The sums of a few hundred signatures take some ten milliseconds, which clients need not wait for.
    report = await asyncio.to_thread(judge, bundle, CryptographyVerifier())
    found = report_values(bundle, report)
    found["clean"] = is_round_clean(report, host.settings.recheck.silent_share)
    # Rounds that find nothing new replace each other; those that may end an anchor are kept.
    passing = values.get("recheck", False) and not found["clean"]
    found["evidence"] = await asyncio.to_thread(_keep, host, bundle, passing)
    if values.get("recheck"):
        found["rows"] = []
    return fitting(found)


def fitting(found: Values) -> Values:
    """Return a report that fits into one line: rows are left out from the end, what verifies before what does not."""
    rows = found["rows"]
    while rows and len(encode(found)) > RESULT_OCTETS:
        del rows[-1]
    return found


def _keep(host: "EngineHost", bundle: Bundle, passing: bool) -> str:
    directory = host.settings.state_directory
    if directory is None:
        return ""
    try:
        return keep(directory, bundle, passing)
    except (OSError, BundleError) as error:
        log.error("cannot keep evidence", directory=str(directory), error=str(error))
        return ""
