"""Every setting of the engine can be reached from the configuration file, and none has another default there."""

from pathlib import Path

import pytest

from holdfast.base.limits import OVERRIDE_RULES
from holdfast.base.override_rule import BELOW
from holdfast.base.settings import EngineSettings
from holdfast.control.config import Config, parse_config
from holdfast.control.overrides import load_config
from holdfast.control.problems import InputError
from holdfast.control.settings import engine_settings, server_settings
from holdfast.evidence.rounds import RecheckPolicy
from holdfast.server.anchor_state import write_anchor_state
from holdfast.server.settings import ApiSettings, Listener, ServerSettings
from holdfast.server.vantage_point import VantagePoint

EVERYTHING_ELSE = """
[server]
tcp_idle_s = 3.5
[[service]]
name = "family"
listen = ["192.0.2.9"]
[access]
allow = ["10.0.0.0/8"]
deny = ["10.9.0.0/16"]
client_rate_limit_qps = 7
outstanding_requests = 8
outstanding_per_client = 9
answer_without_recursion_desired = true
[[client_group]]
name = "mail"
prefixes = ["10.1.0.0/16", "2001:db8::/32"]
validation = "strict"
[[client_group]]
name = "lab"
prefixes = ["10.2.0.0/16"]
[upstream]
prime_root = false
ipv4 = false
port = 5353
edns_buffer_octets = 1400
qname_minimisation = false
randomise_query_case = true
cookies = false
error_reporting = true
special_addresses = true
never_query = ["10.0.0.0/8"]
fetch_all_addresses = false
[[forward_zone]]
name = "corp.example"
servers = ["192.0.2.1:54", "2001:db8::1"]
[[stub_zone]]
name = "10.in-addr.arpa"
server_names = ["ns.corp.example"]
fallback = true
tcp_only = true
[validation]
enabled = false
trust_anchors = ["example. DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"]
signal_trust_anchors = false
root_key_sentinel = false
insecure_zones = ["a.example"]
algorithms = [8, 5]
digest_types = [1]
nsec3_iterations_limit = 10
fixed_validation_time_s = 1
check_signature_times = false
aggressive_denial = false
[cache]
size_mib = 2
minimum_ttl_s = 3
maximum_ttl_s = 4
negative_minimum_ttl_s = 5
negative_maximum_ttl_s = 6
prefetch = false
[answers]
minimal_any = false
minimal = false
extended_errors = false
version = "x"
identity = "y"
cookies = false
cookie_secrets = ["000102030405060708090a0b0c0d0e0f"]
private_prefixes = ["192.168.0.0/16"]
private_exceptions = ["corp.example"]
resolved_special_names = ["168.192.in-addr.arpa"]
[stale]
enabled = false
maximum_stale_unreachable_s = 5
maximum_stale_error_s = 6
maximum_stale_bogus_s = 7
client_response_timer_ms = 1
maximum_stale_timer_s = 2
stale_answer_ttl_s = 3
failure_recheck_timer_s = 4
recovery_probe_interval_s = 9
last_known_good = false
last_known_good_maximum_s = 8
[[rule]]
id = "ads"
action = "nxdomain"
name = "*.ads.example"
client_groups = ["lab"]
reason = "blocked"
until = "2030-01-01T00:00:00Z"
"""


MADE_AT_START = {"cookie_seed", "store_mark"}  # by the server, from random numbers, and from all other settings


def plain(settings: EngineSettings) -> dict[str, object]:
    """The attributes of the settings, with records as the values of their attributes."""

    def reduced(value: object) -> object:
        if isinstance(value, list):
            return [reduced(item) for item in value]
        names = [name for name in dir(value) if not name.startswith("_")]
        if type(value).__module__.startswith("holdfast"):
            return {name: reduced(getattr(value, name)) for name in names}
        return value

    names = [name for name in dir(settings) if not name.startswith("_")]
    return {name: reduced(getattr(settings, name)) for name in names}


def test_the_defaults_are_the_engines() -> None:
    configured, own = plain(engine_settings(Config())), plain(EngineSettings())
    assert [name for name in own if configured[name] != own[name]] == ["root_servers", "trust_anchors"]


def test_every_setting_can_be_changed() -> None:
    default = plain(engine_settings(Config()))
    first = plain(engine_settings(parse_config(EVERYTHING_ELSE, "/h.toml")))
    second = plain(engine_settings(parse_config("[upstream]\nipv6 = false\n", "/h.toml")))
    unchanged = (
        {name for name in default if first[name] == default[name]} - {"use_ipv6", "root_servers"} - MADE_AT_START
    )
    assert unchanged == set()
    assert second["use_ipv6"] is False


def test_values_arrive_in_the_engines_form() -> None:
    settings = engine_settings(parse_config(EVERYTHING_ELSE, "/h.toml"))
    assert [(rule.length, rule.allow) for rule in settings.access_rules] == [(8, True), (16, False)]
    assert settings.services == ["default", "family"]
    mail, lab = settings.client_groups
    assert (mail.name, [rule.length for rule in mail.prefixes], mail.strict) == ("mail", [16, 32], True)
    assert (lab.name, lab.strict) == ("lab", False)
    forward, stub = settings.zone_servers
    assert (forward.zone, forward.forward, forward.fallback) == (b"\4corp\7example\0", True, False)
    assert [(len(server.address), server.port) for server in forward.servers] == [(4, 54), (16, 5353)]
    assert (forward.tcp_only, stub.tcp_only) == (False, True)
    assert (stub.forward, stub.fallback, stub.server_names) == (False, True, [b"\2ns\4corp\7example\0"])
    assert [anchor.zone for anchor in settings.trust_anchors] == [b"\7example\0", b"\0"]
    assert settings.cache_bytes == 2 * 1024 * 1024


SERVER = """
[server]
listen = ["192.0.2.1", "[2001:db8::1]:5300"]
workers = 2
user = "holdfast"
state_directory = "state"
control_socket = "control"
control_group = "staff"
tcp_connections = 10
tcp_connections_per_client = 3
tcp_idle_s = 2
drain_s = 1.5
[upstream]
sockets = 100
[upstream.address_map]
"2001:db8::2" = "127.0.0.1:5301"
[log]
level = "debug"
[cache]
persistent_mib = 7
[validation]
follow_rollovers = false
[api]
enabled = true
listen = ["192.0.2.1:80"]
allow_remote = true
host_names = ["ns.corp.example"]
token_file = "token"
[negative_trust_anchors]
vantage_points = ["192.0.2.9:54", "tls://[2001:db8::9]:8853#dns.example", "tls://192.0.2.9#dns.example"]
recheck_interval_s = 5
recheck_clean_rounds = 4
recheck_relapse_rounds = 1
recheck_silent_percent = 50
"""


def test_the_servers_defaults_are_its_own() -> None:
    assert server_settings(Config()) == ServerSettings()


def test_every_setting_of_the_server_can_be_changed() -> None:
    settings = server_settings(parse_config(SERVER, "/etc/h.toml"))
    assert settings == ServerSettings(
        listeners=(Listener("192.0.2.1", 53), Listener("2001:db8::1", 5300)),
        workers=2,
        user="holdfast",
        state_directory=Path("/etc/state"),
        persistent_cache_octets=7 * 1024 * 1024,
        control_socket=Path("/etc/control"),
        control_group="staff",
        log_level="debug",
        tcp_connections=10,
        tcp_connections_per_client=3,
        tcp_idle_s=2,
        upstream_sockets=100,
        drain_s=1.5,
        follow_rollovers=False,
        address_map={bytes.fromhex("20010db8") + bytes(11) + b"\2": ("127.0.0.1", 5301)},
        api=ApiSettings((Listener("192.0.2.1", 80),), Path("/etc/token"), ("ns.corp.example",)),
        vantage_points=(
            VantagePoint("192.0.2.9", 54),
            VantagePoint("2001:db8::9", 8853, "dns.example"),
            VantagePoint("192.0.2.9", 853, "dns.example"),
        ),
        recheck=RecheckPolicy(5, 4, 1, 0.5),
    )
    assert {name for name in vars(settings) if getattr(settings, name) == getattr(ServerSettings(), name)} == set()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("state_directory", "api.enabled: the HTTP API needs server.state_directory"),
        ("uvicorn", 'api.enabled: the HTTP API is not installed; run pip install "holdfast\\[api\\]"'),
    ],
)
def test_an_api_that_lacks_something_is_refused(missing: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[api]\nenabled = true\n"
    if missing == "uvicorn":
        monkeypatch.setattr("holdfast.control.settings.find_spec", lambda _name: None)
        text = '[server]\nstate_directory = "/var/lib/holdfast"\n' + text
    with pytest.raises(InputError, match=words):
        server_settings(parse_config(text, "/etc/h.toml"))


def test_listeners_belong_to_services() -> None:
    text = '[server]\nlisten = ["192.0.2.1"]\n[[service]]\nname = "family"\nlisten = ["192.0.2.2", "192.0.2.3:54"]\n'
    listeners = server_settings(parse_config(text, "/h.toml")).listeners
    assert [(str(one), one.service) for one in listeners] == [
        ("192.0.2.1:53", "default"),
        ("192.0.2.2:53", "family"),
        ("192.0.2.3:54", "family"),
    ]


def test_an_address_of_the_command_line_cannot_be_a_services_as_well() -> None:
    config = parse_config('[[service]]\nname = "family"\nlisten = ["192.0.2.2"]\n', "/h.toml")
    with pytest.raises(InputError, match=r"192\.0\.2\.2:53 is listened on for 'default' and for 'family'"):
        server_settings(load_config(config, listen=["192.0.2.2"]))


def test_recorded_anchor_states_come_back(tmp_path: Path) -> None:
    write_anchor_state(tmp_path, b"\0", "what an earlier run recorded\n")
    text = f'[server]\nstate_directory = "."\n[validation]\ntrust_anchors = ["de. DS 1 13 2 {"AB" * 32}"]\n'
    states = [anchor.state for anchor in engine_settings(parse_config(text, str(tmp_path / "h.toml"))).trust_anchors]
    assert states == ["", "what an earlier run recorded\n"]


def test_hints_and_anchors_come_from_the_named_files(tmp_path: Path) -> None:
    (tmp_path / "hints").write_text(". NS a.test.\na.test. A 192.0.2.1\n")
    (tmp_path / "anchor").write_text(f". DS 1 13 2 {'AB' * 32}\n")
    text = '[upstream]\nroot_hints_file = "hints"\n[validation]\ntrust_anchor_file = "anchor"\n'
    settings = engine_settings(parse_config(text, str(tmp_path / "h.toml")))
    assert [server.name for server in settings.root_servers] == [b"\1a\4test\0"]
    (anchor,) = settings.trust_anchors
    assert (len(anchor.ds), anchor.tracked) == (1, False)


def test_anchors_are_tracked_only_if_their_state_can_be_kept(tmp_path: Path) -> None:
    text = '[server]\nstate_directory = "."\n'
    assert engine_settings(parse_config(text, str(tmp_path / "h.toml"))).trust_anchors[0].tracked
    text += "[validation]\nfollow_rollovers = false\n"
    assert not engine_settings(parse_config(text, str(tmp_path / "h.toml"))).trust_anchors[0].tracked


def test_without_the_built_in_anchor_there_is_none() -> None:
    config = parse_config("[validation]\nbuilt_in_trust_anchors = false\n", "/h.toml")
    assert engine_settings(config).trust_anchors == []


RULE = '[[rule]]\nid = "{}"\naction = "nxdomain"\nname = "{}.example"\nreason = "x"\n'


def test_rules_arrive_in_the_engines_form() -> None:
    [rule] = engine_settings(parse_config(EVERYTHING_ELSE, "/etc/h.toml")).override_rules
    assert (rule.identity, rule.match.name, rule.match.reach, rule.match.groups) == (
        *("ads", b"\x03ads\x07example\x00", BELOW, ["lab"]),
    )
    assert (rule.end_s, rule.author, rule.configured) == (1893456000, "configuration", True)


def test_rules_of_a_file_come_after_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULE.format("b", "b") + RULE.format("c", "c"))
    text = '[answers]\nrules_file = "rules.toml"\n' + RULE.format("a", "a")
    config = parse_config(text, str(tmp_path / "h.toml"))
    assert [rule.identity for rule in engine_settings(config).override_rules] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (RULE.format("a", "a"), "2: rule[1].id: 'a' is in the configuration already"),
        (RULE.format("b", "b."), "4: rule[1].name: 'b..example' is not a domain name: it has an empty label"),
        ("[[rules]]\n", '1: rules: unknown section; did you mean "rule"?'),
        ("[[rule]\n", "1: not TOML"),
    ],
)
def test_mistakes_in_a_file_of_rules_have_their_line_there(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    config = parse_config(f'[answers]\nrules_file = "{path}"\n' + RULE.format("a", "a"), "/etc/h.toml")
    with pytest.raises(InputError) as caught:
        engine_settings(config)
    [said] = caught.value.problems
    assert said.startswith(f"{path}:{problem}")


def test_rules_have_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("".join(RULE.format(f"b{at}", f"b{at}") for at in range(OVERRIDE_RULES)))
    config = parse_config(f'[answers]\nrules_file = "{path}"\n' + RULE.format("a", "a"), "/etc/h.toml")
    with pytest.raises(InputError, match="more than 1000 rules in the configuration and its file of rules"):
        engine_settings(config)
