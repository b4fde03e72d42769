"""Bounding what a cache holds: a second-chance queue over a plain dict, deterministic and O(1) per operation."""

from typing import Final

from holdfast.dns.name import is_subdomain

ENTRY_OVERHEAD_OCTETS: Final = 400  # Python objects around one entry: measured with sys.getsizeof over a full cache
RECORD_OVERHEAD_OCTETS: Final = 60  # one bytes object and its list slot


class Evictable:
    """An entry that can be evicted. ``octets`` is its estimated share of the heap."""

    def __init__(self, octets: int) -> None:
        self.octets: int = octets
        self.used: bool = False


class BoundedTable:
    """A dict from key to entry that never holds more than ``capacity_octets``.

    Insertion order is the queue. When room is needed the oldest entry goes, unless it was used since it last came to
    the front: then it goes to the back once more (the second chance, or CLOCK, policy).
    """

    def __init__(self, capacity_octets: int) -> None:
        self.capacity_octets: Final = capacity_octets
        self.entries: dict[bytes, Evictable] = {}
        self.octets = 0
        self.evictions = 0

    def get(self, key: bytes) -> Evictable | None:
        """Return the entry and mark it as used."""
        if not self.entries:
            return None  # tables of what waits to be judged are mostly empty, and hashing the key costs the most
        entry = self.entries.get(key)
        if entry is not None:
            entry.used = True
        return entry

    def put(self, key: bytes, entry: Evictable) -> None:
        """Insert or replace, evicting what is needed."""
        old = self.entries.pop(key, None)
        if old is not None:
            self.octets -= old.octets
        self.entries[key] = entry
        self.octets += entry.octets
        if self.octets > self.capacity_octets:
            self.make_room()

    def make_room(self) -> None:
        """Evict from the front until the bound holds; the newest entry alone may exceed it and then goes too."""
        while self.octets > self.capacity_octets and self.entries:
            key = next(iter(self.entries))
            entry = self.entries.pop(key)
            if entry.used:
                entry.used = False
                self.entries[key] = entry
            else:
                self.octets -= entry.octets
                self.evictions += 1

    def remove(self, key: bytes) -> bool:
        """Forget one entry."""
        old = self.entries.pop(key, None)
        if old is None:
            return False
        self.octets -= old.octets
        return True

    def remove_subtree(self, zone: bytes, type_octets: int = 0) -> int:
        """Forget everything at and below ``zone``; returns how many entries went.

        Keys begin with a name, ``type_octets`` octets follow it.
        """
        return self.remove_all([key for key in self.entries if is_subdomain(key[: len(key) - type_octets], zone)])

    def remove_all(self, keys: list[bytes]) -> int:
        """Forget entries; returns how many keys were given."""
        for key in keys:
            self.remove(key)
        return len(keys)

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.octets = 0
