"""What has been published, and until when: from it the gate knows every state that caches may be in.

One JSON file. Versions with the same keys, DS records and signers are one entry, so that a zone that changes every
minute does not fill it; entries go once nothing of them can be cached any more.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.dns import iana
from holdfast.dns.name import to_text
from holdfast.dns.rrset import RRset
from holdfast.registry.atomic_file import PUBLIC_FILE, write_atomically
from holdfast.registry.cache_states import Version
from holdfast.registry.problems import RegistryError
from holdfast.registry.zone import wire_name
from holdfast.registry.zone_signatures import Profile

FORMAT = 1
SPARE_S = 86400  # entries are kept a day longer than caches keep their data: clocks differ, people look things up


@dataclass
class Journal:
    """The journal of one zone; ``versions`` in order, the last one is published now."""

    path: Path
    zone: bytes
    versions: list[Version]

    @classmethod
    def open(cls, path: Path, zone: bytes) -> "Journal":
        """Read the journal, which need not exist yet. `RegistryError` says why it cannot be used."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path, zone, [])
        except OSError as error:
            raise RegistryError([f"{path}: cannot be read: {error.strerror}"]) from None
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}, not {FORMAT}")
            if wire_name(content["zone"]) != zone:
                raise RegistryError([f"{path}: is the journal of {content['zone']}, not of {to_text(zone)}"])
            return cls(path, zone, [_version(zone, one) for one in content["versions"]])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, RegistryError):
                raise
            raise RegistryError([f"{path}: is not a publication journal: {error!r}"]) from None

    def earlier(self, now_s: int) -> list[Version]:
        """Return the versions that may be cached at POSIX time ``now_s``; the last one was published until now."""
        if self.versions:
            self.versions[-1].until_s = max(self.versions[-1].until_s, now_s)
        return list(self.versions)

    def record(self, version: Version, now_s: int, propagation_s: int) -> None:
        """Write down that a version is published from now on."""
        self.earlier(now_s)
        version.until_s = now_s
        if self.versions and _alike(self.versions[-1], version):
            last = self.versions.pop()
            version.ds_ttl_s = max(version.ds_ttl_s, last.ds_ttl_s)
            for key, profile in last.profiles.items():
                version.profiles[key].ttl_s = max(version.profiles[key].ttl_s, profile.ttl_s)
        self.versions.append(version)
        self.versions = [one for one in self.versions if _cached_until(one) + propagation_s + SPARE_S > now_s]
        content = {"format": FORMAT, "zone": to_text(self.zone), "versions": [_content(one) for one in self.versions]}
        write_atomically(self.path, (json.dumps(content, indent=1) + "\n").encode(), PUBLIC_FILE)


def _alike(one: Version, other: Version) -> bool:
    return (
        sorted(one.dnskeys.rdatas) == sorted(other.dnskeys.rdatas)
        and one.dnskeys.ttl == other.dnskeys.ttl
        and one.ds == other.ds
        and one.profiles.keys() == other.profiles.keys()
    )


def _cached_until(version: Version) -> int:
    ttls = [version.dnskeys.ttl, version.ds_ttl_s if version.ds else 0]
    return version.until_s + max([*ttls, *(profile.ttl_s for profile in version.profiles.values())])


def _hex(rdatas: Sequence[bytes]) -> list[str]:
    return [rdata.hex() for rdata in rdatas]


def _content(version: Version) -> dict[str, Any]:
    return {
        "serial": version.serial,
        "until_s": version.until_s,
        "dnskey_ttl_s": version.dnskeys.ttl,
        "dnskeys": _hex(version.dnskeys.rdatas),
        "dnskey_signatures": _hex(version.dnskeys.signatures),
        "ds": None if version.ds is None else _hex(version.ds),
        "ds_ttl_s": version.ds_ttl_s,
        "signed_by": [
            {
                "kind": kind,
                "keys": list(keys),
                "count": profile.count,
                "ttl_s": profile.ttl_s,
                "example": to_text(profile.owner),
                "type": profile.rtype,
            }
            for (kind, keys), profile in version.profiles.items()
        ],
    }


def _version(zone: bytes, content: dict[str, Any]) -> Version:
    dnskeys = RRset(
        zone,
        iana.TYPE_DNSKEY,
        int(content["dnskey_ttl_s"]),
        [bytes.fromhex(text) for text in content["dnskeys"]],
        [bytes.fromhex(text) for text in content["dnskey_signatures"]],
    )
    profiles = {
        (int(one["kind"]), tuple(str(key) for key in one["keys"])): Profile(
            int(one["count"]), int(one["ttl_s"]), wire_name(one["example"]), int(one["type"])
        )
        for one in content["signed_by"]
    }
    ds = None if content["ds"] is None else [bytes.fromhex(text) for text in content["ds"]]
    return Version(int(content["serial"]), dnskeys, profiles, ds, int(content["ds_ttl_s"]), int(content["until_s"]))
