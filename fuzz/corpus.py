"""What is mutated: questions about the laboratory's Internet, and what its servers answer to them."""

from dataclasses import dataclass
from random import Random

from fuzz.rules import random_rules
from fuzz.truth import Truth
from holdfast.base.settings import AccessRule, EngineSettings, RootServer, TrustAnchorSetting
from holdfast.dns.edns import EdnsOption
from holdfast.dns.iana import FLAG_AD, FLAG_CD, FLAG_RD
from holdfast.dns.name import ROOT, from_text
from holdfast.dns.writer import build_query
from holdfast.lab.broken import SHELF, key_of
from holdfast.lab.internet import ROOT_SERVERS, Internet
from holdfast.server.sockets import packed_address

NOW_S = 1_778_000_000  # signatures of the laboratory are made for this moment, in every run
EVERYONE = [AccessRule(b"\x00" * 4, 0, True), AccessRule(b"\x00" * 16, 0, True)]
# RSA keys of the laboratory are random in each process, so names that depend on one would break reproduction.
NOT_REPRODUCIBLE = ("rsa.de",)
CACHED_RESPONSES = 20_000
PREFIXES = ["", "www.", "mail.", "missing.", "a.b.c.", "x.wild.", "alias.", "far.", "deep.old.", "big.", "*."]
TYPES = [1, 1, 1, 28, 16, 15, 2, 6, 43, 48, 46, 47, 5, 39, 12, 33, 64, 255, 257, 50, 65280]


@dataclass
class Corpus:
    """The laboratory's Internet with what it has said so far."""

    internet: Internet
    truth: Truth
    zones: list[str]

    @classmethod
    def build(cls) -> "Corpus":
        """Make the Internet; the same in every run."""
        internet = Internet.demo(NOW_S)
        zones = [name for name in internet.zones if name not in NOT_REPRODUCIBLE]
        return cls(internet, Truth(internet), zones)

    def __post_init__(self) -> None:
        self._responses: dict[tuple[bytes, int, bytes], bytes | None] = {}
        self._broken = [one.query for one in SHELF]

    def question(self, random: Random) -> tuple[bytes, int]:
        """A name and type worth asking for."""
        text = random.choice(self._broken) if random.random() < 0.15 else self._name(random)
        name = from_text(text) or ROOT
        return name, random.choice(TYPES)

    def _name(self, random: Random) -> str:
        zone = random.choice(self.zones) if random.random() < 0.8 else "example.de"
        prefix = random.choice(PREFIXES)
        if random.random() < 0.1:
            prefix = f"r{random.randrange(1000)}."
        return prefix + zone if zone != "." else prefix or "."

    def query(self, random: Random) -> bytes:
        """A well-formed client query."""
        name, rtype = self.question(random)
        flags = FLAG_RD
        if random.random() < 0.2:
            flags |= random.choice((FLAG_CD, FLAG_AD))
        options: list[EdnsOption] = []
        if random.random() < 0.2:
            options.append(EdnsOption(random.choice((3, 8, 10, 12, 15)), random.randbytes(random.choice((0, 8, 16)))))
        size = random.choice((0, 512, 1232, 1232, 1232, 4096))
        wire = build_query(random.randrange(65536), name, rtype, flags, size, random.random() < 0.7, options)
        if random.random() < 0.2:
            wire = wire[:12] + wire[12 : 12 + len(name)].upper() + wire[12 + len(name) :]
        return wire

    def response(self, address: bytes, query: bytes, transport: int) -> bytes | None:
        """What the server at ``address`` answers; None: silence."""
        key = (address, transport, query[2:])
        if key not in self._responses:
            if len(self._responses) >= CACHED_RESPONSES:
                self._responses.clear()
            self._responses[key] = self.internet.respond(address, query, transport)
        found = self._responses[key]
        return query[:2] + found[2:] if found is not None else None

    def settings(self, random: Random) -> EngineSettings:
        """Settings of an engine for this Internet, some of them by chance; caches small enough to overflow."""
        settings = EngineSettings()
        settings.access_rules = EVERYONE
        for name, addresses in ROOT_SERVERS.items():
            settings.root_servers.append(
                RootServer(from_text(name) or ROOT, [packed_address(one) for one in addresses])
            )
        anchor = key_of(self.internet.zones["."]).ds(ROOT)
        settings.trust_anchors = [TrustAnchorSetting(ROOT, [anchor], [], random.random() < 0.5, "")]
        settings.cache_bytes = random.choice((200_000, 2_000_000, 20_000_000))
        settings.outstanding_requests = random.choice((20, 10_000))
        settings.outstanding_per_client = random.choice((10, 2000))
        settings.client_rate_limit_qps = random.choice((0, 0, 500))
        settings.validate = random.random() < 0.85
        settings.qname_minimisation = random.random() < 0.7
        settings.randomise_query_case = random.random() < 0.3
        settings.upstream_cookies = random.random() < 0.7
        settings.aggressive_denial = random.random() < 0.7
        settings.serve_stale = random.random() < 0.4
        settings.prefetch = random.random() < 0.7
        settings.use_ipv6 = random.random() < 0.7
        settings.answer_without_recursion_desired = random.random() < 0.3
        if random.random() < 0.5:
            servers = [address for addresses in ROOT_SERVERS.values() for address in addresses]
            settings.override_rules = random_rules(random, self.zones, servers)
        return settings
