"""Trust anchors and how they fare, as the values that go between supervisor, workers and users."""

from collections.abc import Sequence

from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.name import from_text, to_text
from holdfast.dnssec.anchor_report import LEVEL_NAMES, WARNING, AnchorReport
from holdfast.server.lines import Values

KEYS_SHOWN = 6  # of each zone in the list of all, which must fit into a line; `anchor.show` has more
PENDING = "AddPend"


def setting_values(setting: TrustAnchorSetting) -> Values:
    """Return what workers need to put an anchor in force."""
    return {
        "zone": to_text(setting.zone),
        "ds": [rdata.hex() for rdata in setting.ds],
        "dnskey": [rdata.hex() for rdata in setting.dnskey],
        "tracked": setting.tracked,
        "state": setting.state,
    }


def read_setting(values: Values) -> TrustAnchorSetting:
    """Return the anchor of its values, which the supervisor has made."""
    zone = from_text(values["zone"])
    assert zone is not None
    ds = [bytes.fromhex(text) for text in values.get("ds", ())]
    dnskey = [bytes.fromhex(text) for text in values.get("dnskey", ())]
    return TrustAnchorSetting(zone, ds, dnskey, values.get("tracked", False), values.get("state", ""))


def report_values(report: AnchorReport, shown: int) -> Values:
    """Return how an anchor fares, with so many of its keys at most."""
    return {
        "zone": to_text(report.zone),
        "tracked": report.tracked,
        "trusted": list(report.trusted),
        "verified_s": report.verified_s,
        "keys": [
            {
                "key_tag": key.key_tag,
                "algorithm": key.algorithm,
                "state": key.state_name,
                "since_s": key.since_s,
                "trusted_from_s": key.trusted_from_s,
            }
            for key in report.keys[:shown]
        ],
        "findings": [
            {"level": LEVEL_NAMES[finding.level], "text": finding.text} for finding in report.findings[:shown]
        ],
    }


def anchor_numbers(reports: Sequence[AnchorReport]) -> dict[str, int]:
    """Return what of it belongs into the counters."""
    return {
        "trust_anchor_zones": len(reports),
        "trust_anchor_zones_with_warnings": sum(1 for one in reports if one.worst() >= WARNING),
        "trust_anchor_keys_pending": sum(1 for one in reports for key in one.keys if key.state_name == PENDING),
    }


def merge_reports(results: Sequence[Values]) -> list[Values]:
    """Return one report for each zone from those of all workers; where they differ, a notice says so."""
    merged: dict[str, Values] = {}
    for result in results:
        for report in result["anchors"]:
            known = merged.setdefault(report["zone"], report)
            if known is report:
                continue
            known["findings"] += [one for one in report["findings"] if one not in known["findings"]]
            known["verified_s"] = max(known["verified_s"], report["verified_s"])
            if _states(known) != _states(report) and DIFFERENCE not in known["findings"]:
                known["findings"].append(DIFFERENCE)
    for report in merged.values():
        report["findings"].sort(key=lambda one: -LEVEL_NAMES.index(one["level"]))
    return list(merged.values())


DIFFERENCE: Values = {"level": LEVEL_NAMES[0], "text": "workers differ in what they know of its keys; it evens out"}


def _states(report: Values) -> list[tuple[int, str]]:
    return sorted((key["key_tag"], key["state"]) for key in report["keys"])
