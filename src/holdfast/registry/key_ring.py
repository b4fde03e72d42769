"""The keys of a zone and what is known of each: ``keys.json`` in the registry's directory. Public data only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.crypto.signing import ds_of, public_key_hash
from holdfast.dns.rdata import key_tag
from holdfast.registry.atomic_file import PRIVATE_FILE, write_atomically
from holdfast.registry.key_states import Method, Row, State, row_of
from holdfast.registry.problems import RegistryError

FORMAT = 1
KSK, ZSK, CSK = "KSK", "ZSK", "CSK"
NEVER = -1  # as a time: it has not happened


@dataclass
class Key:
    """A key pair, named by the hash of its public half; times are POSIX seconds, `NEVER` if it has not happened.

    ``method`` is the table that it lives by now. ``entered_s``: when the zone that shows ``state`` was published;
    ``pending``: it has not been yet. ``ds_seen_s`` and ``ds_gone_s``: when the parent was first seen with its DS, and
    without it again. ``successor``: hash of the key that replaces it.
    """

    role: str
    dnskey: bytes
    method: Method
    state: State
    created_s: int
    entered_s: int = NEVER
    pending: bool = False
    ds_seen_s: int = NEVER
    ds_gone_s: int = NEVER
    active_s: int = NEVER
    successor: str = ""

    @property
    def key_hash(self) -> str:
        """What identifies the key."""
        return public_key_hash(self.dnskey)

    @property
    def key_tag(self) -> int:
        """What RRSIG and DS records call it; not unique."""
        return key_tag(self.dnskey)

    @property
    def algorithm(self) -> int:
        """The DNSSEC algorithm number."""
        return self.dnskey[3]

    @property
    def row(self) -> Row:
        """What the key does in its state."""
        return row_of(self.method, self.state)


@dataclass
class KeyRing:
    """All keys of a zone, in the order in which they were made, and the DS records that the parent was last seen with.

    ``ds`` is None until the parent has been looked at.
    """

    path: Path
    keys: list[Key] = field(default_factory=list)
    ds: list[bytes] | None = None
    ds_ttl_s: int = 0

    @classmethod
    def open(cls, path: Path) -> "KeyRing":
        """Read the ring. `RegistryError` says why it cannot be used."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}, not {FORMAT}")
            keys = [_key(one) for one in content["keys"]]
            ds = None if content["ds"] is None else [bytes.fromhex(text) for text in content["ds"]]
            return cls(path, keys, ds, int(content["ds_ttl_s"]))
        except OSError as error:
            raise RegistryError([f"{path}: cannot be read: {error.strerror}"]) from None
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError([f"{path}: is not a key ring: {error!r}"]) from None

    def save(self) -> None:
        """Write the ring down."""
        ds = None if self.ds is None else [rdata.hex() for rdata in self.ds]
        content = {
            "format": FORMAT,
            "ds": ds,
            "ds_ttl_s": self.ds_ttl_s,
            "keys": [_content(key) for key in self.keys],
        }
        write_atomically(self.path, (json.dumps(content, indent=1) + "\n").encode(), PRIVATE_FILE)

    @property
    def leaving(self) -> bool:
        """Whether the zone is on its way to be unsigned."""
        return any(key.method in (Method.LEAVE_KSK, Method.LEAVE_CSK) for key in self.keys)

    def find(self, key_hash: str) -> Key | None:
        """Return the key of a hash."""
        return next((key for key in self.keys if key.key_hash == key_hash), None)

    def of_role(self, role: str) -> list[Key]:
        """Return the keys of a role that are not removed."""
        return [key for key in self.keys if key.role == role and key.state != State.REMOVED]

    def observe_ds(self, ds: Sequence[bytes], ttl_s: int, zone: bytes, now_s: int) -> None:
        """Take note of the DS RRset that the parent publishes now.

        A DS counts as gone only if another key's is there, or if the zone is going unsigned: otherwise an empty answer
        is rather a mistake than a rollover.
        """
        self.ds, self.ds_ttl_s = list(ds), ttl_s
        present = {
            key.key_hash
            for key in self.keys
            if any(ds_of(zone, key.dnskey, rdata[3]) == rdata for rdata in ds if rdata[3] in (1, 2, 4))
        }
        for key in self.keys:
            if key.key_hash in present:
                key.ds_gone_s = NEVER
                if key.ds_seen_s == NEVER:
                    key.ds_seen_s = now_s
            elif (present or self.leaving) and key.ds_gone_s == NEVER:
                key.ds_gone_s = now_s
                key.ds_seen_s = NEVER


def _content(key: Key) -> dict[str, Any]:
    return {
        "hash": key.key_hash,
        "tag": key.key_tag,
        "role": key.role,
        "state": key.state.value,
        "method": key.method.value,
        "dnskey": key.dnskey.hex(),
        "created_s": key.created_s,
        "entered_s": key.entered_s,
        "pending": key.pending,
        "ds_seen_s": key.ds_seen_s,
        "ds_gone_s": key.ds_gone_s,
        "active_s": key.active_s,
        "successor": key.successor,
    }


def _key(content: dict[str, Any]) -> Key:
    dnskey = bytes.fromhex(content["dnskey"])
    if public_key_hash(dnskey) != content["hash"]:
        raise ValueError(f"the DNSKEY of {content['hash']} has another hash")
    return Key(
        str(content["role"]),
        dnskey,
        Method(content["method"]),
        State(content["state"]),
        int(content["created_s"]),
        int(content["entered_s"]),
        bool(content["pending"]),
        int(content["ds_seen_s"]),
        int(content["ds_gone_s"]),
        int(content["active_s"]),
        str(content["successor"]),
    )
