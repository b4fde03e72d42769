"""Trust anchors for people: a line for each zone, one for each key, and what is or will become a problem."""

from rich.console import Console

from holdfast.base.instant import FOREVER_S
from holdfast.dns import iana
from holdfast.dnssec.signature_time import utc_text
from holdfast.server.lines import Values


def print_trust_anchors(console: Console, command: str, result: Values) -> None:
    """Print the reply to a command about trust anchors."""
    if not result["anchors"]:
        console.print("no trust anchors" if command == "anchor.list" else "no keys of the zone are trusted any more")
    for report in result["anchors"]:
        tags = ", ".join(str(tag) for tag in report["trusted"]) or "no key"
        seen = f"validated {utc_text(report['verified_s'])}" if report["verified_s"] else "not validated yet"
        console.print(f"{report['zone']} trusts {tags} ({seen})", markup=False)
        for key in report["keys"]:
            console.print("  " + _key_line(key), markup=False)
        for finding in report["findings"]:
            console.print(f"  {finding['level']}: {finding['text']}", markup=False)
        for record in report["records"] if command != "anchor.list" else ():
            console.print("  " + _record_line(record), markup=False)
    if "warning" in result:
        console.print(result["warning"], markup=False)
    if command not in ("anchor.list", "anchor.show") and not result["kept"]:
        console.print("not kept over a restart: the server has no state directory")


def _key_line(key: Values) -> str:
    since = f" since {utc_text(key['since_s'])}" if key["since_s"] else ""
    until = f", trusted from {utc_text(key['trusted_from_s'])}" if key["trusted_from_s"] else ""
    name = iana.algorithm_name(key["algorithm"])
    return f"key {key['key_tag']} {name}: {key['state']}{since}{until}"


def _record_line(record: Values) -> str:
    """Say where a record comes from, by whom, why, and from when to when it holds."""
    if "record" not in record:
        return f"from: {record['source']}"
    times = f", from {utc_text(record['from_s'])}" if record["from_s"] else ""
    times += f", until {utc_text(record['until_s'])}" if record["until_s"] != FOREVER_S else ""
    at = utc_text(record["at_s"])
    return f"from: {record['source']} by {record['author']} {at}: {record['reason']}{times}; {record['record']}"
