"""The API of a real server: what operators and programs do with it, and what it refuses."""

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer, Reply, running_api
from tests.support.server_process import COMMAND, WAIT_S, is_alive, until

ANCHOR = {"zone": "de", "reason": "wrong key", "author": "ops", "force": True}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_api(tmp_path_factory.mktemp("api"), workers=2) as running:
        yield running


def is_problem(reply: Reply, status: int, words: str, field: str | None = None) -> bool:
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.body["status"] == reply.status and reply.body["title"] and reply.body["type"] == "about:blank"
    return reply.status == status and words in reply.body["detail"] and reply.body.get("field") == field


def command_line(api: ApiServer, *arguments: str, token: Path | None = None) -> subprocess.CompletedProcess[str]:
    place = ["--api", api.url, "--token-file", str(token or api.token_file)]
    return subprocess.run([*COMMAND, *arguments, *place], capture_output=True, text=True, check=False, timeout=WAIT_S)


def test_nothing_fails_because_nobody_reads_the_log(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with running_api(tmp_path, log_to=writing) as api:
        os.close(writing)
        for status, method, path, body in (
            (200, "POST", "/v1/flush", {"name": "example"}),
            (201, "POST", "/v1/nta", ANCHOR),
            (200, "DELETE", "/v1/nta/de?reason=x&author=ops", None),
        ):
            assert api.request(method, path, body).status == status
        (worker,) = api.server.worker_pids()
        os.kill(worker, signal.SIGKILL)
        until(lambda: api.server.worker_pids() not in ([], [worker]))
        assert api.request("GET", "/v1/status").body["restarts"] == 1


# -- what it is for ---------------------------------------------------------------------------------------------------


def test_status_and_counters_are_those_of_the_server(api: ApiServer) -> None:
    status = api.request("GET", "/v1/status")
    assert (status.status, status.body["pid"]) == (200, api.server.process.pid)
    assert status.body["api"]["listeners"] == [f"127.0.0.1:{api.port}"]
    assert status.headers["cache-control"] == "no-store"
    assert "client_queries" in api.request("GET", "/v1/stats").body
    head = api.request("HEAD", "/v1/stats")
    assert (head.status, head.body) == (200, None) and int(head.headers["content-length"]) > 0


def test_a_negative_trust_anchor_lives_its_life(api: ApiServer) -> None:
    made = api.request("POST", "/v1/nta", {**ANCHOR, "lifetime_s": 600})
    assert (made.status, made.headers["location"]) == (201, "/v1/nta/de")
    assert api.server.command({"command": "nta.show", "zone": "de"})["result"]["anchors"][0]["reason"] == "wrong key"
    assert is_problem(api.request("POST", "/v1/nta", ANCHOR), 409, "extend or remove it")
    longer = api.request("PATCH", "/v1/nta/de", {"lifetime_s": 7200, "author": "ops"})
    assert longer.body["anchors"][0]["left_s"] == 7200
    assert [one["zone"] for one in api.request("GET", "/v1/nta").body["anchors"]] == ["de"]
    assert api.request("DELETE", "/v1/nta/de?reason=repaired&author=ops").status == 200
    for method, path, body in (
        ("GET", "/v1/nta/de", None),
        ("PATCH", "/v1/nta/de", {"lifetime_s": 60, "author": "ops"}),
        ("DELETE", "/v1/nta/de?reason=x&author=ops", None),
    ):
        assert is_problem(api.request(method, path, body), 404, "de has no negative trust anchor", "zone")


def test_flush_says_what_was_forgotten_and_where(api: ApiServer) -> None:
    assert api.request("POST", "/v1/flush", {"name": "de", "subtree": True}).body == {"entries": 0, "workers": 2}


def test_names_in_paths_may_have_any_octet(api: ApiServer) -> None:
    made = api.request("POST", "/v1/nta", {**ANCHOR, "zone": r"a/b?\046c.de"})
    assert made.headers["location"] == "/v1/nta/a%2Fb%3F%5C.c.de"
    assert api.request("GET", made.headers["location"]).body["anchors"][0]["zone"] == r"a/b?\.c.de"
    assert api.request("DELETE", made.headers["location"] + "?reason=x&author=ops").status == 200
    assert is_problem(api.request("GET", "/v1/nta/@"), 404, ". has no negative trust anchor", "zone")


def test_override_rules_are_added_rehearsed_moved_and_removed(api: ApiServer) -> None:
    rule = {"action": "records", "name": "a.test", "records": ["A 192.0.2.1"], "reason": "x", "author": "ops"}
    made = api.request("POST", "/v1/rules", rule)
    assert (made.status, made.headers["location"]) == (201, "/v1/rules/r1")
    assert api.request("POST", "/v1/rules", {**rule, "id": "mine", "first": True}).status == 201
    listed = api.request("GET", "/v1/rules").body
    assert [(one["id"], one["hits"]) for one in listed["rules"]] == [("mine", 0), ("r1", 0)]
    assert api.request("GET", made.headers["location"]).body["rules"][0]["records"] == ["60 A 192.0.2.1"]
    moved = api.request("PATCH", "/v1/rules/r1", {"author": "ops", "before": "mine"})
    assert (moved.status, api.request("GET", "/v1/rules?start=1").body["rules"][0]["id"]) == (200, "mine")
    rehearsed = api.request("POST", "/v1/rule-dry-run", {"action": "refuse", "name": "test"})
    assert (rehearsed.status, rehearsed.body["asked"]) == (200, 0)
    wrong = api.request("POST", "/v1/rules", {**rule, "records": ["A 192.0.2"]})
    assert is_problem(wrong, 422, "bad A record", "records")
    assert is_problem(api.request("GET", "/v1/rules/r9"), 404, "there is no rule 'r9'; there are: r1, mine", "id")
    assert is_problem(api.request("POST", "/v1/rules", {**rule, "id": "r1"}), 409, "there is a rule r1 already", "id")
    for one in ("r1", "mine"):
        assert api.request("DELETE", f"/v1/rules/{one}?reason=x&author=ops").status == 200


def test_the_command_line_uses_the_api_as_it_uses_the_socket(api: ApiServer) -> None:
    assert (
        "by ops since" in command_line(api, "nta", "add", "nl", "--reason", "a b", "--author", "ops", "--force").stdout
    )
    assert json.loads(command_line(api, "nta", "show", "nl", "--json").stdout)["result"]["anchors"][0]["zone"] == "nl"
    again = command_line(api, "nta", "add", "nl", "--reason", "x", "--author", "ops", "--force")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "holdfast: nta.add: nl has a negative trust anchor already; extend or remove it\n"
    assert command_line(api, "nta", "remove", "nl", "--reason", "done & dusted").stdout == "nl is validated again\n"
    assert command_line(api, "control", "flush", "de").stdout == "0 entries forgotten in 2 workers\n"


# -- who may, and from where ------------------------------------------------------------------------------------------


def test_the_token_is_a_secret_of_the_server_s_user(api: ApiServer) -> None:
    found = api.token_file.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.geteuid())
    token = api.token_file.read_text().strip()
    assert len(token) >= 43 and token not in api.server.log.read_text()


@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x", "Bearer \xff"],
)
def test_without_the_token_nothing_is_done_or_told(api: ApiServer, given: str | None) -> None:
    token = api.token_file.read_text().strip()
    headers = {} if given is None else {"Authorization": given.format(token=token)}
    for method, path in (("GET", "/v1/status"), ("POST", "/v1/stop"), ("GET", "/v1/nothing")):
        reply = api.request(method, path, None, headers, known=False)
        assert is_problem(reply, 401, "the token is missing or wrong", "Authorization")
        assert reply.headers["www-authenticate"].startswith("Bearer")
    assert api.request("GET", "/v1/openapi.json", known=False).status == 200


def test_a_wrong_token_is_told_to_users_of_the_command_line(api: ApiServer, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("x" * 43)
    wrong.chmod(0o600)
    refused = command_line(api, "control", "status", token=wrong)
    assert (refused.returncode, "does not know the token" in refused.stderr) == (2, True)
    wrong.chmod(0o644)
    refused = command_line(api, "control", "status", token=wrong)
    assert (refused.returncode, "is open to others; chmod 600 it" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"Host": "rebound.example"}, 421, "Host"),
        ({"Host": "127.0.0.1.rebound.example:8053"}, 421, "Host"),
        ({"Host": "["}, 421, "Host"),
        ({"Origin": "http://evil.example"}, 403, "Origin"),
        ({"Origin": "null"}, 403, "Origin"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "Sec-Fetch-Site"),
    ],
)
def test_pages_of_other_sites_get_nowhere(api: ApiServer, headers: dict[str, str], status: int, field: str) -> None:
    reply = api.request("POST", "/v1/nta", ANCHOR, headers)
    assert (reply.status, reply.body["field"]) == (status, field)
    assert "access-control-allow-origin" not in reply.headers
    assert api.request("OPTIONS", "/v1/nta", None, {"Host": f"localhost:{api.port}"}).status == 405
    assert api.request("GET", "/v1/nta/de").status == 404


def test_its_own_pages_may_ask(api: ApiServer) -> None:
    headers = {"Origin": api.url, "Sec-Fetch-Site": "same-origin"}
    assert api.request("GET", "/v1/status", None, headers).status == 200


# -- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words", "field"),
    [
        ("GET", "/v1/nothing", None, 404, "there is nothing here", None),
        ("GET", "/v1/nta/", None, 404, "there is nothing here", None),
        ("PUT", "/v1/nta", {}, 405, "GET, HEAD, POST is", None),
        ("POST", "/v1/nta", b"{", 400, "is not JSON", None),
        ("POST", "/v1/nta", b"\xff", 400, "is not JSON", None),
        ("POST", "/v1/nta", b"[" * 20_000, 400, "is not JSON", None),
        ("POST", "/v1/nta", [], 422, "must be a JSON object", None),
        ("POST", "/v1/nta", {"zone": "de"}, 422, "needs the argument 'reason'", "reason"),
        ("POST", "/v1/nta", {**ANCHOR, "zone": "a..b"}, 422, "is not a domain name", "zone"),
        ("POST", "/v1/nta", {**ANCHOR, "zone": "."}, 422, "that would turn all validation off", "zone"),
        ("POST", "/v1/nta", {**ANCHOR, "lifetime_s": 0}, 422, "must be at least 1", "lifetime_s"),
        ("POST", "/v1/nta", {**ANCHOR, "lifetime_s": None}, 422, "must be of the type int", "lifetime_s"),
        ("POST", "/v1/nta", {**ANCHOR, "lifetime_s": float("nan")}, 400, "is not JSON", None),
        ("POST", "/v1/nta", {**ANCHOR, "loud": 1}, 422, "has no argument 'loud'", "loud"),
        ("POST", "/v1/nta", {**ANCHOR, "command": "stop"}, 422, "no argument 'command'", "command"),
        ("POST", "/v1/nta?zone=de", ANCHOR, 422, "belong into the body", "zone"),
        ("PATCH", "/v1/nta/de", {"zone": "nl"}, 422, "in the path already", "zone"),
        ("DELETE", "/v1/nta/de?author=a&author=b", None, 422, "more than once", "author"),
        ("GET", "/v1/status?loud=1", None, 422, "has no argument 'loud'", "loud"),
        ("GET", "/v1/status?" + "&".join(f"a{n}=1" for n in range(40)), None, 400, "has over 32 fields", None),
        ("POST", "/v1/flush", {"name": "x", "subtree": "true"}, 422, "must be of the type bool", "subtree"),
        ("POST", "/v1/nta", {**ANCHOR, "reason": "x" * 70_000}, 413, "the body may have 65536 octets", None),
    ],
)
def test_what_is_wrong_is_said(
    api: ApiServer, method: str, path: str, body: object, status: int, words: str, field: str | None
) -> None:
    reply = api.request(method, path, body)
    assert is_problem(reply, status, words, field), reply
    if status == 405:
        assert reply.headers["allow"] == "GET, HEAD, POST"


def test_bodies_must_be_json(api: ApiServer) -> None:
    reply = api.request("POST", "/v1/nta", ANCHOR, {"Content-Type": "text/plain"})
    assert is_problem(reply, 415, "must be JSON", "Content-Type")


# -- how it lives and dies --------------------------------------------------------------------------------------------


def test_a_crash_of_the_api_does_not_touch_the_resolver_and_it_comes_back(api: ApiServer) -> None:
    before = api.server.status()
    os.kill(before["api"]["pid"], signal.SIGKILL)
    until(lambda: api.server.status()["api"]["restarts"] == before["api"]["restarts"] + 1)
    until(api.is_up)
    after = api.server.status()
    assert after["api"]["pid"] not in (0, before["api"]["pid"])
    assert [one["pid"] for one in after["workers"]] == [one["pid"] for one in before["workers"]]


def test_a_resolver_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        os.rename(api.server.socket, tmp_path / "elsewhere")
        reply = api.request("GET", "/v1/status")
        assert is_problem(reply, 503, "the resolver does not answer") and reply.headers["retry-after"]
        os.rename(tmp_path / "elsewhere", api.server.socket)
        assert api.request("GET", "/v1/status").status == 200


def test_reload_keeps_the_token_and_stop_ends_all_processes(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        token = api.token_file.read_text()
        first = api.server.status()["api"]["pid"]
        assert api.request("POST", "/v1/reload").body == {"workers": 1}
        until(lambda: api.server.status()["api"]["pid"] not in (0, first))
        until(lambda: not is_alive(first))
        until(api.is_up)
        assert api.token_file.read_text() == token
        second = api.server.status()["api"]["pid"]
        api.server.config.write_text(api.server.config.read_text().replace("enabled = true", "enabled = maybe"))
        assert is_problem(api.request("POST", "/v1/reload"), 409, "the old configuration stays in force")
        assert api.request("POST", "/v1/stop").status == 200
        assert api.server.process.wait(WAIT_S) == 0
        assert not is_alive(second)


def test_the_api_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        pid = api.server.status()["api"]["pid"]
        api.server.process.kill()
        until(lambda: not is_alive(pid))


def test_a_silent_connection_does_not_keep_others_out(api: ApiServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(20)]
    silent[0].sendall(b"GET /v1/status HT")
    assert api.request("GET", "/v1/status").status == 200
    for sock in silent:
        sock.close()


def test_addresses_that_others_reach_are_refused_unless_allowed(tmp_path: Path) -> None:
    config = tmp_path / "holdfast.toml"
    text = f'[server]\nstate_directory = "{tmp_path}"\n[api]\nenabled = true\nlisten = ["192.0.2.1:8053"]\n'
    config.write_text(text)
    refused = subprocess.run([*COMMAND, "check-config", str(config)], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "holdfast.toml:5: api.listen[1]: '192.0.2.1:8053' is not loopback" in refused.stderr
    config.write_text(text + "allow_remote = true\n")
    assert subprocess.run([*COMMAND, "check-config", str(config)], check=False).returncode == 0
