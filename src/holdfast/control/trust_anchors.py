"""Trust anchors: IANA's two root keys built in, others from DS and DNSKEY lines (RFC 4033 section 2)."""

from dataclasses import dataclass, field

from holdfast.base.settings import TrustAnchorSetting
from holdfast.control.problems import InputError, read_text
from holdfast.control.zone_lines import read_records
from holdfast.dns import iana
from holdfast.dns.name import ROOT
from holdfast.server.anchor_records import unusable_anchor

# Published by IANA (data.iana.org/root-anchors): KSK-2017 and its successor, KSK-2024.
ROOT_TRUST_ANCHORS = """\
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
"""


@dataclass(slots=True)
class TrustAnchors:
    """Trust anchors by zone (wire format), in the order in which they were given."""

    ds: dict[bytes, list[bytes]] = field(default_factory=dict)
    dnskey: dict[bytes, list[bytes]] = field(default_factory=dict)

    def add(self, text: str, source: str) -> None:
        """Add DS and DNSKEY lines; `InputError` names ``source`` and line of what is wrong."""
        records = read_records(text, source, frozenset((iana.TYPE_DS, iana.TYPE_DNSKEY)))
        if not records:
            raise InputError([f"{source}: has no DS or DNSKEY record"])
        problems = [
            f"{source}:{record.line}: {reason}"
            for record in records
            if (reason := unusable_anchor(record.name, record.rtype, record.rdata))
        ]
        if problems:
            raise InputError(problems)
        for record in records:
            kind = self.ds if record.rtype == iana.TYPE_DS else self.dnskey
            found = kind.setdefault(record.name, [])
            if record.rdata not in found:
                found.append(record.rdata)

    def add_file(self, path: str) -> None:
        """Add the lines of a file."""
        self.add(read_text(path), path)

    def covers_root(self) -> bool:
        """Say whether there is an anchor for the root."""
        return ROOT in self.ds or ROOT in self.dnskey

    def zones(self) -> list[bytes]:
        """Return the zones that have an anchor."""
        return list(dict.fromkeys([*self.ds, *self.dnskey]))

    def settings(self, tracked: bool, states: dict[bytes, str]) -> list[TrustAnchorSetting]:
        """Return what the engine takes; ``states`` has the recorded RFC 5011 state by zone."""
        return [
            TrustAnchorSetting(zone, self.ds.get(zone, []), self.dnskey.get(zone, []), tracked, states.get(zone, ""))
            for zone in self.zones()
        ]
