"""From the options of a scenario to engine settings; what has no counterpart makes the scenario unsupported."""

import datetime
import re
from ipaddress import ip_address, ip_network

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

from holdfast.base.limits import CNAME_LINKS, UPSTREAM_QUERIES_PER_REQUEST
from holdfast.base.settings import (
    AccessRule,
    EngineSettings,
    RootServer,
    TrustAnchorSetting,
    UpstreamServer,
    ZoneServers,
)
from holdfast.dns.name import ROOT, from_text
from holdfast.lab.rpl import Scenario
from holdfast.lab.scenario_key_file import read_key_file

DEFAULT_ROOT = "k.root-servers.net"
DNS_PORT = 53
FOREVER_S = 10 * 365 * 86400
ALGORITHMS = [3, 5, 6, 7, 8, 10, 13, 14, 15, 16]
IGNORED = frozenset(
    {
        "directory",
        "discard-timeout",
        "ede",
        "edns-tcp-keepalive",
        "ede-serve-expired",
        "fake-sha1",
        "harden-below-nxdomain",
        "harden-glue",  # glue leads to the servers of its own delegation only, whatever zone its name is in
        "harden-referral-path",
        "harden-unknown-additional",
        "harden-unverified-glue",
        "hide-identity",
        "hide-version",
        "identity",
        "iter-scrub-promiscuous",
        "log-queries",
        "log-servfail",
        "log-time-ascii",
        "outbound-msg-retry",
        "prefetch-key",
        "rrset-roundrobin",
        "stub-prime",
        "target-fetch-policy",
        "trust-anchor-signaling",
        "use-caps-for-id",
        "val-log-level",
        "val-nsec3-keysize-iterations",
        "verbosity",
        "version",
    }
)
UNSUPPORTED = {
    "iter-scrub-ns": "product switch: how many NS records of an answer are kept",
    "max-query-restarts": "product switch: this number of restarts",
    "max-global-quota": "product switch: this number of upstream queries",
    "tcp-upstream": "product switch: all upstream queries over TCP",
    "harden-algo-downgrade": "product switch: RFC 6840 section 5.11 is followed always",
    "harden-dnssec-stripped": "product switch: stripped signatures are an error always",
}
MINIMUM_TTL = re.compile(r"min_ttl\s*=\s*(\d+)")  # of the features of another product, the one that has a counterpart
AS_IT_IS = {  # what is no setting here, with the value that the engine has
    "max-query-restarts": str(CNAME_LINKS),
    "max-global-quota": str(UPSTREAM_QUERIES_PER_REQUEST),
    "tcp-upstream": "no",
    "harden-algo-downgrade": "no",
    "harden-dnssec-stripped": "yes",
}


class Unsupported(Exception):
    """The scenario needs something that is not there; the text says what."""


class ScenarioSettings:
    """Engine settings and the time that a scenario starts at."""

    def __init__(self, scenario: Scenario) -> None:
        self.engine = EngineSettings()
        self.start_s = 0
        self.fixed_time = scenario.testbound
        self._scenario = scenario
        engine = self.engine
        engine.access_rules = [AccessRule(bytes(4), 0, True), AccessRule(bytes(16), 0, True)]
        engine.enabled_algorithms = list(ALGORITHMS)
        engine.enabled_digests = [1, 2, 4]
        engine.upstream_cookies = False
        engine.server_cookies = False
        engine.trust_anchors = []
        engine.prefetch = False
        engine.serve_stale = False
        engine.minimal_any = False
        engine.recovery_probe_interval_s = 0  # the original tools have none
        engine.failure_recheck_timer_s = 5  # a constant of the original tool
        engine.maximum_stale_unreachable_s = FOREVER_S
        engine.maximum_stale_error_s = FOREVER_S
        engine.maximum_stale_bogus_s = FOREVER_S
        engine.maximum_stale_timer_s = FOREVER_S
        engine.nsec3_iterations_limit = 150
        if not scenario.testbound:
            engine.edns_buffer_octets = 4096  # what the original tool uses
            engine.resolved_special_names.append(b"\x04test\x00")  # that dialect has no switch for it
        if scenario.special:
            raise Unsupported("a file in another product's own format")
        engine.signal_trust_anchors = False  # the servers of these worlds do not know about it
        try:
            engine.trust_anchors.extend(read_key_file(lines) for lines in scenario.key_files)
        except ValueError as error:
            raise Unsupported(str(error)) from None
        blocks: dict[str, dict[str, list[str]]] = {}
        for section, key, value in scenario.options:
            if section.startswith(("stub-zone:", "forward-zone:")):
                blocks.setdefault(section, {}).setdefault(key, []).append(value)
            else:
                self._take(key, value)
        for section, options in blocks.items():
            self._take_block(section, options)

    def _take(self, key: str, value: str) -> None:
        """Take one option."""
        engine = self.engine
        yes = value.lower() in ("yes", "on", "true", "1")
        if key in IGNORED or AS_IT_IS.get(key) == value:
            return
        if key in UNSUPPORTED:
            raise Unsupported(f"{key}: {UNSUPPORTED[key]}")
        if key in ("qname-minimisation", "query-minimization"):
            engine.qname_minimisation = yes
        elif key == "trust-anchor":
            self._take_anchor(value)
        elif key in ("val-override-date", "val-override-timestamp"):
            self._take_date(value)
        elif key == "do-not-query-localhost":
            engine.query_special_addresses = not yes
        elif key == "do-ip4":
            engine.use_ipv4 = yes
        elif key == "do-ip6":
            engine.use_ipv6 = yes
        elif key == "module-config":
            engine.validate = "validator" in value
        elif key == "access-control":
            self._take_access(value)
        elif key == "aggressive-nsec":
            engine.aggressive_denial = yes
        elif key == "prefetch":
            engine.prefetch = yes
        elif key == "answer-cookie":
            engine.server_cookies = yes
        elif key == "cookie-secret":
            engine.cookie_secrets = [bytes.fromhex(value)]
        elif key == "dns-error-reporting":
            engine.error_reporting = yes
        elif key == "nsid":
            engine.server_identity = _identity(value)
        elif key == "minimal-responses":
            engine.minimal_responses = yes
        elif key == "private-address":
            engine.private_prefixes.append(_prefix(value, False))
        elif key == "private-domain":
            engine.private_exceptions.append(_name(value))
        elif key == "serve-expired":
            engine.serve_stale = yes
        elif key == "local-zone":
            self._take_local_zone(value)
        elif key == "domain-insecure":
            engine.insecure_zones.append(_name(value))
        elif not self._take_number(key, value):
            self._take_deckard(key, value)

    def _take_number(self, key: str, value: str) -> bool:
        """Take an option that is a number; False: it is none of them."""
        engine = self.engine
        numbers = {
            "serve-expired-ttl": "maximum_stale_timer_s",
            "serve-expired-reply-ttl": "stale_answer_ttl_s",
            "serve-expired-client-timeout": "client_response_timer_ms",
            "edns-tcp-keepalive-timeout": "tcp_idle_ms",
            "cache-min-ttl": "minimum_ttl_s",
            "cache-max-ttl": "maximum_ttl_s",
            "cache-min-negative-ttl": "negative_minimum_ttl_s",
            "cache-max-negative-ttl": "negative_maximum_ttl_s",
        }
        if key not in numbers:
            return False
        setattr(engine, numbers[key], int(value))
        if key == "serve-expired-client-timeout" and int(value) == 0:
            # That product then looks for stale data before resolution only, never after it failed.
            engine.maximum_stale_error_s = 0
            engine.maximum_stale_bogus_s = 0
        return True

    def _take_deckard(self, key: str, value: str) -> None:
        """Take an option of the flat dialect."""
        engine = self.engine
        if key == "stub-addr":
            name = next((v for _, k, v in self._scenario.options if k == "stub-name"), DEFAULT_ROOT)
            engine.root_servers.append(RootServer(_name(name), [ip_address(value.split("@", maxsplit=1)[0]).packed]))
        elif key == "forward-addr":
            engine.zone_servers.append(ZoneServers(ROOT, [_server(value)], True, False, []))
        elif key == "features":
            minimum = MINIMUM_TTL.fullmatch(value)
            if minimum is None:
                raise Unsupported("features: settings of another product")
            engine.minimum_ttl_s = engine.negative_minimum_ttl_s = int(minimum.group(1))
        elif key not in ("stub-name", "name"):
            raise Unsupported(f"unknown option {key!r}")

    def _take_block(self, section: str, options: dict[str, list[str]]) -> None:
        """Take a stub or forward zone."""
        forward = section.startswith("forward")
        kind = "forward" if forward else "stub"
        zone = _name(options.get("name", ["."])[0])
        addresses = options.get(f"{kind}-addr", [])
        names = [_name(value) for value in options.get(f"{kind}-host", [])]
        known = {"name", f"{kind}-addr", f"{kind}-host", f"{kind}-first", f"{kind}-tcp-upstream", "stub-prime"}
        unknown = set(options) - known
        for key in sorted(unknown):
            raise Unsupported(f"{key}: {UNSUPPORTED.get(key, 'unknown option')}")
        if zone == ROOT and not forward:
            packed = [ip_address(value.split("@")[0]).packed for value in addresses]
            self.engine.root_servers.append(RootServer(_name(DEFAULT_ROOT), packed))
            return
        fallback = options.get(f"{kind}-first", ["no"])[0] == "yes"
        servers = [_server(value) for value in addresses]
        made = ZoneServers(zone, servers, forward, fallback, names)
        made.tcp_only = options.get(f"{kind}-tcp-upstream", ["no"])[0] == "yes"
        self.engine.zone_servers.append(made)

    def _take_anchor(self, text: str) -> None:
        """Take a DS or DNSKEY record as trust anchor."""
        words = text.split()
        rest = [word for word in words[1:] if word.upper() != "IN" and not (word.isdigit() and word is words[1])]
        try:
            kind = dns.rdatatype.from_text(rest[0])
            rdata = _anchor_rdata(kind, rest[1:])
        except (dns.exception.DNSException, IndexError, ValueError, OverflowError) as error:
            raise Unsupported(f"trust-anchor cannot be read: {error}") from None
        ds = [rdata] if kind == dns.rdatatype.DS else []
        keys = [rdata] if kind == dns.rdatatype.DNSKEY else []
        zone = _name(words[0])
        for at, known in enumerate(self.engine.trust_anchors):
            if known.zone == zone:
                self.engine.trust_anchors[at] = TrustAnchorSetting(zone, known.ds + ds, known.dnskey + keys, False, "")
                return
        self.engine.trust_anchors.append(TrustAnchorSetting(zone, ds, keys, False, ""))

    def _take_date(self, value: str) -> None:
        """Take the time that signatures are judged at."""
        if value == "-1":
            self.engine.check_signature_times = False
            return
        if len(value) == 14:
            when = datetime.datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=datetime.UTC)
            self.start_s = int(when.timestamp())
        else:
            self.start_s = int(value)
        if self.fixed_time:
            self.engine.fixed_validation_time_s = self.start_s

    def _take_access(self, value: str) -> None:
        """Take a rule of the access list: who is served, and who may look into the cache without RD."""
        prefix, _, action = value.partition(" ")
        if "snoop" in action:
            self.engine.answer_without_recursion_desired = True
        if not action.strip().startswith("allow"):
            self.engine.access_rules.append(_prefix(prefix, False))

    def _take_local_zone(self, value: str) -> None:
        """Take a zone that shall be resolved although its name is special."""
        name, _, kind = value.replace('"', " ").replace("'", " ").strip().partition(" ")
        if kind.strip() != "nodefault":
            raise Unsupported("local-zone: local data is not built yet")
        self.engine.resolved_special_names.append(_name(name))


def _anchor_rdata(kind: dns.rdatatype.RdataType, fields: list[str]) -> bytes:
    """Return the RDATA of a trust anchor; a DS whose digest has the wrong length for its type is meant that way."""
    try:
        return dns.rdata.from_text("IN", kind, " ".join(fields)).to_wire() or b""
    except dns.exception.SyntaxError:
        if kind != dns.rdatatype.DS:
            raise
        tag, algorithm, digest_type = map(int, fields[:3])
        return tag.to_bytes(2, "big") + bytes([algorithm, digest_type]) + bytes.fromhex("".join(fields[3:]))


def _identity(text: str) -> str:
    """Return the identity of `ascii_TEXT` or of hexadecimal digits that stand for text."""
    if text.startswith("ascii_"):
        return text.removeprefix("ascii_")
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        raise Unsupported(f"nsid: an identity is text, not {text!r}") from None


def _prefix(text: str, allow: bool) -> AccessRule:
    """Return a prefix in the engine's form."""
    network = ip_network(text.strip().strip("\"'"), strict=False)
    return AccessRule(network.network_address.packed, network.prefixlen, allow)


def _name(text: str) -> bytes:
    """Return a name in wire format."""
    name = from_text(text.strip().strip("\"'"))
    if name is None:
        raise Unsupported(f"not a domain name: {text!r}")
    return name


def _server(value: str) -> UpstreamServer:
    """Return the server of `address[@port]`."""
    address, _, port = value.partition("@")
    return UpstreamServer(ip_address(address).packed, int(port) if port else DNS_PORT)
