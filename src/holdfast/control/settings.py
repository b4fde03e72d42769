"""From a configuration to what the engine and the server take."""

from importlib.util import find_spec
from pathlib import Path

from holdfast.base.limits import OVERRIDE_RULES
from holdfast.base.settings import DEFAULT_SERVICE, ClientGroup, EngineSettings, TrustAnchorSetting, ZoneServers
from holdfast.control.config import Config, read_rules_file, rule_audiences
from holdfast.control.config_sections import MIB, ForwardZoneSection, ZoneSection
from holdfast.control.problems import InputError, read_text
from holdfast.control.root_hints import built_in_root_servers, read_root_servers
from holdfast.control.trust_anchors import ROOT_TRUST_ANCHORS, TrustAnchors
from holdfast.dns.name import ROOT
from holdfast.evidence.rounds import RecheckPolicy
from holdfast.server.anchor_state import anchor_state_path
from holdfast.server.settings import ApiSettings, Listener, ServerSettings
from holdfast.server.texts import (
    parse_address,
    parse_cookie_secret,
    parse_endpoint,
    parse_name,
    parse_prefix,
    parse_vantage_point,
    upstream_server,
)

CONTROL_SOCKET = "control.sock"  # in the state directory
TOKEN_FILE = "api-token"


def engine_settings(config: Config) -> EngineSettings:
    """Return the engine's settings. Reads the files that the configuration names; `InputError` if one is unusable."""
    settings = EngineSettings()
    _set_access(settings, config)
    _set_upstream(settings, config)
    _set_validation(settings, config)
    _set_caches(settings, config)
    audiences = rule_audiences(config)
    rules = [*config.rule, *read_rules_file(config)]
    if len(rules) > OVERRIDE_RULES:
        raise InputError(
            [f"answers.rules_file: more than {OVERRIDE_RULES} rules in the configuration and its file of rules"]
        )
    settings.override_rules = [section.rule(audiences) for section in rules]
    return settings


def server_settings(config: Config) -> ServerSettings:
    """Return the server's settings."""
    server = config.server
    return ServerSettings(
        listeners=_listeners(config),
        workers=server.workers,
        user=server.user,
        state_directory=_state_directory(config),
        persistent_cache_octets=config.cache.persistent_mib * MIB,
        control_socket=control_socket(config),
        control_group=server.control_group,
        log_level=config.log.level,
        tcp_connections=server.tcp_connections,
        tcp_connections_per_client=server.tcp_connections_per_client,
        tcp_idle_s=server.tcp_idle_s,
        upstream_sockets=config.upstream.sockets,
        drain_s=server.drain_s,
        vantage_points=tuple(map(parse_vantage_point, config.negative_trust_anchors.vantage_points)),
        recheck=_recheck_policy(config),
        follow_rollovers=config.validation.follow_rollovers,
        address_map={
            parse_address(address): parse_endpoint(place) for address, place in config.upstream.address_map.items()
        },
        api=_api(config),
    )


def _api(config: Config) -> ApiSettings | None:
    """Return the settings of the HTTP API, None: there is none. `InputError` if what it needs is not installed."""
    directory = _state_directory(config)
    if not config.api.enabled:
        return None
    if directory is None:
        raise InputError(["api.enabled: the HTTP API needs server.state_directory, for its token"])
    if find_spec("uvicorn") is None:
        raise InputError(['api.enabled: the HTTP API is not installed; run pip install "holdfast[api]"'])
    return ApiSettings(
        listeners=tuple(Listener(*parse_endpoint(text)) for text in config.api.listen),
        token_file=Path(config.api.token_file) if config.api.token_file else directory / TOKEN_FILE,
        host_names=tuple(config.api.host_names),
    )


def _listeners(config: Config) -> tuple[Listener, ...]:
    services = [(DEFAULT_SERVICE, config.server.listen), *((one.name, one.listen) for one in config.service)]
    listeners: dict[Listener, str] = {}
    for service, texts in services:
        for listener in [Listener(*parse_endpoint(text), service) for text in texts]:
            first = listeners.setdefault(listener, service)
            if first != service:  # a file cannot say so, but the command line on top of it can
                raise InputError([f"{listener} is listened on for {first!r} and for {service!r}"])
    return tuple(listeners)


def _recheck_policy(config: Config) -> RecheckPolicy:
    section = config.negative_trust_anchors
    return RecheckPolicy(
        section.recheck_interval_s,
        section.recheck_clean_rounds,
        section.recheck_relapse_rounds,
        section.recheck_silent_percent / 100,
    )


def control_socket(config: Config) -> Path | None:
    """Return where a server with this configuration takes commands, None: nowhere."""
    if config.server.control_socket:
        return Path(config.server.control_socket)
    directory = _state_directory(config)
    return directory / CONTROL_SOCKET if directory is not None else None


def _state_directory(config: Config) -> Path | None:
    return Path(config.server.state_directory) if config.server.state_directory else None


def _set_access(settings: EngineSettings, config: Config) -> None:
    access = config.access
    settings.access_rules = [parse_prefix(text, True) for text in access.allow]
    settings.access_rules += [parse_prefix(text, False) for text in access.deny]
    settings.tcp_idle_ms = int(config.server.tcp_idle_s * 1000)
    settings.services = [DEFAULT_SERVICE, *(service.name for service in config.service)]
    settings.client_groups = [
        ClientGroup(group.name, [parse_prefix(text, True) for text in group.prefixes], group.validation == "strict")
        for group in config.client_group
    ]
    settings.client_rate_limit_qps = access.client_rate_limit_qps
    settings.outstanding_requests = access.outstanding_requests
    settings.outstanding_per_client = access.outstanding_per_client
    settings.answer_without_recursion_desired = access.answer_without_recursion_desired


def _set_upstream(settings: EngineSettings, config: Config) -> None:
    upstream = config.upstream
    hints = upstream.root_hints_file
    settings.root_servers = read_root_servers(hints) if hints else built_in_root_servers()
    settings.prime_root = upstream.prime_root
    settings.zone_servers = [_zone_servers(zone, upstream.port) for zone in [*config.forward_zone, *config.stub_zone]]
    settings.use_ipv4 = upstream.ipv4
    settings.use_ipv6 = upstream.ipv6
    settings.upstream_port = upstream.port
    settings.edns_buffer_octets = upstream.edns_buffer_octets
    settings.qname_minimisation = upstream.qname_minimisation
    settings.randomise_query_case = upstream.randomise_query_case
    settings.upstream_cookies = upstream.cookies
    settings.error_reporting = upstream.error_reporting
    settings.query_special_addresses = upstream.special_addresses
    settings.never_query = [parse_prefix(text, False) for text in upstream.never_query]
    settings.fetch_all_addresses = upstream.fetch_all_addresses


def _zone_servers(zone: ZoneSection, default_port: int) -> ZoneServers:
    made = ZoneServers(
        parse_name(zone.name),
        [upstream_server(text, default_port) for text in zone.servers],
        isinstance(zone, ForwardZoneSection),
        zone.fallback,
        [parse_name(text) for text in zone.server_names],
    )
    made.tcp_only = zone.tcp_only
    return made


def _set_validation(settings: EngineSettings, config: Config) -> None:
    validation = config.validation
    settings.validate = validation.enabled
    settings.trust_anchors = trust_anchor_settings(config)
    settings.insecure_zones = [parse_name(text) for text in validation.insecure_zones]
    settings.enabled_algorithms = list(validation.algorithms)
    settings.enabled_digests = list(validation.digest_types)
    settings.nsec3_iterations_limit = validation.nsec3_iterations_limit
    settings.fixed_validation_time_s = validation.fixed_validation_time_s
    settings.check_signature_times = validation.check_signature_times
    settings.aggressive_denial = validation.aggressive_denial
    settings.signal_trust_anchors = validation.signal_trust_anchors
    settings.root_key_sentinel = validation.root_key_sentinel


def _set_caches(settings: EngineSettings, config: Config) -> None:
    cache, answers, stale = config.cache, config.answers, config.stale
    settings.cache_bytes = cache.size_mib * MIB
    settings.minimum_ttl_s = cache.minimum_ttl_s
    settings.maximum_ttl_s = cache.maximum_ttl_s
    settings.negative_minimum_ttl_s = cache.negative_minimum_ttl_s
    settings.negative_maximum_ttl_s = cache.negative_maximum_ttl_s
    settings.prefetch = cache.prefetch
    settings.minimal_responses = answers.minimal
    settings.minimal_any = answers.minimal_any
    settings.extended_errors = answers.extended_errors
    settings.server_version = answers.version
    settings.server_identity = answers.identity
    settings.server_cookies = answers.cookies
    settings.cookie_secrets = [parse_cookie_secret(text) for text in answers.cookie_secrets]
    settings.private_prefixes = [parse_prefix(text, False) for text in answers.private_prefixes]
    settings.private_exceptions = [parse_name(text) for text in answers.private_exceptions]
    settings.resolved_special_names = [parse_name(text) for text in answers.resolved_special_names]
    settings.serve_stale = stale.enabled
    settings.client_response_timer_ms = stale.client_response_timer_ms
    settings.maximum_stale_timer_s = stale.maximum_stale_timer_s
    settings.maximum_stale_unreachable_s = stale.maximum_stale_unreachable_s
    settings.maximum_stale_error_s = stale.maximum_stale_error_s
    settings.maximum_stale_bogus_s = stale.maximum_stale_bogus_s
    settings.stale_answer_ttl_s = stale.stale_answer_ttl_s
    settings.failure_recheck_timer_s = stale.failure_recheck_timer_s
    settings.recovery_probe_interval_s = stale.recovery_probe_interval_s
    settings.last_known_good = stale.last_known_good
    settings.last_known_good_maximum_s = stale.last_known_good_maximum_s


def trust_anchor_settings(config: Config) -> list[TrustAnchorSetting]:
    """Return the trust anchors, with the RFC 5011 states that an earlier run left in the state directory."""
    validation = config.validation
    anchors = TrustAnchors()
    if validation.trust_anchor_file:
        anchors.add_file(validation.trust_anchor_file)
    for line in validation.trust_anchors:
        anchors.add(line, "validation.trust_anchors")
    built_in = validation.built_in_trust_anchors and not anchors.covers_root()
    if built_in:
        anchors.add(ROOT_TRUST_ANCHORS, "built-in trust anchors")
    directory = _state_directory(config)
    tracked = directory is not None and validation.follow_rollovers
    states = {zone: _recorded_state(directory, zone) for zone in anchors.zones()} if directory and tracked else {}
    settings = anchors.settings(tracked, states)
    for setting in settings:
        setting.built_in = built_in and setting.zone == ROOT
    return settings


def _recorded_state(directory: Path, zone: bytes) -> str:
    """Return what an earlier run recorded for a zone's anchor; "" if there was none."""
    path = anchor_state_path(directory, zone)
    return read_text(str(path)) if path.exists() else ""
