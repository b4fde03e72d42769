"""`holdfast nta check`, the check inside `nta add`, and evidence, against the servers of .de on loopback sockets."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from holdfast.base.effects import TRANSPORT_TCP, TRANSPORT_UDP
from tests.support.de_network import DeNetwork
from tests.support.engine_world import Message
from tests.support.evidence_world import spoil_all, spoil_two_thirds
from tests.support.server_process import COMMAND, WAIT_S, ServerProcess, running_server
from tests.support.signed_world import ede_codes, is_secure

APEX_NSEC3 = "a0d5d1p51kijsevll74k523htmq406bk.de"


def nta(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "nta", *arguments, "--socket", str(server.socket)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


def told(server: ServerProcess, command: str, **arguments: object) -> dict[str, Any]:
    """The reply to a command about `de`, over the control socket."""
    return server.command({"command": f"nta.{command}", "zone": "de", **arguments})


def report(server: ServerProcess, **arguments: object) -> dict[str, Any]:
    done = told(server, "check", **arguments)
    assert done["ok"], done
    result = done["result"]
    assert isinstance(result, dict)
    return result


def ask(server: ServerProcess, name: str) -> Message:
    query = dns.message.make_query(name, "A", want_dnssec=True)
    return dns.query.udp(query, "127.0.0.1", port=server.port, timeout=WAIT_S)


@contextmanager
def de_server(folder: Path, network: DeNetwork, more: str = "", kept: bool = True) -> Iterator[ServerProcess]:
    """A server with two workers in the network, before the break; some names below de are cached."""
    network.at(network.outage.broken_s - 60)
    state = f"state_directory = {json.dumps(str(folder))}\n" if kept else ""
    with running_server(folder, workers=2, more=state, network=network.configuration(folder, more)) as server:
        for name in [*network.names(True)[:4], *network.names(False)[:4]]:
            for _ in range(4):
                ask(server, name)
        yield server


@contextmanager
def vantage_point(folder: Path, network: DeNetwork) -> Iterator[str]:
    """A resolver that sees the network over other paths; yields how it is written in a configuration."""
    place = folder / "elsewhere"
    place.mkdir()
    with running_server(place, network=network.configuration(place, internet=network.elsewhere)) as server:
        yield f"tunnel://127.0.0.1:{server.port}"


@pytest.fixture
def network() -> Iterator[DeNetwork]:
    made = DeNetwork()
    with made.running():
        yield made


def test_issue4_check_and_add_during_the_outage_of_de_and_the_evidence_again_offline(
    network: DeNetwork, tmp_path: Path
) -> None:
    with vantage_point(tmp_path, network) as elsewhere, de_server(tmp_path, network) as server:
        refused = nta(server, "add", "de", "--reason", "rumours", "--author", "ops")
        assert refused.returncode == 1 and refused.stdout == ""
        assert "nta.add: de: the check says fine: everything that 6 of 6 servers said verifies" in refused.stderr
        assert "none is needed; if names still fail, look at the zones below" in refused.stderr
        assert server.command({"command": "nta.list"})["result"]["anchors"] == []
        network.at(network.outage.broken_s + 60)
        fresh = network.names(False)[9]
        assert ede_codes(ask(server, fresh)) == [6]
        checked = report(server, names=fresh, vantage_points=[elsewhere])
        assert (checked["verdict"], checked["vantage_points"]) == ("registry failure", 1)
        assert any("octet for octet" in reason and "TUNNEL" in reason for reason in checked["reasons"])
        assert any(f"{APEX_NSEC3}/NSEC3 (keytag=33834), at all 6 servers" in reason for reason in checked["reasons"])
        assert [one["state"] for one in checked["servers"]] == ["dirty"] * 6
        add = ("add", "de", "--reason", "wrong key", "--author", "ops")
        refused = nta(server, *add)
        assert refused.returncode == 1 and "undecidable: it looks like a mistake of the registry; " in refused.stderr
        assert "`holdfast nta check de --vantage-point tls://" in refused.stderr
        added = nta(server, *add, "--vantage-point", elsewhere)
        assert (added.returncode, added.stderr) == (0, "") and "evidence: de." in added.stdout
        answer = ask(server, fresh)
        assert answer.answer and 33 in ede_codes(answer) and not is_secure(answer)
        again = nta(server, "evidence", "de")
        assert again.returncode == 0 and again.stdout.startswith("de: registry failure (")
        assert f"{APEX_NSEC3}/NSEC3  33834" in again.stdout
        lines = (tmp_path / "negative-trust-anchors.jsonl").read_text().splitlines()
        name = json.loads(lines[-1])["evidence"]
        shown = nta(server, "show", "de").stdout
        assert f"evidence: {name}" in shown and "answers without it: " in shown
    file = tmp_path / "evidence" / name
    replayed = subprocess.run([*COMMAND, "nta", "evidence", str(file)], capture_output=True, text=True, check=False)
    assert (replayed.returncode, replayed.stdout) == (0, again.stdout), "without the server, in another process"
    with de_server(tmp_path, network) as server:
        assert told(server, "show")["result"]["anchors"][0]["evidence"] == name, "a restart keeps the reference"


@contextmanager
def stranger(folder: Path, network: DeNetwork) -> Iterator[ServerProcess]:
    """A server that has never seen the network."""
    folder.mkdir()
    with running_server(folder, network=network.configuration(folder)) as server:
        yield server


def test_issue4_a_forger_on_the_path_to_this_resolver_does_not_get_an_anchor(
    network: DeNetwork, tmp_path: Path
) -> None:
    def forge(wire: bytes, transport: int) -> bytes:
        message = dns.message.from_wire(wire, ignore_trailing=True)
        if transport in forged:
            spoiling[0](message)
        return message.to_wire(max_size=65535)

    spoiling = [spoil_all]
    with (
        vantage_point(tmp_path, network) as elsewhere,
        de_server(tmp_path, network, kept=False) as server,
        stranger(tmp_path / "stranger", network) as new,
    ):
        network.forge = forge
        for spoiling[0] in (spoil_all, spoil_two_thirds):
            forged = {TRANSPORT_UDP}
            assert report(server)["verdict"] in ("attack", "path problem")
            forged.add(TRANSPORT_TCP)
            for one, verdict in ((server, "attack"), (new, "undecidable")):
                checked = report(one)
                assert checked["verdict"] == verdict, checked["reasons"]
                assert checked["evidence"] == "", "there is nowhere to keep it"
                refused = told(one, "add", reason="names fail", author="ops")
                assert refused["kind"] == "conflict" and "nta.add: de: the check says" in refused["error"]
            checked = report(new, vantage_points=[elsewhere])
            assert checked["verdict"] == "path problem", checked["reasons"]
        for values in ({}, {"vantage_points": [elsewhere]}):
            assert server.command({"command": "nta.list"})["result"]["anchors"] == []
            refused = told(server, "add", reason="x", author="ops", confirmed="by phone", **values)
            assert refused["kind"] == "conflict", "what looks like an attack is none by word of mouth"
        assert told(server, "add", reason="x", author="ops", force=True)["ok"]
        missing = nta(server, "evidence", "de")
        assert missing.returncode == 2 and "no evidence is kept for de: it was forced" in missing.stderr


def test_an_operator_who_asked_the_registry_says_so_and_it_is_journalled_with_the_evidence(
    network: DeNetwork, tmp_path: Path
) -> None:
    with de_server(tmp_path, network) as server:
        add = ("add", "de", "--reason", "wrong key", "--author", "ops", "--confirmed", "status page of DENIC")
        refused = nta(server, *add)
        assert refused.returncode == 1 and "the check says fine" in refused.stderr
        network.at(network.outage.broken_s + 60)
        assert nta(server, *add).returncode == 0
        line = json.loads((tmp_path / "negative-trust-anchors.jsonl").read_text().splitlines()[-1])
        assert line["confirmed"] == "status page of DENIC" and line["evidence"].startswith("de.")
        assert "  confirmed: status page of DENIC\n" in nta(server, "show", "de").stdout
    with de_server(tmp_path, network) as server:
        assert told(server, "show")["result"]["anchors"][0]["confirmed"] == "status page of DENIC"


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"vantage_points": ["dns.example"]}, "is not an IP address"),
        ({"vantage_points": ["https://192.0.2.1"]}, "is no vantage point: write"),
        ({"vantage_points": [f"192.0.2.{number}" for number in range(9)]}, "9 are too many; 8 at most"),
        ({"confirmed": " "}, "how it was confirmed is empty"),
    ],
)
def test_what_is_no_vantage_point_and_no_confirmation_is_told(
    tmp_path: Path, values: dict[str, Any], wrong: str
) -> None:
    with running_server(tmp_path) as server:
        refused = told(server, "add", reason="x", author="ops", **values)
        assert not refused["ok"] and wrong in refused["error"]


def test_other_commands_are_answered_while_a_check_waits_for_silent_servers(network: DeNetwork, tmp_path: Path) -> None:
    with de_server(tmp_path, network) as server, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as check:
        network.forge = lambda _wire, _transport: None
        check.connect(str(server.socket))
        check.sendall(b'{"command": "nta.check", "zone": "de"}\n')
        for _ in range(5):
            assert server.command({"command": "nta.list"})["ok"]
            assert ask(server, network.names(True)[0]).answer
            assert server.command({"command": "stats"})["ok"]
        check.setblocking(False)
        with pytest.raises(BlockingIOError):  # it is not answered yet
            check.recv(1)


def test_what_is_no_zone_is_told(network: DeNetwork, tmp_path: Path) -> None:
    with de_server(tmp_path, network) as server:
        for zone, wrong in (("nothing.such.de", "is not a zone that can be asked"), ("a..b", "is not a domain name")):
            refused = told(server, "check", zone=zone)
            assert not refused["ok"] and wrong in refused["error"]


@pytest.mark.parametrize(("scheme", "verdict"), [("tunnel://", "registry failure"), ("", "undecidable")])
def test_a_configured_vantage_point_is_asked_and_decides_only_over_a_protected_way(
    network: DeNetwork, tmp_path: Path, scheme: str, verdict: str
) -> None:
    with vantage_point(tmp_path, network) as elsewhere:
        place = scheme + elsewhere.removeprefix("tunnel://")
        with de_server(tmp_path, network, f'[negative_trust_anchors]\nvantage_points = ["{place}"]\n') as server:
            network.at(
                network.outage.broken_s + 60
            )  # before the vantage point is asked: in its cache all would be well
            checked = report(server)
            assert (checked["verdict"], checked["vantage_points"]) == (verdict, 1), checked["reasons"]


# -- malformed evidence ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "wrong"),
    [
        (b"", "not an evidence bundle: it is not JSON"),
        (b"{}", "not an evidence bundle: format: must be a text"),
        (b'{"format": "holdfast evidence", "version": 9}', "version: this program reads version 1, not 9"),
    ],
)
def test_issue4_malformed_evidence_is_refused_with_exit_code_2(tmp_path: Path, octets: bytes, wrong: str) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(octets)
    done = subprocess.run([*COMMAND, "nta", "evidence", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"holdfast: {file}: ") and wrong in done.stderr


def test_evidence_that_is_not_there_is_told(tmp_path: Path) -> None:
    for what, wrong in ((str(tmp_path / "none.json"), "No such file"), ("de", "say which server")):
        done = subprocess.run([*COMMAND, "nta", "evidence", what], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and wrong in done.stderr
