"""A small Internet: root, top-level domains, a few hundred names and the shelf of broken ones."""

from dataclasses import dataclass, field

from holdfast.base.effects import TRANSPORT_UDP
from holdfast.lab.authority import Authority, Faults
from holdfast.lab.broken import SHELF, VALID_AFTER_S, VALID_BEFORE_S, key_of, sign_nsec3, sign_well
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Nsec3Parameters, Zone
from holdfast.registry.zone_file import load_zone
from holdfast.server.sockets import packed_address

ROOT_SERVERS = {"a.root-servers.net": ["198.41.0.4", "2001:503:ba3e::2:30"], "b.root-servers.net": ["170.247.170.2"]}
TLD_SERVERS = {
    "de": ("a.nic.de", ["194.0.0.53", "2001:678:2::53"]),
    "com": ("a.gtld-servers.net", ["192.5.6.30", "2001:503:a83e::2:30"]),
    "net": ("a.gtld-servers.net", ["192.5.6.30", "2001:503:a83e::2:30"]),
    "org": ("a0.org.afilias-nst.info", ["199.19.56.1"]),
    "info": ("a0.org.afilias-nst.info", ["199.19.56.1"]),
    "uk": ("nsa.nic.uk", ["156.154.100.3"]),
    "arpa": ("a.root-servers.net", ["198.41.0.4"]),
}
HOSTERS = {"ns1.hoster.net": "185.10.0.53", "ns2.hoster.net": "185.10.1.53"}
SHELF_NETWORK = "185.66.0."
NAMES_PER_KIND = 60  # signed and unsigned second-level names under de and com each: some 240 in all
SOA_TEXT = "@ 3600 IN SOA ns1.hoster.net. hostmaster.hoster.net. 2026050501 7200 3600 1209600 900\n"
HOST_TEXT = """@ 3600 IN A 203.0.113.{number}
www 3600 IN A 203.0.113.{number}
www 3600 IN AAAA 2001:db8::{number}
@ 3600 IN MX 10 mail
mail 3600 IN A 203.0.113.{number}
@ 3600 IN TXT "v=spf1 mx -all"
"""


@dataclass
class Internet:
    """Servers by packed address. ``respond`` is what the network does with a packet."""

    now_s: int
    servers: dict[bytes, Authority] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    signed_names: list[str] = field(default_factory=list)
    unsigned_names: list[str] = field(default_factory=list)

    @classmethod
    def demo(cls, now_s: int) -> "Internet":
        """Build the Internet of the demonstration; signatures are valid around ``now_s`` (POSIX seconds)."""
        internet = cls(now_s)
        internet._build()
        return internet

    def respond(self, address: bytes, wire: bytes, transport: int = TRANSPORT_UDP) -> bytes | None:
        """Return what the server at a packed address says; None: silence."""
        server = self.servers.get(address)
        return server.answer(wire, transport) if server is not None else None

    def root_hints(self) -> str:
        """Return the root hints in master file format."""
        return root_hints_text()

    def trust_anchor(self) -> str:
        """Return the DS record of the root in master file format."""
        rdata = key_of(self.zones["."]).ds(b"\x00")
        tag = rdata[0] << 8 | rdata[1]
        return f". IN DS {tag} {rdata[2]} {rdata[3]} {rdata[4:].hex().upper()}\n"

    def _server(self, address: str, faults: Faults | None = None) -> Authority:
        """Return the server at an address, made when needed."""
        return self.servers.setdefault(packed_address(address), Authority(faults))

    def _build(self) -> None:
        """Make all zones, children before parents, since parents hold their DS."""
        delegations: dict[str, list[str]] = {name: [] for name in [".", "root-servers.net", *TLD_SERVERS]}
        self._build_ordinary(delegations)
        self._build_special(delegations)
        self._build_shelf(delegations)
        gtld = "".join(f"a.gtld-servers 3600 IN {_address_line(one)}\n" for one in TLD_SERVERS["net"][1])
        delegations["net"].append(gtld)
        delegations["info"].append("a0.org.afilias-nst 3600 IN A 199.19.56.1\n")
        for name, (server, addresses) in TLD_SERVERS.items():
            self._build_tld(name, server, addresses, delegations)
        text = "@ 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 2026050501 1800 900 604800 86400\n"
        for server, addresses in ROOT_SERVERS.items():
            text += f"@ 518400 IN NS {server}.\n"
            text += "".join(f"{server}. 518400 IN {_address_line(one)}\n" for one in addresses)
        root = load_zone(".", text + "".join(delegations["."]))
        sign_zone(root, [key_of(root)], self.now_s - VALID_BEFORE_S, self.now_s + VALID_AFTER_S)
        self.zones["."] = root
        for addresses in ROOT_SERVERS.values():
            for address in addresses:
                self._server(address).add(root)

    def _build_tld(self, name: str, server: str, addresses: list[str], delegations: dict[str, list[str]]) -> None:
        """Make a top-level domain: NSEC3 with opt-out, like most of the real ones."""
        text = f"@ 86400 IN SOA {server}. dns.nic.{name}. 2026050501 7200 3600 1209600 900\n@ 86400 IN NS {server}.\n"
        if server.endswith("." + name):
            text += "".join(f"{server}. 86400 IN {_address_line(one)}\n" for one in addresses)
        zone = load_zone(name, text + "".join(delegations[name]))
        nsec3 = None if name == "arpa" else Nsec3Parameters(opt_out=name in ("de", "com", "net"))
        ds = sign_well(zone, self.now_s, nsec3)
        self.zones[name] = zone
        glue = (
            ""
            if server.endswith("root-servers.net")
            else "".join(f"{server}. 172800 IN {_address_line(one)}\n" for one in addresses)
        )
        root_text = "".join(delegations["."])
        new = [line + "\n" for line in glue.splitlines() if line not in root_text]
        delegations["."].append(f"{name}. 172800 IN NS {server}.\n" + _ds_lines(name, ds) + "".join(new))
        for address in addresses:
            self._server(address).add(zone)

    def _add_child(
        self,
        name: str,
        text: str,
        ds: list[bytes],
        zone: Zone,
        addresses: list[str],
        delegations: dict[str, list[str]],
        servers: list[str],
    ) -> None:
        """Serve a zone and delegate it from its parent."""
        self.zones[name] = zone
        for address in addresses:
            self._server(address).add(zone)
        parent = name.partition(".")[2]
        lines = "".join(f"{name}. 86400 IN NS {server}.\n" for server in servers)
        delegations[parent].append(lines + _ds_lines(name, ds) + text)

    def _hosted(
        self, name: str, number: int, algorithm: int, delegations: dict[str, list[str]], extra: str = ""
    ) -> Zone:
        """Make a zone at the hosting company; algorithm 0: unsigned."""
        text = SOA_TEXT + "".join(f"@ 3600 IN NS {server}.\n" for server in HOSTERS)
        zone = load_zone(name, text + HOST_TEXT.format(number=number % 250 + 1) + extra)
        ds: list[bytes] = []
        if algorithm:
            nsec3 = Nsec3Parameters() if number % 2 else None
            ds = sign_well(zone, self.now_s, nsec3, algorithm)
        self._add_child(name, "", ds, zone, list(HOSTERS.values()), delegations, list(HOSTERS))
        return zone

    def _build_ordinary(self, delegations: dict[str, list[str]]) -> None:
        """Make the many signed and unsigned names."""
        for number in range(NAMES_PER_KIND):
            for tld in ("de", "com"):
                algorithm = {0: 13, 1: 13, 2: 15, 3: 13}[number % 4]
                self._hosted(f"signed{number}.{tld}", number, algorithm, delegations)
                self._hosted(f"plain{number}.{tld}", number, 0, delegations)
                self.signed_names.append(f"www.signed{number}.{tld}")
                self.unsigned_names.append(f"www.plain{number}.{tld}")

    def _build_special(self, delegations: dict[str, list[str]]) -> None:
        """Make the names that show something: algorithms, aliases, wildcards, large answers, an island."""
        for algorithm, name in ((8, "rsa"), (14, "p384"), (15, "ed25519"), (16, "ed448")):
            self._hosted(f"{name}.de", algorithm, algorithm, delegations)
            self.signed_names.append(f"www.{name}.de")
        extra = "*.wild 3600 IN A 203.0.113.7\nalias 3600 IN CNAME www\nfar 3600 IN CNAME www.plain1.com.\n"
        extra += "old 3600 IN DNAME signed2.de.\n"
        extra += "".join(f'big 3600 IN TXT "{number:04d} {"x" * 200}"\n' for number in range(20))
        self._hosted("example.de", 1, 13, delegations, extra)
        self._hosted("example.com", 2, 13, delegations)
        self._hosted("example.org", 3, 13, delegations)
        self.signed_names[:0] = ["www.example.de", "www.example.com", "www.example.org"]
        island = self._hosted("island.org", 4, 0, delegations)
        sign_zone(island, [key_of(island)], self.now_s - VALID_BEFORE_S, self.now_s + VALID_AFTER_S)
        text = SOA_TEXT + "".join(f"@ 3600 IN NS {server}.\n" for server in HOSTERS)
        inner: dict[str, list[str]] = {"co.uk": []}
        self._hosted("example.co.uk", 5, 13, inner)
        second = load_zone("co.uk", text + "".join(inner["co.uk"]))
        ds = sign_nsec3(second, self.now_s)
        self._add_child("co.uk", "", ds, second, list(HOSTERS.values()), delegations, list(HOSTERS))
        hoster = SOA_TEXT + "".join(f"@ 3600 IN NS {server}.\n" for server in HOSTERS)
        hoster += "".join(f"{server}. 3600 IN A {address}\n" for server, address in HOSTERS.items())
        zone = load_zone("hoster.net", hoster)
        glue = "".join(f"{server}. 86400 IN A {address}\n" for server, address in HOSTERS.items())
        ds = sign_nsec3(zone, self.now_s)
        self._add_child("hoster.net", glue, ds, zone, list(HOSTERS.values()), delegations, list(HOSTERS))

    def _build_shelf(self, delegations: dict[str, list[str]]) -> None:
        """Make the broken names, each with a server of its own."""
        for number, broken in enumerate(SHELF, start=1):
            address = f"{SHELF_NETWORK}{number}"
            text = SOA_TEXT + f"@ 3600 IN NS ns.{broken.zone}.\nns 3600 IN A {address}\n"
            text += HOST_TEXT.format(number=number) + "alias 3600 IN CNAME again\nagain 3600 IN CNAME alias\n"
            zone = load_zone(broken.zone, text)
            ds = broken.sign(zone, self.now_s)
            glue = f"ns.{broken.zone}. 86400 IN A {address}\n"
            self._server(address, broken.faults)
            self._add_child(broken.zone, glue, ds, zone, [address], delegations, [f"ns.{broken.zone}"])


def root_hints_text() -> str:
    """Return the laboratory's root hints in master file format."""
    lines = []
    for name, addresses in ROOT_SERVERS.items():
        lines.append(f". 3600000 IN NS {name}.")
        lines.extend(f"{name}. 3600000 IN {_address_line(one)}" for one in addresses)
    return "\n".join(lines) + "\n"


def _address_line(address: str) -> str:
    """Return type and data of an address record."""
    return f"{'AAAA' if ':' in address else 'A'} {address}"


def _ds_lines(name: str, ds: list[bytes]) -> str:
    """Return DS records in master file format."""
    lines = ""
    for rdata in ds:
        lines += f"{name}. 86400 IN DS {rdata[0] << 8 | rdata[1]} {rdata[2]} {rdata[3]} {rdata[4:].hex()}\n"
    return lines
