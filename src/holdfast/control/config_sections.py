"""The sections and keys of the configuration file, each with type, unit, default, bounds and meaning.

These descriptions are the reference documentation: docs/configuration.md is made from them. Defaults are the
engine's and the server's own.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from holdfast.base.limits import CLIENT_GROUP_PREFIXES
from holdfast.base.settings import EngineSettings
from holdfast.evidence.rounds import CLEAN_ROUNDS_MAXIMUM
from holdfast.server.settings import VANTAGE_POINTS, ServerSettings
from holdfast.server.texts import (
    parse_address,
    parse_cookie_secret,
    parse_endpoint,
    parse_label,
    parse_name,
    parse_prefix,
    parse_vantage_point,
)

SERVER = ServerSettings()
ENGINE = EngineSettings()
MIB = 1024 * 1024
YEAR_S = 366 * 86400


def _endpoint(text: str) -> str:
    parse_endpoint(text)
    return text


def _address(text: str) -> str:
    parse_address(text)
    return text


def _prefix(text: str) -> str:
    parse_prefix(text, True)
    return text


def _name(text: str) -> str:
    parse_name(text)
    return text


def _label(text: str) -> str:
    parse_label(text)
    return text


def _cookie_secret(text: str) -> str:
    parse_cookie_secret(text)
    return text


Endpoint = Annotated[str, AfterValidator(_endpoint)]
Address = Annotated[str, AfterValidator(_address)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Name = Annotated[str, AfterValidator(_name)]
Label = Annotated[str, AfterValidator(_label)]


def _vantage_point(text: str) -> str:
    parse_vantage_point(text)
    return text


VantagePointText = Annotated[str, AfterValidator(_vantage_point)]
CookieSecret = Annotated[str, AfterValidator(_cookie_secret)]
Algorithm = Literal[5, 7, 8, 10, 13, 14, 15, 16]
DigestType = Literal[1, 2, 4]


class Section(BaseModel):
    """Base of all sections: unknown keys and wrong types are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ServerSection(Section):
    """Where clients are served, and by what processes."""

    listen: list[Endpoint] = Field(
        default=[str(listener) for listener in SERVER.listeners],
        min_length=1,
        description='Addresses for UDP and TCP, as "ADDRESS" or "ADDRESS:PORT"; without port, port 53. They offer the '
        "service `default`.",
    )
    workers: int = Field(default=SERVER.workers, ge=1, le=256, description="Worker processes; each has its own cache.")
    user: str = Field(
        default=SERVER.user,
        description='Run as this user, and its primary group, once the sockets are open; "": as whoever started it.',
    )
    state_directory: str = Field(
        default="",
        description='Folder for what must survive a restart (trust anchor states, RFC 5011); "": nothing is kept.',
    )
    control_socket: str = Field(
        default="",
        description='UNIX socket for `holdfast control`; "": `control.sock` in the state directory, if there is one.',
    )
    control_group: str = Field(
        default=SERVER.control_group,
        description='Members of this group may use the control socket; "": only root and the user of the server.',
    )
    tcp_connections: int = Field(
        default=SERVER.tcp_connections, ge=1, le=1_000_000, description="TCP connections of clients in one worker."
    )
    tcp_connections_per_client: int = Field(
        default=SERVER.tcp_connections_per_client,
        ge=1,
        le=1_000_000,
        description="TCP connections of one client address in one worker.",
    )
    tcp_idle_s: float = Field(
        default=SERVER.tcp_idle_s,
        ge=0.1,
        le=3600,
        description="A TCP connection without queries is closed after this long (RFC 7766); clients that ask are told "
        "(RFC 7828).",
    )
    drain_s: float = Field(
        default=SERVER.drain_s, ge=0, le=600, description="On stop, clients still waiting are waited for this long."
    )


class ApiSection(Section):
    """The HTTP API (docs/http-api.md). It needs the extra `api` (`pip install "holdfast[api]"`)."""

    enabled: bool = Field(default=False, description="Serve the API. Needs `server.state_directory`.")
    listen: list[Endpoint] = Field(
        default=["127.0.0.1:8053"],
        min_length=1,
        description='Addresses as "ADDRESS:PORT". Others than loopback need `allow_remote`.',
    )
    allow_remote: bool = Field(
        default=False,
        description="Allow addresses in `listen` that other machines reach. The API speaks plain HTTP: put a proxy "
        "with TLS in front of it, or the token can be read on the way.",
    )
    host_names: list[str] = Field(
        default=[],
        description="Names under which clients reach the API, as in URLs, beside `localhost` and the addresses in "
        "`listen`; requests for any other are refused (DNS rebinding).",
    )
    token_file: str = Field(
        default="",
        description="File with the token that every request must carry, made at the first start; "
        '"": `api-token` in the state directory.',
    )


class LogSection(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level logged."
    )


class AccessSection(Section):
    """Who may ask, and how much work clients may cause. The longest prefix that contains a client's address decides."""

    allow: list[Prefix] = Field(
        default=["127.0.0.0/8", "::1/128"],
        description="Address prefixes of clients that are served. Others are REFUSED with EDE 18 (Prohibited).",
    )
    deny: list[Prefix] = Field(
        default=[], description="Address prefixes of clients that are refused inside an allowed prefix."
    )
    client_rate_limit_qps: int = Field(
        default=ENGINE.client_rate_limit_qps,
        ge=0,
        le=10_000_000,
        description="Queries per second of one client; 0: no limit.",
    )
    outstanding_requests: int = Field(
        default=ENGINE.outstanding_requests,
        ge=1,
        le=1_000_000,
        description="Requests that may wait for resolution in one worker; beyond it the longest waiting get SERVFAIL.",
    )
    outstanding_per_client: int = Field(
        default=ENGINE.outstanding_per_client,
        ge=1,
        le=1_000_000,
        description="Requests of one client address that may wait in one worker; beyond it its oldest get SERVFAIL.",
    )
    answer_without_recursion_desired: bool = Field(
        default=ENGINE.answer_without_recursion_desired,
        description="Answer queries without the RD flag from the cache, or with a referral to the closest zone that is "
        "known; otherwise they are REFUSED.",
    )


class ServiceSection(Section):
    """A service of its own, on addresses of its own. What trust decisions and rules hold for may depend on it."""

    name: Label = Field(description="What it is called; `default` is the service of `server.listen`.")
    listen: list[Endpoint] = Field(
        min_length=1, description='Addresses for UDP and TCP, as "ADDRESS" or "ADDRESS:PORT"; without port, port 53.'
    )


class ClientGroupSection(Section):
    """Clients that trust decisions and rules may treat in a way of their own. The longest prefix decides."""

    name: Label = Field(description="What it is called.")
    prefixes: list[Prefix] = Field(
        min_length=1, max_length=CLIENT_GROUP_PREFIXES, description="Address prefixes of the clients."
    )
    validation: Literal["normal", "strict"] = Field(
        default="normal",
        description='`"strict"` puts them on the never list: no negative trust anchor that is added at run time holds '
        "for them. Certification authorities (CA/Browser Forum ballot SC-085), mail servers (DANE) and security tools "
        "belong here.",
    )


class UpstreamSection(Section):
    """How authoritative servers are found and asked."""

    root_hints_file: str = Field(
        default="",
        description='Root hints in the zone file format (NS, A, AAAA); "": the built-in list of the 13 root servers.',
    )
    prime_root: bool = Field(
        default=ENGINE.prime_root,
        description="Ask a root server for the current list of root servers first (RFC 9609).",
    )
    ipv4: bool = Field(default=ENGINE.use_ipv4, description="Ask servers over IPv4.")
    ipv6: bool = Field(default=ENGINE.use_ipv6, description="Ask servers over IPv6.")
    port: int = Field(
        default=ENGINE.upstream_port,
        ge=1,
        le=65535,
        description="Port of authoritative servers. Only laboratories change it.",
    )
    edns_buffer_octets: int = Field(
        default=ENGINE.edns_buffer_octets,
        ge=512,
        le=4096,
        description="Largest UDP response asked for (RFC 6891); 1232 avoids fragments.",
    )
    qname_minimisation: bool = Field(
        default=ENGINE.qname_minimisation, description="Show each server no more of the name than it needs (RFC 9156)."
    )
    randomise_query_case: bool = Field(
        default=ENGINE.randomise_query_case,
        description="Random upper and lower case in query names, checked in the response, against forged responses.",
    )
    cookies: bool = Field(
        default=ENGINE.upstream_cookies, description="Send DNS cookies (RFC 7873) against forged responses."
    )
    error_reporting: bool = Field(
        default=ENGINE.error_reporting,
        description="Report failures to the agent that a zone's servers name (RFC 9567).",
    )
    special_addresses: bool = Field(
        default=ENGINE.query_special_addresses,
        description="Ask servers that a zone says are at loopback, multicast or other special addresses (RFC 6890). "
        "Root hints, forward and stub zones may have such addresses always.",
    )
    never_query: list[Prefix] = Field(default=[], description="Address prefixes of servers that are never asked.")
    fetch_all_addresses: bool = Field(
        default=ENGINE.fetch_all_addresses,
        description="Look for addresses of more name servers of a zone than are needed at once.",
    )
    sockets: int = Field(
        default=SERVER.upstream_sockets, ge=10, le=60_000, description="Queries in flight to servers, in one worker."
    )
    address_map: dict[Address, Endpoint] = Field(
        default={},
        description="For laboratories: a query to the address on the left goes to the endpoint on the right, "
        'for example `"198.41.0.4" = "127.0.0.1:5301"`. If there are any, no other address is reachable.',
    )


class ZoneSection(Section):
    """What forward and stub zones have in common."""

    name: Name = Field(description='The zone; names at or below it are resolved here. "." is everything.')
    servers: list[Endpoint] = Field(
        default=[], description='Servers as "ADDRESS" or "ADDRESS:PORT"; without port, port 53.'
    )
    server_names: list[Name] = Field(default=[], description="Names of servers, looked up when `servers` is empty.")
    fallback: bool = Field(
        default=False, description="Resolve from the root if all these servers fail; otherwise SERVFAIL."
    )
    tcp_only: bool = Field(
        default=False, description="Ask these servers over TCP only, where UDP does not get through."
    )


class ForwardZoneSection(ZoneSection):
    """A zone that is resolved by asking other resolvers. Their answers are validated here all the same."""


class StubZoneSection(ZoneSection):
    """A zone with fixed authoritative servers, whatever its parent says."""


class ValidationSection(Section):
    """DNSSEC validation (RFC 4033 to 4035)."""

    enabled: bool = Field(
        default=ENGINE.validate, description="Validate. Without it every answer has the status indeterminate."
    )
    built_in_trust_anchors: bool = Field(
        default=True,
        description="Trust IANA's two root keys (tags 20326 and 38696) unless an anchor for the root is configured, or "
        "IANA's file was imported (`holdfast anchor import`).",
    )
    trust_anchor_file: str = Field(
        default="", description='File of DS or DNSKEY lines in the zone file format; "": none.'
    )
    trust_anchors: list[str] = Field(
        default=[], description='DS or DNSKEY lines, for example `"example. DS 12345 13 2 0123..."`.'
    )
    follow_rollovers: bool = Field(
        default=True,
        description="Follow key rollovers of trust anchors (RFC 5011). Needs `server.state_directory`.",
    )
    signal_trust_anchors: bool = Field(
        default=ENGINE.signal_trust_anchors,
        description="Tell the servers of each trust anchor's zone once a day which of its keys are trusted (RFC 8145).",
    )
    root_key_sentinel: bool = Field(
        default=ENGINE.root_key_sentinel,
        description="Let clients find out which root keys are trusted by looking up special names (RFC 8509).",
    )
    insecure_zones: list[Name] = Field(
        default=[],
        description="Zones that are not validated (negative trust anchors, RFC 7646), for private names; they hold for "
        "all clients, and have no end. Answers carry EDE 33.",
    )
    algorithms: list[Algorithm] = Field(
        default=[8, 10, 13, 14, 15, 16],
        description="DNSKEY algorithms that count. A zone with none of them is insecure, with EDE 1. The default is "
        "RFC 9905's: 5 and 7 (SHA-1) are left out.",
    )
    digest_types: list[DigestType] = Field(
        default=[2, 4], description="DS digest types that count. A zone with none of them is insecure, with EDE 2."
    )
    nsec3_iterations_limit: int = Field(
        default=ENGINE.nsec3_iterations_limit,
        ge=0,
        le=2500,
        description="NSEC3 with more iterations proves nothing: the answer is insecure, with EDE 27 (RFC 9276).",
    )
    aggressive_denial: bool = Field(
        default=ENGINE.aggressive_denial,
        description="Answer from cached denials of existence without asking again (RFC 8198).",
    )
    check_signature_times: bool = Field(
        default=ENGINE.check_signature_times,
        description="Check the validity period of signatures. Turn off only on machines whose clock is unset.",
    )
    fixed_validation_time_s: int = Field(
        default=ENGINE.fixed_validation_time_s,
        ge=-1,
        le=2**32 - 1,
        description="For laboratories: check signatures as if it were this POSIX time; -1: now.",
    )


class NegativeTrustAnchorsSection(Section):
    """How a zone is looked at before a negative trust anchor (RFC 7646), and while one is in force."""

    vantage_points: list[VantagePointText] = Field(
        default=[],
        max_length=VANTAGE_POINTS,
        description="Resolvers in other networks that are asked as well when a zone is checked, and while an anchor "
        'is in force: "tls://ADDRESS#NAME" or "tls://ADDRESS:PORT#NAME" (DNS over TLS, the certificate must be '
        'NAME\'s); "tunnel://ADDRESS" or "tunnel://ADDRESS:PORT" (TCP, over a tunnel of yours that nobody else can '
        'change: WireGuard, IPsec, SSH); "ADDRESS" or "ADDRESS:PORT" (TCP without protection). Only one over TLS or a '
        "tunnel can make the verdict `registry failure`: without it, whoever is on this server's path could imitate "
        "that. They are asked for the zone and for random names in it, not for names that clients asked for. None is "
        "built in, as each learns which zones you check.",
    )
    recheck_interval_s: float = Field(
        default=SERVER.recheck.interval_s,
        ge=0,
        le=86400,
        description="While one is in force, all servers of its zone are asked again after this long; when they are "
        "clean for several rounds, it ends. 0: it lasts until its end.",
    )
    recheck_clean_rounds: int = Field(
        default=SERVER.recheck.clean_rounds,
        ge=1,
        le=CLEAN_ROUNDS_MAXIMUM,
        description="Clean rounds in a row that end it: no bad RRset at any server. Each looks at another sample.",
    )
    recheck_relapse_rounds: int = Field(
        default=SERVER.recheck.relapse_rounds,
        ge=0,
        le=CLEAN_ROUNDS_MAXIMUM,
        description="More clean rounds needed after each relapse (clean, then bad again), up to twelve in all: "
        "a zone that flaps has to hold still for longer.",
    )
    recheck_silent_percent: int = Field(
        default=round(SERVER.recheck.silent_share * 100),
        ge=0,
        le=90,
        description="Share of a zone's name servers that may be silent in a clean round; if more are, the round counts "
        "neither way.",
    )


class CacheSection(Section):
    """The caches of each worker."""

    size_mib: int = Field(
        default=ENGINE.cache_bytes // MIB, ge=1, le=1024 * 1024, description="Memory for all caches of one worker."
    )
    persistent_mib: int = Field(
        default=SERVER.persistent_cache_octets // MIB,
        ge=0,
        le=1024 * 1024,
        description="Size of the cache file in `server.state_directory` that all workers share and that survives a "
        "restart: validated data, also for serving stale; 0 keeps none.",
    )
    minimum_ttl_s: int = Field(
        default=ENGINE.minimum_ttl_s,
        ge=0,
        le=3600,
        description="Records are kept at least this long; 0: as their zone says.",
    )
    maximum_ttl_s: int = Field(
        default=ENGINE.maximum_ttl_s, ge=1, le=YEAR_S, description="Records are kept at most this long."
    )
    negative_minimum_ttl_s: int = Field(
        default=ENGINE.negative_minimum_ttl_s,
        ge=0,
        le=3600,
        description="NXDOMAIN and NODATA are kept at least this long.",
    )
    negative_maximum_ttl_s: int = Field(
        default=ENGINE.negative_maximum_ttl_s,
        ge=1,
        le=YEAR_S,
        description="NXDOMAIN and NODATA are kept at most this long (RFC 2308).",
    )
    prefetch: bool = Field(
        default=ENGINE.prefetch,
        description="Renew popular records shortly before they expire, so that nobody waits for them.",
    )


class AnswersSection(Section):
    """What answers to clients contain."""

    minimal: bool = Field(
        default=ENGINE.minimal_responses,
        description="Leave out what the question did not need: the name servers of the answering zone, and addresses "
        "of name servers, mail and service hosts. With `false` they are added as far as they are known and fit.",
    )
    minimal_any: bool = Field(
        default=ENGINE.minimal_any,
        description="Answer questions for ANY over UDP with one RRset of all (RFC 8482); over TCP all are given.",
    )
    extended_errors: bool = Field(default=ENGINE.extended_errors, description="Add Extended DNS Errors (RFC 8914).")
    version: str = Field(
        default=ENGINE.server_version, max_length=255, description='Answer to `version.bind` CH TXT; "": REFUSED.'
    )
    identity: str = Field(
        default=ENGINE.server_identity,
        max_length=255,
        description='Answer to `id.server` CH TXT, and the NSID; "": REFUSED.',
    )
    cookies: bool = Field(
        default=ENGINE.server_cookies,
        description="Give clients DNS cookies (RFC 7873, 9018). Queries that return them count against a rate limit of "
        "their own, which queries forged in the client's name cannot use up.",
    )
    cookie_secrets: list[CookieSecret] = Field(
        default=[],
        description="Secrets for cookies, 32 hexadecimal digits each, for servers that share an address; the first "
        "makes new cookies, all are accepted. Without any, workers share a random one that changes daily.",
    )
    private_prefixes: list[Prefix] = Field(
        default=[],
        description="Address prefixes that public names must not point to: A, AAAA, SVCB and HTTPS records that do are "
        "removed from answers, with EDE 15 (DNS rebinding).",
    )
    private_exceptions: list[Name] = Field(default=[], description="Zones whose names may point to `private_prefixes`.")
    rules_file: str = Field(
        default="", description='File of more `[[rule]]` sections, which come after those of this file; "": none.'
    )
    resolved_special_names: list[Name] = Field(
        default=[],
        description="Special-use zones (RFC 6761, 6303), normally answered here, that shall be resolved, for example "
        '`"168.192.in-addr.arpa"`.',
    )


class StaleSection(Section):
    """Expired answers while a zone cannot be resolved (RFC 8767)."""

    enabled: bool = Field(default=ENGINE.serve_stale, description="Serve stale answers, with EDE 3 or 19.")
    client_response_timer_ms: int = Field(
        default=ENGINE.client_response_timer_ms,
        ge=0,
        le=60_000,
        description="A client waits this long for a fresh answer before it gets a stale one; 0 answers stale at once.",
    )
    maximum_stale_timer_s: int = Field(
        default=ENGINE.maximum_stale_timer_s,
        ge=1,
        le=YEAR_S,
        description="Data is used for this long after its TTL ran out.",
    )
    maximum_stale_unreachable_s: int = Field(
        default=ENGINE.maximum_stale_unreachable_s,
        ge=0,
        le=YEAR_S,
        description="The same limit when the servers of a zone do not answer; 0 serves nothing stale then.",
    )
    maximum_stale_error_s: int = Field(
        default=ENGINE.maximum_stale_error_s,
        ge=0,
        le=YEAR_S,
        description="The same limit when they answer with errors such as SERVFAIL; 0 serves nothing stale then.",
    )
    maximum_stale_bogus_s: int = Field(
        default=ENGINE.maximum_stale_bogus_s,
        ge=0,
        le=YEAR_S,
        description="The same limit when fresh answers fail validation; 0 serves nothing stale then.",
    )
    stale_answer_ttl_s: int = Field(
        default=ENGINE.stale_answer_ttl_s, ge=1, le=3600, description="TTL of stale records in answers."
    )
    failure_recheck_timer_s: int = Field(
        default=ENGINE.failure_recheck_timer_s,
        ge=1,
        le=3600,
        description="After a failed refresh, stale data is served at once for this long before the next try.",
    )
    recovery_probe_interval_s: int = Field(
        default=ENGINE.recovery_probe_interval_s,
        ge=0,
        le=3600,
        description="How often a broken zone is asked whether it is well again while clients want it; 0 never asks.",
    )
    last_known_good: bool = Field(
        default=ENGINE.last_known_good,
        description="Go on below a broken or unreachable parent with the delegation data that was validated last.",
    )
    last_known_good_maximum_s: int = Field(
        default=ENGINE.last_known_good_maximum_s,
        ge=1,
        le=YEAR_S,
        description="Such delegation data is used for this long after its TTL ran out, and never past its signatures.",
    )
