"""Everything the engine can be told before it starts; plain values, checked where they are read (control.config)."""

from typing import TYPE_CHECKING, Final

from holdfast.base.limits import (
    CACHE_BYTES,
    CACHE_MAXIMUM_TTL_S,
    CACHE_MINIMUM_TTL_S,
    CLIENT_RESPONSE_TIMER_MS,
    EDNS_BUFFER_OCTETS,
    FAILURE_RECHECK_TIMER_S,
    MAXIMUM_STALE_TIMER_S,
    NEGATIVE_MAXIMUM_TTL_S,
    NSEC3_ITERATIONS,
    OUTSTANDING_PER_CLIENT,
    OUTSTANDING_REQUESTS,
    RECOVERY_PROBE_INTERVAL_S,
    STALE_ANSWER_TTL_S,
    TCP_IDLE_MS,
)

if TYPE_CHECKING:
    from holdfast.base.override_rule import OverrideRule

DEFAULT_SERVICE: Final = "default"  # of listeners that belong to no other


class UpstreamServer:
    """An address (packed, 4 or 16 octets) and port that queries are sent to."""

    def __init__(self, address: bytes, port: int) -> None:
        self.address: Final = address
        self.port: Final = port


class ZoneServers:
    """A forward or stub zone: queries at or below ``zone`` go to fixed servers.

    ``forward``: the servers are recursive (RD=1), otherwise authoritative (stub zone, RD=0). ``fallback``: on failure
    of all of them, resolve normally. ``server_names`` (wire format) are looked up if there are no ``servers``.
    ``tcp_only``: never ask them over UDP.
    """

    def __init__(
        self, zone: bytes, servers: list[UpstreamServer], forward: bool, fallback: bool, server_names: list[bytes]
    ) -> None:
        self.zone: Final = zone
        self.servers: Final = servers
        self.forward: Final = forward
        self.fallback: Final = fallback
        self.server_names: Final = server_names
        self.tcp_only = False


class RootServer:
    """One root hint: server name (wire format) and its packed addresses."""

    def __init__(self, name: bytes, addresses: list[bytes]) -> None:
        self.name: Final = name
        self.addresses: Final = addresses


class AccessRule:
    """Clients inside ``prefix``/``length`` may (or may not) be served; the longest matching prefix decides."""

    def __init__(self, prefix: bytes, length: int, allow: bool) -> None:
        self.prefix: Final = prefix
        self.length: Final = length
        self.allow: Final = allow


class ClientGroup:
    """Clients with something in common, by their prefixes (``AccessRule`` with allow=True); the longest one decides.

    ``strict``: they are on the never list: no negative trust anchor ever relaxes validation for them.
    """

    def __init__(self, name: str, prefixes: list[AccessRule], strict: bool) -> None:
        self.name: Final = name
        self.prefixes: Final = prefixes
        self.strict: Final = strict


class TrustAnchorSetting:
    """A configured trust anchor: RDATA in wire format of DS and/or DNSKEY records of ``zone``.

    ``tracked``: follow key rollovers by RFC 5011. ``state``: the text that an earlier run recorded, or "".
    ``built_in``: nobody chose it, so that imported keys take its place.
    """

    def __init__(self, zone: bytes, ds: list[bytes], dnskey: list[bytes], tracked: bool, state: str) -> None:
        self.zone: Final = zone
        self.ds: Final = ds
        self.dnskey: Final = dnskey
        self.tracked: Final = tracked
        self.state: Final = state
        self.built_in = False


class EngineSettings:
    """The engine's settings with their defaults; set attributes before the engine is made, never after."""

    def __init__(self) -> None:
        # who may ask
        self.access_rules: list[AccessRule] = [
            AccessRule(b"\x7f\x00\x00\x00", 8, True),
            AccessRule(b"\x00" * 15 + b"\x01", 128, True),
        ]
        self.client_groups: list[ClientGroup] = []
        self.services: list[str] = [DEFAULT_SERVICE]  # names; `Client.service` is a place in this list
        self.client_rate_limit_qps = 0  # per client address; 0: no limit
        self.outstanding_requests = OUTSTANDING_REQUESTS
        self.outstanding_per_client = OUTSTANDING_PER_CLIENT
        self.answer_without_recursion_desired = False  # RD=0 queries are answered from cache instead of REFUSED
        # identity (CHAOS class; "" refuses)
        self.server_version = "holdfast"
        self.server_identity = ""  # the NSID as well (RFC 5001)
        # EDNS toward clients
        self.server_cookies = True  # RFC 7873
        self.cookie_secrets: list[bytes] = []  # 16 octets each, shared with other servers; the first makes new cookies
        self.cookie_seed = b""  # without secrets: what all workers derive theirs from; b"": each has its own
        self.tcp_idle_ms = TCP_IDLE_MS  # how long the driver leaves an idle connection open, told to clients (RFC 7828)
        # upstream
        self.root_servers: list[RootServer] = []
        self.prime_root = True
        self.zone_servers: list[ZoneServers] = []
        self.use_ipv4 = True
        self.use_ipv6 = True
        self.upstream_port = 53
        self.edns_buffer_octets = EDNS_BUFFER_OCTETS
        self.qname_minimisation = True
        self.randomise_query_case = False
        self.upstream_cookies = True
        self.error_reporting = False  # tell the agents that zones name about failures (RFC 9567)
        self.query_special_addresses = False  # servers of zones at loopback, multicast and other special addresses
        self.never_query: list[AccessRule] = []  # allow=False prefixes are never asked
        self.fetch_all_addresses = True  # look for more name server addresses than needed at once
        self.private_prefixes: list[AccessRule] = []  # addresses that public names must not have (rebinding protection)
        self.private_exceptions: list[bytes] = []  # zones below which private addresses are allowed
        self._set_validation()
        # caches
        self.cache_bytes = CACHE_BYTES
        self.minimum_ttl_s = CACHE_MINIMUM_TTL_S
        self.maximum_ttl_s = CACHE_MAXIMUM_TTL_S
        self.negative_minimum_ttl_s = 0
        self.negative_maximum_ttl_s = NEGATIVE_MAXIMUM_TTL_S
        self.prefetch = True
        # answers
        self.minimal_responses = True
        self.minimal_any = True  # ANY over UDP is answered with one RRset (RFC 8482)
        self.extended_errors = True
        # serve stale (RFC 8767)
        self.serve_stale = True
        self.client_response_timer_ms = CLIENT_RESPONSE_TIMER_MS
        self.maximum_stale_timer_s = MAXIMUM_STALE_TIMER_S
        self.maximum_stale_unreachable_s = MAXIMUM_STALE_TIMER_S  # when servers do not answer; 0: not stale then
        self.maximum_stale_error_s = MAXIMUM_STALE_TIMER_S  # when servers answer with errors
        self.maximum_stale_bogus_s = MAXIMUM_STALE_TIMER_S  # when answers do not validate
        self.stale_answer_ttl_s = STALE_ANSWER_TTL_S
        self.failure_recheck_timer_s = FAILURE_RECHECK_TIMER_S
        self.recovery_probe_interval_s = RECOVERY_PROBE_INTERVAL_S  # of a broken zone that is wanted; 0: no probes
        # going on below a broken or unreachable parent
        self.last_known_good = True
        self.last_known_good_maximum_s = MAXIMUM_STALE_TIMER_S  # beyond the TTL of the old delegation data
        self.override_rules: list[OverrideRule] = []  # of the configuration, in order
        # names that are normally answered locally (RFC 6761, 6303) but shall be resolved
        self.resolved_special_names: list[bytes] = []

    def _set_validation(self) -> None:
        self.validate = True
        self.trust_anchors: list[TrustAnchorSetting] = []
        self.store_mark = b""  # what the second-level cache was prepared for; b"": what these settings say
        self.insecure_zones: list[bytes] = []  # configured negative trust anchors
        self.enabled_algorithms: list[int] = [8, 10, 13, 14, 15, 16]
        self.enabled_digests: list[int] = [2, 4]
        self.nsec3_iterations_limit = NSEC3_ITERATIONS
        self.fixed_validation_time_s = -1  # >= 0: judge signature windows at this time; -1: at Instant.wall_s
        self.check_signature_times = True
        self.aggressive_denial = True
        self.signal_trust_anchors = True
        self.root_key_sentinel = True
