"""The trust anchors that operators add while the server runs: private ones of zones, and IANA's file for the root.

The supervisor owns the list; its journal is its only form on disk. What is trusted in a zone is what the configuration
says and what is in this list, within its time; keys imported from IANA's file take the place of the built-in ones.
"""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.base.instant import FOREVER_S
from holdfast.base.limits import TRUST_ANCHOR_RECORDS
from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.dns.iana import TYPE_DNSKEY, TYPE_DS
from holdfast.dns.name import ROOT, from_text, to_text
from holdfast.dnssec.signature_time import utc_text
from holdfast.server.anchor_records import anchor_algorithm, anchor_key_tag, anchor_text, parse_anchor
from holdfast.server.anchor_state import anchor_state_path
from holdfast.server.change_journal import ChangeJournal
from holdfast.server.commands import CONFLICT, NOT_FOUND, UNAVAILABLE, CommandError, not_a_name
from holdfast.server.lines import Values
from holdfast.server.root_anchors_xml import read_root_anchors
from holdfast.store.lmdb_cache import mark_of

FILE_NAME = "trust-anchors.jsonl"
ADDED = "added"
IMPORTED = "imported"

log = structlog.get_logger()


class AnchorRecord:
    """One DS or DNSKEY record of the list, by whom, why and when; in force from ``from_s`` to ``until_s`` (POSIX)."""

    def __init__(self, zone: bytes, rtype: int, rdata: bytes, source: str, values: Values) -> None:
        self.zone = zone
        self.rtype = rtype
        self.rdata = rdata
        self.source = source
        self.author: str = values["author"]
        self.reason: str = values["reason"]
        self.at_s: int = values["at_s"]
        self.from_s: int = values["from_s"]
        self.until_s: int = values["until_s"]

    def values(self) -> Values:
        """Return it as the values that go over sockets and into the journal."""
        times = {"at_s": self.at_s, "from_s": self.from_s, "until_s": self.until_s}
        return {
            "zone": to_text(self.zone),
            "record": anchor_text(self.rtype, self.rdata),
            "source": self.source,
            "author": self.author,
            "reason": self.reason,
            **times,
        }

    def is_in_force(self, now_s: int) -> bool:
        """Tell whether it counts at an instant."""
        return self.from_s <= now_s < self.until_s

    def is_same(self, other: "AnchorRecord") -> bool:
        """Tell whether it is about the same key in the same form."""
        return (self.zone, self.rtype, self.rdata) == (other.zone, other.rtype, other.rdata)


class TrustAnchorList:
    """All records. ``tracked``: rollovers are followed (RFC 5011). ``directory`` None: a restart forgets the list.

    ``changes`` counts the lines of the journal. ``read_only``: a server that runs owns it.
    """

    def __init__(
        self,
        directory: Path | None,
        tracked: bool,
        clock: Callable[[], float] = time.time,
        read_only: bool = False,
    ) -> None:
        self.records: list[AnchorRecord] = []
        self.changes = 0
        self._directory = directory
        self._tracked = tracked and directory is not None
        self._clock = clock
        self._journal = ChangeJournal(directory, FILE_NAME, "trust anchors")
        self._journal.read(self._replay, self._lines, self._now_s(), read_only)
        if not read_only:
            self.expire()

    @property
    def kept(self) -> bool:
        """Whether a restart keeps the list."""
        return self._directory is not None

    def move(self, directory: Path | None, tracked: bool) -> None:
        """Keep the journal in another directory from now on (after a reload)."""
        self._directory = directory
        self._tracked = tracked and directory is not None
        if self._journal.move(directory):
            for line in self._lines():
                self._journal.note(self._now_s(), line.pop("action"), line.pop("by"), line.pop("why"), line)

    # -- what is trusted ----------------------------------------------------------------------------------------------

    def merged(self, configured: list[TrustAnchorSetting]) -> list[TrustAnchorSetting]:
        """Return what engines shall trust: the configuration's anchors and these, with the states of RFC 5011."""
        zones = dict.fromkeys([one.zone for one in configured] + [one.zone for one in self.records])
        found = [self.setting(zone, configured) for zone in zones]
        return [one for one in found if one is not None]

    def setting(self, zone: bytes, configured: list[TrustAnchorSetting]) -> TrustAnchorSetting | None:
        """Return what shall be trusted in a zone, None: nothing."""
        ds, keys = self._records_of(zone, configured)
        if not ds and not keys:
            return None
        theirs = [one for one in configured if one.zone == zone]
        tracked = self._tracked or any(one.tracked for one in theirs)
        known = next((one.state for one in theirs), "")
        state = self._state(zone) if self._directory is not None else known
        return TrustAnchorSetting(zone, ds, keys, tracked, state if tracked else "")

    def in_force(self, configured: list[TrustAnchorSetting]) -> dict[bytes, list[bytes]]:
        """Return the records that are trusted, by zone."""
        zones = dict.fromkeys([one.zone for one in configured] + [one.zone for one in self.records])
        found = {zone: self._records_of(zone, configured) for zone in zones}
        return {zone: [*ds, *keys] for zone, (ds, keys) in found.items() if ds or keys}

    def _records_of(self, zone: bytes, configured: list[TrustAnchorSetting]) -> tuple[list[bytes], list[bytes]]:
        """Return the DS and the DNSKEY records that are trusted in a zone, each once."""
        mine = [one for one in self.records if one.zone == zone and one.is_in_force(self._now_s())]
        imported = any(one.source == IMPORTED for one in mine)
        theirs = [one for one in configured if one.zone == zone and not (one.built_in and imported)]
        ds = [rdata for one in theirs for rdata in one.ds] + _of_type(mine, TYPE_DS)
        keys = [rdata for one in theirs for rdata in one.dnskey] + _of_type(mine, TYPE_DNSKEY)
        return list(dict.fromkeys(ds)), list(dict.fromkeys(keys))

    def store_mark(self, settings: EngineSettings) -> bytes:
        """Return what the second-level cache must have been filled under, for settings with `merged` anchors.

        What is changed while a server runs is dropped from it soon, but not at once; so a server that starts uses it
        only if nothing was changed since the one that filled it started.
        """
        return mark_of(settings) + (self.changes.to_bytes(8, "big") if self.changes else b"")

    def forget_state(self, zone: bytes) -> None:
        """Remove what was learned about the keys of a zone that has no trust anchor any more."""
        if self._directory is not None:
            try:
                anchor_state_path(self._directory, zone).unlink(missing_ok=True)
            except OSError as error:
                log.error("cannot remove trust anchor state", zone=to_text(zone), error=str(error))

    def _state(self, zone: bytes) -> str:
        """Return the state that workers recorded last."""
        if self._directory is None:
            return ""
        try:
            return anchor_state_path(self._directory, zone).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            log.error("cannot read trust anchor state", zone=to_text(zone), error=str(error))
            return ""

    # -- changes ------------------------------------------------------------------------------------------------------

    def change(self, values: Values, settings: EngineSettings, configured: list[TrustAnchorSetting]) -> list[str]:
        """Take a checked command to add, import or remove; returns what the user should know beside it.

        ``configured`` are the anchors of the configuration. Raises CommandError, and changes nothing, if it cannot be.
        """
        command = values["command"]
        try:
            if command == "anchor.add":
                return self._add(values, settings, configured)
            return self._import(values) if command == "anchor.import" else self._remove(values, configured)
        except OSError as error:
            text = f"{command}: cannot write {self._journal.path}: {error.strerror or error}"
            raise CommandError(text, UNAVAILABLE) from None

    def _add(self, values: Values, settings: EngineSettings, configured: list[TrustAnchorSetting]) -> list[str]:
        zone = _zone(values)
        try:
            rtype, rdata = parse_anchor(zone, values["record"])
        except ValueError as error:
            raise CommandError(f"anchor.add: {error}", argument="record") from None
        algorithm = anchor_algorithm(rtype, rdata)
        if algorithm not in settings.enabled_algorithms:
            text = f"anchor.add: keys of algorithm {algorithm} do not count here (validation.algorithms)"
            raise CommandError(text, argument="record")
        if rtype == TYPE_DS and rdata[3] not in settings.enabled_digests:
            text = f"anchor.add: digests of type {rdata[3]} do not count here (validation.digest_types)"
            raise CommandError(text, argument="record")
        record = self._record(zone, rtype, rdata, ADDED, values)
        if any(record.is_same(one) for one in self.records) or _has(configured, record):
            raise CommandError(f"anchor.add: {to_text(zone)} has this trust anchor already", CONFLICT)
        if len(self.records) >= TRUST_ANCHOR_RECORDS:
            text = f"anchor.add: there are {TRUST_ANCHOR_RECORDS} trust anchors of this kind, as many as may be"
            raise CommandError(text, CONFLICT)
        self._write("add", [record], values)
        self.records.append(record)
        if zone in settings.insecure_zones:
            return [f"{to_text(zone)} is insecure by configuration (validation.insecure_zones), which takes precedence"]
        return []

    def _import(self, values: Values) -> list[str]:
        try:
            found = read_root_anchors(values["xml"])
        except ValueError as error:
            raise CommandError(f"anchor.import: {error}", argument="xml") from None
        now_s = self._now_s()
        usable = [one for one in found if one.until_s > now_s]
        records = [self._record(ROOT, one.rtype, one.ds, IMPORTED, values, one.from_s, one.until_s) for one in usable]
        if not any(one.is_in_force(now_s) for one in records):
            raise CommandError("anchor.import: none of its keys is valid now; is it the present file?", argument="xml")
        self._write("import", records, values)
        self.records = [one for one in self.records if one.source != IMPORTED] + records
        notes = [
            f"key {anchor_key_tag(one.rtype, one.rdata)} is trusted from {utc_text(one.from_s)} on"
            for one in records
            if one.from_s > now_s
        ]
        ended = [str(anchor_key_tag(one.rtype, one.ds)) for one in found if one not in usable]
        return [*notes, *([f"key {', '.join(ended)} is not valid any more"] if ended else [])]

    def _remove(self, values: Values, configured: list[TrustAnchorSetting]) -> list[str]:
        zone = _zone(values)
        text = to_text(zone)
        tag = values.get("key_tag", -1)
        going = [one for one in self.records if one.zone == zone and tag in (-1, anchor_key_tag(one.rtype, one.rdata))]
        if not going and any(one.zone == zone for one in configured):
            words = "change validation.trust_anchors or built_in_trust_anchors, and reload"
            raise CommandError(f"anchor.remove: what {text} has is from the configuration: {words}", CONFLICT)
        if not going:
            have = ", ".join(sorted({to_text(one.zone) for one in self.records})) or "none"
            raise CommandError(f"anchor.remove: no such trust anchor of {text}; added were: {have}", NOT_FOUND, "zone")
        before = self.records
        self.records = [one for one in before if one not in going]
        try:
            if zone == ROOT and self.setting(ROOT, configured) is None:
                words = "that would turn all validation off, which is validation.enabled"
                raise CommandError(f"anchor.remove: it is the last one of the root: {words}", CONFLICT)
            self._write("remove", going, values)
        except (CommandError, OSError):
            self.records = before
            raise
        return []

    def expire(self) -> None:
        """Take out what has ended."""
        ended = [one for one in self.records if one.until_s <= self._now_s()]
        if ended:
            self.records = [one for one in self.records if one not in ended]
            for one in ended:
                log.warning("trust anchor ended", zone=to_text(one.zone), record=anchor_text(one.rtype, one.rdata))
            lines = {"records": [one.values() for one in ended]}
            self.changes += 1
            self._journal.note(self._now_s(), "end", ended[0].author, ended[0].reason, lines)

    def _record(
        self,
        zone: bytes,
        rtype: int,
        rdata: bytes,
        source: str,
        values: Values,
        from_s: int = 0,
        until_s: int = FOREVER_S,
    ) -> AnchorRecord:
        told = {"author": values["author"].strip(), "reason": values["reason"].strip(), "at_s": self._now_s()}
        return AnchorRecord(zone, rtype, rdata, source, {**told, "from_s": from_s, "until_s": until_s})

    def _now_s(self) -> int:
        return int(self._clock())

    # -- the journal --------------------------------------------------------------------------------------------------

    def _write(self, action: str, records: list[AnchorRecord], values: Values) -> None:
        """Append a change, and have it on the disk. Raises OSError, after which the journal is as before."""
        lines = {"records": [one.values() for one in records]}
        self.changes += 1
        self._journal.write(self._now_s(), action, values["author"].strip(), values["reason"].strip(), lines)

    def _lines(self) -> list[Values]:
        """Return a line for each record, for a new journal."""
        return [
            {"action": "add", "by": one.author, "why": one.reason, "records": [one.values()]} for one in self.records
        ]

    def _replay(self, line: Values) -> bool:
        """Do once more what a line of the journal says; False: it says nothing."""
        self.changes += 1
        try:
            records = [_read_record(values) for values in line["records"]]
            action = line["action"]
        except (KeyError, TypeError, ValueError):
            return False
        if action == "import":
            self.records = [one for one in self.records if one.source != IMPORTED]
        known = [one for one in self.records if not any(one.is_same(other) for other in records)]
        self.records = known if action in ("remove", "end") else [*known, *records]
        return action in ("add", "import", "remove", "end")


def _read_record(values: Values) -> AnchorRecord:
    """Return the record of its values. Raises KeyError, TypeError or ValueError if they are none."""
    zone = from_text(values["zone"])
    if zone is None:
        raise ValueError(not_a_name(values["zone"]))
    for name in ("at_s", "from_s", "until_s"):
        if type(values[name]) is not int:
            raise TypeError(name)
    return AnchorRecord(zone, *parse_anchor(zone, values["record"]), values["source"], values)


def _of_type(records: list[AnchorRecord], rtype: int) -> list[bytes]:
    return [one.rdata for one in records if one.rtype == rtype]


def _has(configured: list[TrustAnchorSetting], record: AnchorRecord) -> bool:
    return any(one.zone == record.zone and record.rdata in [*one.ds, *one.dnskey] for one in configured)


def _zone(values: Values) -> bytes:
    zone = from_text(values["zone"])
    if zone is None:
        raise CommandError(f"{values['command']}: {not_a_name(values['zone'])}", argument="zone")
    return zone
