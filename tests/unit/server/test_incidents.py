"""Incidents of a server: what its workers see together, what it says and logs, who is called, and what ends it."""

import json
import subprocess
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest
from structlog.testing import capture_logs

from holdfast.sentinel.observation import Observation, to_values
from holdfast.sentinel.paging import AGAIN_S
from holdfast.sentinel.suspicion import SILENT_S
from holdfast.server import change_journal, incidents
from holdfast.server.commands import CommandError, check_request
from holdfast.server.incidents import FILE_NAME, SHOWN, IncidentDesk
from holdfast.server.lines import LINE_OCTETS, encode
from tests.support.broken_network import broken_network
from tests.support.seen_zones import APEX, START_S, failures, seen
from tests.support.server_process import COMMAND, WAIT_S, ServerProcess, running_server, until


class Desk:
    """A desk, the clock on its wall, and until when everything is covered by an anchor."""

    def __init__(self, directory: Path | None = None) -> None:
        self.now_s = START_S
        self.covered_until_s = 0
        self.directory = directory
        self.restart()

    def restart(self) -> None:
        """Another process, with what is on the disk."""
        self.desk = IncidentDesk(lambda _zone: self.covered_until_s, self.directory, lambda: self.now_s)

    def take(self, observation: Observation) -> None:
        """What a worker sends."""
        self.desk.take(to_values(observation))

    def do(self, command: str, **arguments: object) -> dict[str, Any]:
        """Check and carry out a command."""
        values = {"command": f"incident.{command}", **arguments}
        check_request(values)
        return self.desk.answer(values)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as entries:
        yield entries


def test_workers_see_together_what_none_of_them_sees_alone(logged: list[MutableMapping[str, Any]]) -> None:
    desk = Desk()
    for worker in range(2):
        assert desk.desk.summary() == []
        desk.take(seen("de", 1, failures(*(f"x{worker}-{n}.de" for n in range(4)))))
    (open_incident,) = desk.desk.summary()
    assert (open_incident["zone"], open_incident["subject"], open_incident["key_tag"]) == ("de", APEX, 33834)
    assert [one["event"] for one in logged] == ["incident", "page"]
    assert "keytag=33834" in logged[0]["text"]
    assert "holdfast nta check de" in logged[1]["todo"]


def broken(directory: Path | None = None) -> Desk:
    desk = Desk(directory)
    desk.take(seen("de", 0, failures(*(f"x{n}.de" for n in range(8)))))
    return desk


def pages(logged: list[MutableMapping[str, Any]]) -> int:
    return sum(one["event"] == "page" for one in logged)


def test_pages_are_repeated_until_an_anchor_covers_the_zone(logged: list[MutableMapping[str, Any]]) -> None:
    desk = broken()
    desk.now_s += AGAIN_S
    desk.desk.expire()
    assert pages(logged) == 2
    desk.covered_until_s = START_S + 86400
    desk.now_s += AGAIN_S
    desk.desk.expire()
    assert pages(logged) == 2
    shown = desk.do("show", number=1)["incidents"][0]
    assert (shown["pages"], shown["covered_until_s"]) == (2, START_S + 86400)


def test_who_acknowledges_is_not_called_again(logged: list[MutableMapping[str, Any]]) -> None:
    desk = broken()
    assert desk.do("acknowledge", number=1, author="ops")["incidents"][0]["acknowledged"]
    desk.now_s += AGAIN_S
    desk.desk.expire()
    assert pages(logged) == 1


def test_an_incident_that_is_over_is_listed_but_not_open(logged: list[MutableMapping[str, Any]]) -> None:
    desk = broken()
    desk.take(seen("de", 200))
    assert desk.desk.summary() == []
    assert desk.do("list")["incidents"][0]["closed_s"] == START_S
    assert logged[-1]["event"] == "incident over"
    with pytest.raises(CommandError, match="incident 1 is over"):
        desk.do("acknowledge", number=1, author="ops")


# -- restarts ----------------------------------------------------------------------------------------------------------


def shown(desk: Desk) -> dict[str, Any]:
    (incident,) = desk.do("show", number=1)["incidents"]
    return dict(incident)


def test_a_restart_goes_on_with_an_open_incident_and_calls_nobody_sooner(
    tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    desk = broken(tmp_path)
    before = shown(desk)
    desk.now_s += AGAIN_S // 2
    desk.restart()
    desk.desk.expire()
    after = shown(desk)
    assert {**after, "children": before["children"]} == before and after["closed_s"] == 0
    assert pages(logged) == 1
    desk.now_s += AGAIN_S // 2
    desk.desk.expire()
    assert pages(logged) == 2 and shown(desk)["pages"] == 2
    desk.take(seen("de", 0, failures("x1.de")))
    assert shown(desk)["failed"] == before["failed"] + 1
    desk.take(seen("de", 200))
    assert shown(desk)["closed_s"] == desk.now_s and logged[-1]["event"] == "incident over"
    desk.restart()
    assert desk.desk.summary() == [] and shown(desk)["closed_s"] == desk.now_s
    desk.take(seen("de", 0, failures(*(f"x{n}.de" for n in range(8)))))
    assert shown(desk)["reopened"] == 1, "the same incident goes on, also after a restart"
    desk.take(seen("nl", 0, failures(*(f"x{n}.nl" for n in range(8)))))
    assert [one["number"] for one in desk.do("list")["incidents"]] == [2, 1]


def test_a_restart_does_not_forget_who_has_taken_an_incident_on(
    tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    desk = broken(tmp_path)
    desk.do("acknowledge", number=1, author="ops")
    desk.restart()
    desk.now_s += 2 * AGAIN_S
    desk.desk.expire()
    assert pages(logged) == 1 and shown(desk)["acknowledged"]
    lines = [json.loads(line) for line in (tmp_path / FILE_NAME).read_text().splitlines()]
    assert [(one["action"], one["by"]) for one in lines] == [
        ("open", "detector"),
        ("page", "detector"),
        ("acknowledge", "ops"),
    ]


def test_a_zone_that_nobody_asks_about_after_a_restart_is_not_broken_for_ever(tmp_path: Path) -> None:
    desk = broken(tmp_path)
    desk.restart()
    desk.now_s += SILENT_S
    desk.desk.expire()
    assert desk.desk.summary() == []


DAMAGE: list[dict[str, Any]] = [
    {"number": "1"},
    {"zone": "a..b"},
    {"zone": 1},
    {"kind": "slow"},
    {"reason": [1]},
    {"reason": [1, 2, 3, 4, 5]},
    {"servers": ["xyz"]},
    {"examples": 3},
    {"powers_of_ten": []},
]


@pytest.mark.parametrize("damage", [*DAMAGE, None])
def test_a_damaged_line_is_told_and_left_out(
    tmp_path: Path, damage: dict[str, Any] | None, logged: list[MutableMapping[str, Any]]
) -> None:
    desk = broken(tmp_path)
    file = tmp_path / FILE_NAME
    line = json.loads(file.read_text().splitlines()[-1])
    wrong = {**line, "pages": "many"} if damage is None else {**line, "incident": {**line["incident"], **damage}}
    file.write_bytes(encode(wrong))
    desk.restart()
    assert desk.do("list")["incidents"] == []
    assert "a line of the journal of incidents is damaged" in logged[-1]["event"]


def test_the_journal_has_a_length_and_keeps_the_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_journal, "JOURNAL_OCTETS", 20_000)
    desk = broken(tmp_path)
    for _ in range(200):
        desk.now_s += AGAIN_S * 10
        desk.take(seen("de", 0, failures("x1.de")))
    assert (tmp_path / FILE_NAME).stat().st_size < 25_000
    before = shown(desk)
    desk.restart()
    assert {**shown(desk), "children": before["children"]} == {**before, "failed": shown(desk)["failed"]}
    assert shown(desk)["pages"] == before["pages"] > 100


def test_what_happened_last_is_kept_however_old_the_incident_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "INCIDENTS_REMEMBERED", 3)
    desk = broken(tmp_path)
    for zone in ("nl", "se"):
        desk.take(seen(zone, 0, failures(*(f"x{n}.{zone}" for n in range(8)))))
    desk.do("acknowledge", number=1, author="ops")
    desk.take(seen("fr", 0, failures(*(f"x{n}.fr" for n in range(8)))))
    desk.restart()
    assert [one["number"] for one in desk.do("list")["incidents"]] == [4, 3, 1]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"number": 7}, "there is no incident 7"),
        ({"number": 0}, "number must be at least 1"),
        ({"number": "1"}, "number must be of the type int"),
        ({}, "needs the argument 'number'"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, Any], wrong: str) -> None:
    with pytest.raises(CommandError, match=wrong):
        broken().do("show", **arguments)


def test_replies_fit_into_a_line_however_long_names_are() -> None:
    desk = Desk()
    for number in range(SHOWN + 3):
        labels = ["\\001" * 60] * 3 + [f"\\002{number:03d}"]
        zone = ".".join(labels)
        desk.take(seen(zone, 0, failures(*(f"x{n}.{zone}" for n in range(8)))))
    for command, arguments in (("list", {}), ("show", {"number": 1})):
        assert len(encode({"ok": True, "result": desk.do(command, **arguments)})) < LINE_OCTETS
    assert len(desk.do("list")["incidents"]) == len(desk.desk.summary()) == SHOWN


# -- a server ----------------------------------------------------------------------------------------------------------


def incident(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "incident", *arguments, "--socket", str(server.socket)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


def test_a_server_with_two_workers_notices_shows_and_proposes(tmp_path: Path) -> None:
    state = f'state_directory = "{tmp_path}"'
    with (
        broken_network(tmp_path) as network,
        running_server(tmp_path, workers=2, more=state, network=network) as server,
    ):
        assert server.status()["incidents"] == []
        for number in range(8):
            query = dns.message.make_query(f"x{number}.example", "A", want_dnssec=True)
            answer = dns.query.udp(query, "127.0.0.1", port=server.port, timeout=WAIT_S)
            assert answer.rcode() == dns.rcode.SERVFAIL
        until(lambda: len(server.status()["incidents"]) == 1)
        control = [*COMMAND, "control", "status", "--socket", str(server.socket)]
        status = subprocess.run(control, capture_output=True, text=True, check=True, timeout=WAIT_S).stdout
        assert "broken: example since " in status and "signatures do not verify: " in status
        assert "example since " in incident(server, "list").stdout
        shown = incident(server, "show", "1").stdout
        assert ": holdfast nta add example --lifetime 4h" in shown
        assert "acknowledged" in incident(server, "acknowledge", "1", "--author", "ops").stdout
        refused = incident(server, "show", "2")
        assert (refused.returncode, refused.stderr) == (1, "holdfast: there is no incident 2\n")
        asked = json.loads(incident(server, "show", "1", "--json").stdout)["result"]["incidents"][0]
        assert asked["proposal"]["zone"] == "example"
        assert "signatures do not verify" in server.log.read_text()
    with running_server(tmp_path, more=state) as server:  # a restart, and nobody asks for the zone
        asked = json.loads(incident(server, "show", "1", "--json").stdout)["result"]["incidents"][0]
        assert (asked["zone"], asked["closed_s"], asked["acknowledged"]) == ("example", 0, True)
        assert [one["number"] for one in server.status()["incidents"]] == [1]
