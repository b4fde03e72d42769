"""The list of negative trust anchors: what it takes, its journal, and a server with two workers that obeys it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest
from structlog.testing import capture_logs

from holdfast.base.limits import (
    ANCHOR_REASON_CHARACTERS,
    NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S,
    NEGATIVE_TRUST_ANCHORS,
)
from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR, type_name
from holdfast.dns.name import to_text
from holdfast.dnssec.anchor_scope import SECURING_TYPES
from holdfast.server import change_journal
from holdfast.server.commands import CommandError, check_request
from holdfast.server.lines import LINE_OCTETS, encode
from holdfast.server.negative_trust_anchors import FILE_NAME, NegativeTrustAnchorList
from tests.support.broken_network import broken_network
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import Message
from tests.support.server_process import COMMAND, WAIT_S, ServerProcess, running_server, until
from tests.support.signed_world import ede_codes, ede_texts, is_secure

START_S = 1_778_000_000


class Office:
    """A list of anchors and the clock on its wall."""

    def __init__(self, directory: Path | None) -> None:
        self.now_s = float(START_S)
        self.directory = directory
        self.restart()

    def restart(self) -> None:
        """What a new supervisor knows."""
        self.anchors = NegativeTrustAnchorList(self.directory, lambda: self.now_s)

    def do(self, command: str, **arguments: object) -> dict[str, Any]:
        """Check and carry out a command; returns what the workers are told, or what the user is shown."""
        values = {"command": f"nta.{command}", **arguments}
        check_request(values)
        if command in ("list", "show"):
            return self.anchors.show(values)
        settings = EngineSettings()
        settings.insecure_zones = [wire_name("corp.example")]
        settings.trust_anchors = [TrustAnchorSetting(wire_name("island.example"), [], [], False, "")]
        self.change = self.anchors.change(values, settings)
        return self.change.request

    def add(self, zone: str = "de", **more: object) -> dict[str, Any]:
        """Add one with everything that is needed."""
        return self.do("add", zone=zone, reason="wrong key", author="ops", **more)

    def zones(self) -> list[str]:
        """What is in force."""
        return [to_text(one.zone) for one in self.anchors.in_force()]


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged meanwhile; other tests may have pointed the log to where nothing can be written any more."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def journal(office: Office) -> list[dict[str, Any]]:
    assert office.directory is not None
    return [json.loads(line) for line in (office.directory / FILE_NAME).read_text().splitlines()]


# -- what it takes -----------------------------------------------------------------------------------------------------


def test_an_anchor_holds_for_an_hour_unless_said_otherwise(office: Office) -> None:
    assert office.add() == {
        "command": "nta.put",
        "zone": "de",
        "reason": "wrong key",
        "author": "ops",
        "start_s": START_S,
        "end_s": START_S + 3600,
        "except_types": [type_name(rtype) for rtype in SECURING_TYPES],
        "below": "strict",
    }
    assert office.add("nl", lifetime_s=60)["end_s"] == START_S + 60
    assert office.zones() == ["de", "nl"]


def test_extending_counts_from_now_and_keeps_who_began_it_and_why(office: Office) -> None:
    office.add()
    office.now_s += 1800
    told = office.do("extend", zone="DE.", lifetime_s=7200, author="night shift")
    assert told["command"] == "nta.put"
    assert (told["author"], told["reason"], told["start_s"]) == ("ops", "wrong key", START_S)
    assert told["end_s"] == START_S + 1800 + 7200


def test_rfc7646_3_users_are_warned_of_one_that_disables_a_trust_anchor(office: Office) -> None:
    office.add()
    assert "warning" not in office.change.result
    office.add("island.example")
    assert "island.example has a trust anchor of its own" in office.change.result["warning"]


def test_one_that_is_removed_or_has_ended_is_gone(office: Office) -> None:
    office.add()
    assert office.do("remove", zone="de", reason="repaired", author="ops")["command"] == "nta.drop"
    assert office.zones() == []
    office.add(lifetime_s=60)
    office.now_s += 60
    assert office.zones() == []
    with pytest.raises(CommandError, match="de has no negative trust anchor; there are: none"):
        office.do("show", zone="de")
    office.add()


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"zone": "a..b"}, "is not a domain name"),
        ({"zone": "."}, "the root: that would turn all validation off"),
        ({"zone": "corp.example"}, "is insecure by configuration"),
        ({"zone": "nl"}, "has a negative trust anchor already; extend or remove it"),
        ({"zone": None}, "zone must be of the type str"),
        ({"reason": " "}, "the reason is empty"),
        ({"reason": ...}, "needs the argument 'reason'"),
        ({"reason": "x" * (ANCHOR_REASON_CHARACTERS + 1)}, "the reason is longer than 120 characters"),
        ({"reason": "two\nlines"}, "the reason has characters that cannot be printed"),
        ({"author": ""}, "the author is empty"),
        ({"lifetime_s": 0}, "lifetime_s must be at least 1, not 0"),
        ({"lifetime_s": NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S + 1}, "lifetime_s must be at most 604800"),
        ({"lifetime_s": "1h"}, "lifetime_s must be of the type int"),
        ({"lifetime_s": True}, "lifetime_s must be of the type int"),
        ({"depth": "all"}, "has no argument 'depth'"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(office: Office, arguments: dict[str, object], wrong: str) -> None:
    office.add("nl")
    lines = journal(office)
    with pytest.raises(CommandError, match=wrong.replace(".", r"\.")):
        given = {"zone": "de", "reason": "wrong key", "author": "ops", **arguments}
        office.do("add", **{name: value for name, value in given.items() if value is not ...})
    assert office.zones() == ["nl"] and journal(office) == lines


@pytest.mark.parametrize("command", ["show", "extend", "remove"])
def test_others_need_one_that_is_there(office: Office, command: str) -> None:
    office.add("nl")
    more: dict[str, object] = {
        "show": {},
        "extend": {"lifetime_s": 60, "author": "ops"},
        "remove": {"reason": "x", "author": "ops"},
    }[command]  # type: ignore[assignment]
    with pytest.raises(CommandError, match="de has no negative trust anchor; there are: nl"):
        office.do(command, zone="de", **more)


def test_their_number_is_limited_and_all_fit_into_one_reply(office: Office) -> None:
    for number in range(NEGATIVE_TRUST_ANCHORS):
        label = "x" * 60
        office.do("add", zone=f"z{number}.{label}.{label}", reason="r" * ANCHOR_REASON_CHARACTERS, author="a" * 64)
    with pytest.raises(CommandError, match="as many as may be"):
        office.add()
    assert len(encode(office.do("list"))) < LINE_OCTETS // 2


# -- the journal -------------------------------------------------------------------------------------------------------


def test_the_journal_says_who_when_why_and_both_ends(office: Office) -> None:
    office.add()
    office.now_s += 60
    office.do("extend", zone="de", lifetime_s=60, author="night shift", reason="not repaired")
    office.now_s += 60
    office.anchors.expire()
    picked = [(one["at"][11:], one["action"], one["by"], one["why"], one["end"][11:]) for one in journal(office)]
    assert picked == [
        ("16:53:20Z", "add", "ops", "wrong key", "17:53:20Z"),
        ("16:54:20Z", "extend", "night shift", "not repaired", "16:55:20Z"),
        ("16:55:20Z", "end", "ops", "wrong key", "16:55:20Z"),
    ]
    assert journal(office)[1]["old_end"][11:] == "17:53:20Z"


def test_a_restart_keeps_anchors_and_ends(office: Office) -> None:
    office.add("nl")
    office.add("se")
    office.add("de", lifetime_s=7200)
    office.do("remove", zone="se", reason="repaired", author="ops")
    before = office.do("show", zone="de")["anchors"]
    office.restart()
    assert office.zones() == ["de", "nl"]
    assert office.do("show", zone="de")["anchors"] == before
    office.now_s += 3600
    office.restart()
    assert office.zones() == ["de"]


def test_a_crash_at_any_octet_leaves_the_changes_that_were_complete(office: Office, tmp_path: Path) -> None:
    office.add("nl")
    path = tmp_path / FILE_NAME
    first = len(path.read_bytes())
    office.add("de")
    whole = path.read_bytes()
    for size in range(first, len(whole) + 1):
        path.write_bytes(whole[:size])
        office.restart()
        assert office.zones() == (["de", "nl"] if size == len(whole) else ["nl"])
        office.add("se")  # what was cut short is not in the way of what follows
        office.restart()
        assert "se" in office.zones()
        assert len(journal(office)) == len(office.zones())


@pytest.mark.parametrize(
    "damage",
    [b"\x00\xff\n", b"[]\n", b'{"action":"add"}\n', b'{"action":"add","anchor":{"zone":1}}\n', b"{" * 90_000 + b"\n"],
)
def test_a_damaged_line_costs_no_other(
    office: Office, tmp_path: Path, damage: bytes, logged: list[MutableMapping[str, Any]]
) -> None:
    office.add("nl")
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(damage)
    office.add("de")
    office.restart()
    assert office.zones() == ["de", "nl"]
    assert [(entry["log_level"], entry["line"]) for entry in logged] == [("error", 2)]


def test_a_long_journal_is_set_aside(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office.add("nl")
    office.add("de")
    office.do("remove", zone="nl", reason="repaired", author="ops")
    old = (tmp_path / FILE_NAME).read_bytes()
    monkeypatch.setattr(change_journal, "JOURNAL_OCTETS", 100)
    office.restart()
    assert [one["anchor"]["zone"] for one in journal(office)] == ["de"]
    assert (tmp_path / "negative-trust-anchors.old.jsonl").read_bytes() == old
    office.restart()
    assert office.zones() == ["de"]


def test_a_journal_that_cannot_be_written_is_an_error_in_words_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    office = Office(tmp_path)
    with pytest.raises(CommandError, match=r"cannot write .*: Is a directory"):
        office.add()
    assert office.zones() == []


def test_a_reload_may_move_the_journal(office: Office, tmp_path: Path) -> None:
    office.add("nl")
    office.add("de")
    office.do("remove", zone="nl", reason="repaired", author="ops")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    office.anchors.move(elsewhere)
    office.anchors.move(elsewhere)
    office.directory = elsewhere
    assert [one["anchor"]["zone"] for one in journal(office)] == ["de"]
    office.restart()
    assert office.zones() == ["de"]


def test_without_a_directory_nothing_is_written_and_that_is_told() -> None:
    office = Office(None)
    office.add()
    assert office.do("list")["kept"] is False


# -- a server ----------------------------------------------------------------------------------------------------------


def ask(server: ServerProcess, name: str) -> list[Message]:
    """The answers to a question from so many ports that both workers get it."""
    query = dns.message.make_query(name, "A", want_dnssec=True)
    return [dns.query.udp(query, "127.0.0.1", port=server.port, timeout=WAIT_S) for _ in range(12)]


def nta(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "nta", *arguments, "--socket", str(server.socket)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


def let_through(server: ServerProcess) -> bool:
    answers = ask(server, "www.example")
    return all(one.rcode() == dns.rcode.NOERROR and EDE_NEGATIVE_TRUST_ANCHOR in ede_codes(one) for one in answers)


def fails(server: ServerProcess) -> bool:
    return all(one.rcode() == dns.rcode.SERVFAIL for one in ask(server, "www.example"))


def test_all_workers_obey_at_once_and_a_killed_server_comes_back_with_them(tmp_path: Path) -> None:
    more = f"state_directory = {json.dumps(str(tmp_path))}\n"
    with broken_network(tmp_path) as network:
        with running_server(tmp_path, workers=2, more=more, network=network) as server:
            assert fails(server)
            added = nta(
                server, "add", "example", "--reason", "wrong key", "--author", "ops", "--lifetime", "2h", "--force"
            )
            assert (added.returncode, added.stderr) == (0, "")
            assert added.stdout.startswith("example until ") and "by ops since " in added.stdout
            answers = ask(server, "www.example")  # no waiting: it is in force when the command returns
            assert all(one.rcode() == dns.rcode.NOERROR and not is_secure(one) for one in answers)
            assert all("wrong key" in ede_texts(one)[-1] for one in answers)
            assert all(is_secure(one) for one in ask(server, "www.other"))
            shown = server.command({"command": "nta.show", "zone": "example"})["result"]["anchors"][0]
            for pid in server.worker_pids():
                os.kill(pid, signal.SIGKILL)
            until(lambda: len(server.worker_pids()) == 2)
            assert let_through(server), "a worker that is started anew knows them"
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(WAIT_S)
        with running_server(tmp_path, workers=2, more=more, network=network) as server:
            assert let_through(server)
            again = server.command({"command": "nta.show", "zone": "example"})["result"]["anchors"][0]
            assert (again["start_s"], again["end_s"]) == (shown["start_s"], shown["end_s"])
            assert server.command({"command": "reload"})["ok"]
            until(lambda: len(server.status()["workers"]) == 2)
            assert let_through(server), "and so do those after a reload"
            assert nta(server, "remove", "example", "--reason", "repaired", "--author", "ops").returncode == 0
            assert fails(server)


def test_the_command_line_shows_lists_extends_and_explains(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=2) as server:
        assert nta(server, "list").stdout == "no negative trust anchors\n"
        added = nta(server, "add", "de", "--reason", "wrong key", "--force")
        assert "not kept over a restart: the server has no state directory" in added.stdout
        assert "(2 h 0 min left)" in nta(server, "extend", "de", "--lifetime", "2h").stdout
        assert "wrong key" in nta(server, "show", "de").stdout
        listed = json.loads(nta(server, "list", "--json").stdout)
        assert [one["zone"] for one in listed["result"]["anchors"]] == ["de"]
        refused = nta(server, "add", "de", "--reason", "again")
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "holdfast: nta.add: de has a negative trust anchor already" in refused.stderr
        refused = nta(server, "add", "nl", "--reason", "x", "--lifetime", "8d")
        assert (refused.returncode, refused.stderr) == (
            2,
            "holdfast: nta.add: lifetime_s must be at most 604800, not 691200\n",
        )
        assert "de is validated again" in nta(server, "remove", "de", "--reason", "repaired").stdout
    gone = nta(server, "list")
    assert gone.returncode == 2 and "cannot talk to a server" in gone.stderr
