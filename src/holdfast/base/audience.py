"""Who asks: the service that a query came to and the client group that its sender belongs to.

Trust decisions and rules may hold for some audiences only. Whole answers are shared by all audiences that the decisions
in force treat alike: `Audience.key` is what tells them apart in the key of an answer, empty as long as nothing does.
"""

from typing import Final

from holdfast.base.settings import DEFAULT_SERVICE, ClientGroup, EngineSettings

CLIENTS_REMEMBERED: Final = 10_000  # addresses whose group is known without a search; all are forgotten at once


class Audience:
    """One service and one client group. ``group`` "": in none; ``strict``: validation is never relaxed for it."""

    def __init__(self, number: int, service: str, group: str, strict: bool) -> None:
        self.number: Final = number
        self.service: Final = service
        self.group: Final = group
        self.strict: Final = strict
        self.key: bytes = b""


ANYBODY: Final = Audience(0, DEFAULT_SERVICE, "", False)  # where services and groups make no difference


class GroupPrefixes:
    """The client groups by address prefix: the longest one that holds an address decides."""

    def __init__(self, groups: list[ClientGroup]) -> None:
        self.tables: Final[dict[int, dict[int, int]]] = {}  # address octets * 256 + length -> prefix -> number of group
        for number, group in enumerate(groups, 1):
            for rule in group.prefixes:
                octets = len(rule.prefix)
                key = octets << 8 | rule.length
                table = self.tables.setdefault(key, {})
                table[int.from_bytes(rule.prefix, "big") >> (octets * 8 - rule.length)] = number
        self.keys: Final[list[int]] = sorted(self.tables, reverse=True)
        self.known: Final[dict[bytes, int]] = {}

    def group_of(self, address: bytes) -> int:
        """Return the number of the group of a packed address, counted from 1; 0: it is in none."""
        known = self.known.get(address)
        if known is not None:
            return known
        found = self.search(address)
        if len(self.known) >= CLIENTS_REMEMBERED:
            self.known.clear()
        self.known[address] = found
        return found

    def search(self, address: bytes) -> int:
        """Look for the longest prefix."""
        octets = len(address)
        value = int.from_bytes(address, "big")
        for key in self.keys:
            if key >> 8 == octets:
                found = self.tables[key].get(value >> (octets * 8 - (key & 255)))
                if found is not None:
                    return found
        return 0


class Audiences:
    """All audiences that the settings make. ``several`` False: there is only one, and nothing to look up."""

    def __init__(self, settings: EngineSettings) -> None:
        groups = settings.client_groups
        self.row: Final = len(groups) + 1  # audiences of one service
        self.prefixes: Final = GroupPrefixes(groups)
        self.all: Final[list[Audience]] = []
        for service in settings.services:
            self.all.append(Audience(len(self.all), service, "", False))
            for group in groups:
                self.all.append(Audience(len(self.all), service, group.name, group.strict))
        self.own: Final = self.all[0]  # of questions from inside the process, too
        self.several: Final = len(self.all) > 1

    def of(self, service: int, address: bytes) -> Audience:
        """Return the audience of a client: number of the service that it asked, packed address."""
        if not self.several:
            return self.own
        return self.all[service * self.row + self.prefixes.group_of(address)]

    def divide(self, treatments: list[bytes]) -> None:
        """Let audiences share whole answers if they are treated alike.

        ``treatments`` are, by number, octets that differ between audiences for which any decision in force differs.
        """
        numbers: dict[bytes, int] = {}
        for audience in self.all:
            number = numbers.setdefault(treatments[audience.number], len(numbers))
            audience.key = number.to_bytes(2, "big") if number else b""
