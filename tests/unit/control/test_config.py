"""The configuration file: every mistake is reported at once, with file, line, key, reason and the nearest valid key."""

from pathlib import Path

import pytest

from holdfast.control.config import Config, parse_config, read_config
from holdfast.control.problems import InputError


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_config(text, "/etc/h.toml")
    return list(caught.value.problems)


RULE = '[[rule]]\nid = "one"\nname = "a.example"\nreason = "x"\n'


def test_an_empty_file_is_the_defaults() -> None:
    assert parse_config("", "/etc/h.toml") == Config()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[cach]\n", '1: cach: unknown section; did you mean "cache"?'),
        ("[cache]\nsize_mb = 3\n", '2: cache.size_mb: unknown key; did you mean "size_mib"?'),
        ("[cache]\n\nipv4 = true\n", '3: cache.ipv4: unknown key; did you mean "upstream.ipv4"?'),
        ("workers = 2\n", '1: workers: unknown section; did you mean "server.workers"?'),
        ('[[stub_zone]]\nname = "a."\nserver = []\n', '3: stub_zone[1].server: unknown key; did you mean "servers"?'),
        ('[cache]\nprefetch = "yes"\n', '2: cache.prefetch: must be true or false, not "yes"'),
        ("[cache]\nprefetch = 1\n", "2: cache.prefetch: must be true or false, not 1"),
        ("[cache]\nsize_mib = true\n", "2: cache.size_mib: must be a whole number, not true"),
        ("[cache]\nsize_mib = 1.5\n", "2: cache.size_mib: must be a whole number, not 1.5"),
        ("[cache]\nsize_mib = 0\n", "2: cache.size_mib: must be at least 1, not 0"),
        ("[cache]\nsize_mib = {}\n", "2: cache.size_mib: must be a whole number, not a table"),
        ("[upstream]\nedns_buffer_octets = 9999\n", "2: upstream.edns_buffer_octets: must be at most 4096, not 9999"),
        ("[server]\nuser = 1\n", "2: server.user: must be a text in quotes, not 1"),
        (
            '[[client_group]]\nname = "Mail!"\nprefixes = ["::/0"]\n',
            "2: client_group[1].name: 'Mail!' is not a plain name: letters a-z, digits and hyphens, at most 32 in all",
        ),
        ('[[client_group]]\nname = "a"\n', "1: client_group[1].prefixes: is required"),
        (
            '[[client_group]]\nname = "a"\nprefixes = ["10.0.0.1"]\nvalidation = "never"\n',
            "4: client_group[1].validation: must be 'normal' or 'strict', not \"never\"",
        ),
        (
            '[[client_group]]\nname = "a"\nprefixes = ["::/0"]\n[[client_group]]\nname = "a"\nprefixes = ["::1"]\n',
            "5: client_group[2].name: 'a' is the name of client_group[1] already",
        ),
        (
            '[[client_group]]\nname = "a"\nprefixes = ["::/0"]\n[[client_group]]\nname = "b"\nprefixes = ["::/0"]\n',
            "6: client_group[2].prefixes[1]: '::/0' belongs to client_group[1] already",
        ),
        (
            '[[service]]\nname = "default"\nlisten = ["192.0.2.1"]\n',
            "2: service[1].name: 'default' is the service of server.listen",
        ),
        ('[[service]]\nname = "family"\nlisten = []\n', "3: service[1].listen: must have at least 1 item"),
        (
            '[[service]]\nname = "family"\nlisten = ["127.0.0.1:53"]\n',
            "3: service[1].listen[1]: '127.0.0.1:53' is server.listen[1] already",
        ),
        (
            "".join(f'[[service]]\nname = "s{at}"\nlisten = ["192.0.2.{at}"]\n' for at in range(16)),
            "1: service: must have at most 15 items",
        ),
        (
            RULE + 'action = "nxdomian"\n',
            "5: rule[1].action: must be one of pass, bogus, refuse, nxdomain, nodata, records, cname, forward, "
            "no-stale, force-stale, insecure, not 'nxdomian'; did you mean 'nxdomain'?",
        ),
        (RULE, "1: rule[1].action: is required"),
        (RULE + 'action = "cname"\n', "1: rule[1].target: is required"),
        (RULE + 'action = "cname"\ntargets = 1\n', '6: rule[1].targets: unknown key; did you mean "target"?'),
        (
            RULE + 'action = "records"\nrecords = [\n"A 192.0.2"]\n',
            "6: rule[1].records: 'A 192.0.2': bad A record: Text input is malformed.",
        ),
        (
            RULE + 'action = "pass"\nuntil = "tomorrow"\n',
            "6: rule[1].until: 'tomorrow' is not a time such as 2026-05-06T00:00:00Z",
        ),
        (RULE + 'action = "pass"\nauthor = ""\n', "6: rule[1].author: the author is empty"),
        (
            RULE
            + 'action = "pass"\nclient_groups = ["scool"]\n[[client_group]]\nname = "school"\nprefixes = ["::/0"]\n',
            "6: rule[1].client_groups: there is no client group 'scool'; did you mean 'school'?",
        ),
        (
            f'{RULE}action = "pass"\n{RULE}action = "pass"\n',
            "7: rule[2].id: 'one' is rule[1] already",
        ),
        ("[server]\nlisten = []\n", "2: server.listen: must have at least 1 item"),
        ('[server]\nlisten = "::1"\n', '2: server.listen: must be a list such as [1, 2], not "::1"'),
        ("server = 1\n", "1: server: must be a section, not 1"),
        ("stub_zone = 1\n", "1: stub_zone: must be a list such as [1, 2], not 1"),
        (
            '[server]\nlisten = [\n  "::1",\n  "localhost",\n]\n',
            "2: server.listen[2]: 'localhost' is not an IP address; write 192.0.2.1:53 or [2001:db8::1]:53",
        ),
        (
            '[access]\nallow = ["10.0.0.1/8"]\n',
            "2: access.allow[1]: '10.0.0.1/8' has bits beyond its length; did you mean '10.0.0.0/8'?",
        ),
        (
            '[validation]\ninsecure_zones = ["a..b"]\n',
            "2: validation.insecure_zones[1]: 'a..b' is not a domain name: it has an empty label",
        ),
        (
            "[validation]\nalgorithms = [8, 3]\n",
            "2: validation.algorithms[2]: must be 5, 7, 8, 10, 13, 14, 15 or 16, not 3",
        ),
        (
            '[validation]\ntrust_anchors = [". DS 1 2 3"]\n',
            "2: validation.trust_anchors[1]: bad DS record: expecting another identifier",
        ),
        ('[log]\nlevel = "loud"\n', "2: log.level: must be 'debug', 'info', 'warning' or 'error', not \"loud\""),
        ("[[forward_zone]]\nservers = []\n", "1: forward_zone[1].name: is required"),
        ('[[forward_zone]]\nname = "."\n', "1: forward_zone[1].servers: is required (or server_names)"),
        (
            '[[stub_zone]]\nname = "a"\nservers = ["::1"]\n[[stub_zone]]\nservers = ["::1"]\nname = "A."\n',
            "6: stub_zone[2].name: 'A.' is configured already by stub_zone[1]",
        ),
        ("[cache]\nminimum_ttl_s = 9\nmaximum_ttl_s = 8\n", "2: cache.minimum_ttl_s: is above cache.maximum_ttl_s (8)"),
        (
            "[cache]\nnegative_minimum_ttl_s = 9\nnegative_maximum_ttl_s = 8\n",
            "2: cache.negative_minimum_ttl_s: is above cache.negative_maximum_ttl_s (8)",
        ),
        ('[access]\ndeny = ["::1"]\n', "2: access.deny[1]: '::1' is in access.allow too"),
        (
            "[upstream]\nipv4 = false\nipv6 = false\n",
            "3: upstream.ipv6: upstream.ipv4 and upstream.ipv6 are both false: no server can be asked",
        ),
        ("[cache\n", "1: not TOML: Expected ']' at the end of a table declaration"),
        ("a = 1\na = 2\n", "2: not TOML: Cannot overwrite a value"),
    ],
)
def test_one_mistake(text: str, problem: str) -> None:
    assert problems(text) == [f"/etc/h.toml:{problem}"]


def test_all_mistakes_at_once_in_the_order_of_the_file() -> None:
    text = "[cache]\nprefetch = 1\nfoo = 1\n[log]\nlevel = 2\n[access]\nallow = 3\n"
    assert [problem.split(":")[1] for problem in problems(text)] == ["2", "3", "5", "7"]


def test_file_names_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text('[server]\nstate_directory = "state"\n[upstream]\nroot_hints_file = "/etc/hints"\n')
    config = read_config(str(path))
    assert config.server.state_directory == str(tmp_path / "state")
    assert config.upstream.root_hints_file == "/etc/hints"
    assert config.validation.trust_anchor_file == ""


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_config(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_config(str(tmp_path / "latin.toml"))
