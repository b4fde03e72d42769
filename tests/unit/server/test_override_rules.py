"""The list of override rules: what it takes, its journal, and a server with two workers that obeys it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from structlog.testing import capture_logs

from holdfast.base.limits import ANCHOR_REASON_CHARACTERS, OVERRIDE_RULES, OVERRIDE_RULES_AT_RUN_TIME
from holdfast.base.override_rule import OverrideRule
from holdfast.base.settings import AccessRule, ClientGroup, EngineSettings
from holdfast.server.commands import Change, CommandError, check_request
from holdfast.server.lines import LINE_OCTETS, encode
from holdfast.server.override_rules import DECISIONS, FILE_NAME, OverrideRuleList
from tests.support.engine_world import Message
from tests.support.rules import rule
from tests.support.server_process import COMMAND, WAIT_S, ServerProcess, running_server, until
from tests.support.signed_world import ede_texts

START_S = 1_778_000_000


class Office:
    """A list of rules and the clock on its wall."""

    def __init__(self, directory: Path | None, configured: list[OverrideRule] | None = None) -> None:
        self.now_s = float(START_S)
        self.directory = directory
        self.configured = configured or []
        for one in self.configured:
            one.configured = True
        self.settings = EngineSettings()
        self.settings.client_groups = [ClientGroup("school", [AccessRule(b"\x0a\x00\x00\x00", 8, True)], False)]
        self.restart()

    def restart(self) -> None:
        """What a new supervisor knows."""
        self.rules = OverrideRuleList(self.directory, self.configured, lambda: self.now_s)

    def do(self, command: str, **arguments: object) -> Change:
        """Check and carry out a command."""
        values = {"command": f"rule.{command}", **arguments}
        check_request(values)
        return self.rules.carry_out(values, self.settings)

    def add(self, name: str = "ads.example", **more: object) -> Change:
        """Add one with everything that is needed."""
        return self.do("add", **{"action": "nxdomain", "name": name, "reason": "blocked", "author": "ops", **more})

    def order(self) -> list[str]:
        """The identities of what is in force."""
        return [one.identity for one in self.rules.in_force()]


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


def test_a_rule_gets_a_number_and_a_place_behind_the_others(office: Office) -> None:
    first = office.add()
    assert first.request == {
        "command": "rule.arrange",
        "order": ["r1"],
        "rule": {
            "id": "r1",
            "action": "nxdomain",
            "name": "ads.example",
            "match": "subtree",
            "ede": "blocked",
            "ttl_s": 60,
            "reason": "blocked",
            "author": "ops",
            "start_s": START_S,
        },
    }
    office.add(lifetime_s=60)
    office.add(id="mine", before="r2")
    office.add(first=True)
    assert office.order() == ["r3", "r1", "mine", "r2"]
    assert office.rules.in_force()[3].end_s == START_S + 60


def test_rules_move(office: Office) -> None:
    for _ in range(3):
        office.add()
    assert office.do("move", id="r3", before="r1", author="ops").request["order"] == ["r3", "r1", "r2"]
    assert office.do("move", id="r3", author="ops").request["order"] == ["r1", "r2", "r3"]
    moved = office.do("move", id="r2", first=True, author="ops")
    assert "rule" not in moved.request, "the workers have it, with its counters"
    assert office.order() == ["r2", "r1", "r3"]


def test_configured_rules_come_last_and_stay_as_they_are(tmp_path: Path) -> None:
    office = Office(tmp_path, [rule("refuse", "a.example", "file-a"), rule("pass", "b.example", "file-b")])
    office.add()
    assert office.order() == ["r1", "file-a", "file-b"]
    for command, more in (("move", {}), ("remove", {"reason": "x"})):
        with pytest.raises(CommandError, match="file-a is from the configuration: change it there, and reload"):
            office.do(command, id="file-a", author="ops", **more)
    with pytest.raises(CommandError, match="file-b is from the configuration"):
        office.add(before="file-b")


def test_a_rule_that_the_configuration_takes_over_is_in_force_once(office: Office) -> None:
    office.add(id="ads")
    office.add()
    ads = rule("nxdomain", "ads.example", "ads")
    ads.configured = True
    office.rules.configure([ads])
    assert office.order() == ["r1", "ads"]
    assert journal(office)[-1]["action"] == "end"
    assert journal(office)[-1]["why"] == "the configuration has taken it over"


def test_one_that_is_removed_or_has_ended_is_gone_and_its_number_is_not_used_again(office: Office) -> None:
    office.add(lifetime_s=60)
    office.add()
    office.do("remove", id="r2", reason="a mistake", author="ops")
    office.now_s += 60
    assert office.order() == []
    office.restart()
    office.add()
    assert office.order() == ["r3"]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"action": "nxdomian"}, "action: must be one of .*; did you mean 'nxdomain'?"),
        ({"action": None}, "action: is required"),
        ({"name": "a..b"}, "name: 'a..b' is not a domain name: it has an empty label"),
        ({"client_groups": ["scholl"]}, "client_groups: there is no client group 'scholl'; did you mean 'school'?"),
        ({"services": ["quick"]}, "services: there is no service 'quick' in the configuration; there are default"),
        ({"lifetime_s": 0}, "lifetime_s must be at least 1, not 0"),
        ({"lifetime_s": 10**9}, "lifetime_s must be at most"),
        ({"ttl_s": 10**9}, "ttl_s must be at most 86400"),
        ({"types": "A"}, "types must be of the type list"),
        ({"types": ["A", 1]}, "types must be a list of texts"),
        ({"id": "Big"}, "'Big' is not a plain name"),
        ({"id": "nl"}, "there is a rule nl already"),
        ({"before": "xy"}, "there is no rule 'xy'; there are: nl"),
        ({"before": "nl", "first": True}, "say either first or before which rule"),
        ({"reason": " "}, "the reason is empty"),
        ({"author": None}, "needs the argument 'author'"),
        ({"scope": "all"}, "has no argument 'scope'"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(office: Office, arguments: dict[str, object], wrong: str) -> None:
    office.add(id="nl")
    lines = journal(office)
    with pytest.raises(CommandError, match=wrong.replace("?", r"\?")):
        given = {"action": "nxdomain", "name": "de", "reason": "x", "author": "ops", **arguments}
        office.do("add", **{key: value for key, value in given.items() if value is not None})
    assert office.order() == ["nl"] and journal(office) == lines


@pytest.mark.parametrize("command", ["show", "move", "remove"])
def test_others_need_one_that_is_there(office: Office, command: str) -> None:
    office.add()
    more = {"show": {}, "move": {"author": "ops"}, "remove": {"author": "ops", "reason": "x"}}[command]
    with pytest.raises(CommandError, match="there is no rule 'xy'; there are: r1"):
        office.do(command, id="xy", **more)


def test_their_number_is_limited_and_every_page_fits_into_a_reply(tmp_path: Path) -> None:
    label = "x" * 60
    large = [f"TXT {'y' * 250}"] * 1 + [f"AAAA 2001:db8::{number:x}" for number in range(49)]
    configured = [rule("records", f"z{n}.{label}", f"file-{n}", records=large) for n in range(OVERRIDE_RULES)]
    office = Office(tmp_path, configured)
    for _ in range(OVERRIDE_RULES_AT_RUN_TIME):
        office.add(f"{label}.{label}", reason="r" * ANCHOR_REASON_CHARACTERS)
    with pytest.raises(CommandError, match="as many as may be; the configuration may have more"):
        office.add()
    seen: list[str] = []
    start: int | None = 0
    while start is not None:
        change = office.do("list", start=start)
        assert change.command.merge is not None
        hits = {"hits": dict.fromkeys(change.request["ids"], 10**12)}
        reply = change.command.merge([hits])
        assert len(encode({"ok": True, "result": reply, "workers": 1})) < LINE_OCTETS
        assert len(encode(hits)) < LINE_OCTETS
        seen += [one["id"] for one in reply["rules"]]
        start = reply.get("next")
    assert seen == office.order() and len(seen) == OVERRIDE_RULES + OVERRIDE_RULES_AT_RUN_TIME


def test_hits_of_all_workers_are_added_up(office: Office) -> None:
    office.add()
    merge = office.do("show", id="r1").command.merge
    assert merge is not None
    assert merge([{"hits": {"r1": 2}}, {"hits": {}}, {"hits": {"r1": 3}}])["rules"][0]["hits"] == 5


def test_a_rehearsal_changes_nothing(office: Office) -> None:
    office.add()
    lines = journal(office)
    told = office.do("dry-run", action="pass", name="good.ads.example", first=True)
    assert told.request["command"] == "rule.rehearse" and told.request["order"] == ["r2", "r1"]
    assert office.do("dry-run", remove="r1").request == {"command": "rule.rehearse", "order": []}
    with pytest.raises(CommandError, match="a rule to remove is all that it takes"):
        office.do("dry-run", remove="r1", action="pass")
    with pytest.raises(CommandError, match="action: is required; name: is required"):
        office.do("dry-run")
    assert office.order() == ["r1"] and journal(office) == lines
    assert "rule.dry-run" not in DECISIONS


# -- the journal -------------------------------------------------------------------------------------------------------


def test_the_journal_says_who_when_why_and_what(office: Office) -> None:
    office.add(lifetime_s=3600)
    office.add()
    office.now_s += 60
    office.do("move", id="r2", first=True, author="night shift", reason="more important")
    office.do("remove", id="r2", author="ops", reason="not needed")
    office.now_s += 3600
    office.rules.expire()
    picked = [(one["at"][11:], one["action"], one["by"], one["why"], one["rule"]["id"]) for one in journal(office)]
    assert picked == [
        ("16:53:20Z", "add", "ops", "blocked", "r1"),
        ("16:53:20Z", "add", "ops", "blocked", "r2"),
        ("16:54:20Z", "move", "night shift", "more important", "r2"),
        ("16:54:20Z", "remove", "ops", "not needed", "r2"),
        ("17:54:20Z", "end", "ops", "blocked", "r1"),
    ]
    assert journal(office)[0]["end"] == "2026-05-05T17:53:20Z"


def test_a_restart_keeps_rules_their_order_and_ends(office: Office) -> None:
    office.add(lifetime_s=3600)
    office.add(action="records", records=['TXT "a b"', "A 192.0.2.1"])
    office.add(action="forward", servers=["192.0.2.53"], client_groups=["school"], first=True)
    office.do("move", id="r1", author="ops")
    before = [office.do("show", id=one).result | {} for one in office.order()]
    office.restart()
    assert office.order() == ["r3", "r2", "r1"]
    assert [office.do("show", id=one).result | {} for one in office.order()] == before
    office.now_s += 3600
    office.restart()
    assert office.order() == ["r3", "r2"]


def test_a_crash_at_any_octet_leaves_the_changes_that_were_complete(office: Office, tmp_path: Path) -> None:
    office.add()
    path = tmp_path / FILE_NAME
    first = len(path.read_bytes())
    office.add(first=True)
    whole = path.read_bytes()
    for size in range(first, len(whole) + 1, 7):
        path.write_bytes(whole[:size])
        office.restart()
        assert office.order() == (["r2", "r1"] if size == len(whole) else ["r1"])


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00\xff\n",
        b'{"action":"add"}\n',
        b'{"action":"add","order":["x"],"rule":{"id":1}}\n',
        b'{"action":"add","order":["x"],"rule":{"id":"x","action":"pass","name":"a","end_s":"never"}}\n',
        b'{"action":"add","order":3,"rule":{"id":"x","action":"pass","name":"a"}}\n',
    ],
)
def test_a_damaged_line_costs_no_other(
    office: Office, tmp_path: Path, damage: bytes, logged: list[MutableMapping[str, Any]]
) -> None:
    office.add()
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(damage)
    office.add()
    office.restart()
    assert office.order() == ["r1", "r2"]
    assert [(entry["log_level"], entry["line"]) for entry in logged] == [("error", 2)]


def test_a_journal_that_cannot_be_written_is_an_error_in_words_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    office = Office(tmp_path)
    with pytest.raises(CommandError, match=r"cannot write .*: Is a directory"):
        office.add()
    assert office.order() == []


def test_a_reload_may_move_the_journal(office: Office, tmp_path: Path) -> None:
    office.add()
    office.add(first=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    office.rules.move(elsewhere)
    office.rules.move(elsewhere)
    office.directory = elsewhere
    assert len(journal(office)) == 2
    office.restart()
    assert office.order() == ["r2", "r1"]


# -- a server ----------------------------------------------------------------------------------------------------------

RULES_FILE = '[[rule]]\nid = "file"\naction = "records"\nname = "local.test"\nrecords = ["A 192.0.2.9"]\nreason = "x"\n'


def holdfast_rule(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "rule", *arguments, "--socket", str(server.socket)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


def ask(server: ServerProcess, name: str) -> list[Message]:
    """The answers to a question from so many ports that both workers get it."""
    query = dns.message.make_query(name, "A", want_dnssec=True)
    return [dns.query.udp(query, "127.0.0.1", port=server.port, timeout=WAIT_S) for _ in range(12)]


def addresses(server: ServerProcess, name: str) -> set[str]:
    answers = ask(server, name)
    assert not any(one.flags & dns.flags.AD for one in answers)
    return {one.answer[0][0].to_text() if one.answer else dns.rcode.to_text(one.rcode()) for one in answers}


def test_all_workers_obey_at_once_and_a_killed_server_comes_back_with_its_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES_FILE)
    more = f'state_directory = {json.dumps(str(tmp_path))}\n[answers]\nrules_file = "rules.toml"\n'
    with running_server(tmp_path, workers=2, more=more) as server:
        assert addresses(server, "www.local.test") == {"192.0.2.9"}
        added = holdfast_rule(
            server,
            "add",
            "records",
            "www.local.test",
            "--record",
            "A 192.0.2.1",
            "--reason",
            "moved",
            "--author",
            "ops",
        )
        assert (added.returncode, added.stderr) == (0, "")
        assert added.stdout.startswith("r1: records www.local.test and all below\n  by ops, since ")
        assert addresses(server, "www.local.test") == {"192.0.2.1"}  # no waiting: in force when the command returns
        assert "override rule r1: moved" in ede_texts(ask(server, "www.local.test")[0])
        holdfast_rule(server, "add", "nxdomain", "*.local.test", "--reason", "closed", "--author", "ops")
        assert addresses(server, "www.local.test") == {"192.0.2.1"}
        assert holdfast_rule(server, "move", "r2", "--first", "--author", "ops").returncode == 0
        assert addresses(server, "www.local.test") == {"NXDOMAIN"}
        listed = json.loads(holdfast_rule(server, "list", "--json").stdout)["result"]["rules"]
        assert [(one["id"], one["hits"]) for one in listed] == [("r2", 12), ("r1", 36), ("file", 12)]
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(server.worker_pids()) == 2)
        assert addresses(server, "www.local.test") == {"NXDOMAIN"}, "a worker that is started anew knows them"
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(WAIT_S)
    with running_server(tmp_path, workers=2, more=more) as server:
        assert addresses(server, "www.local.test") == {"NXDOMAIN"}
        assert addresses(server, "local.test") == {"192.0.2.9"}
        (tmp_path / "rules.toml").write_text(RULES_FILE.replace("192.0.2.9", "192.0.2.10"))
        assert server.command({"command": "reload"})["ok"]
        until(lambda: len(server.status()["workers"]) == 2)
        assert addresses(server, "local.test") == {"192.0.2.10"}
        assert addresses(server, "www.local.test") == {"NXDOMAIN"}, "and so do those after a reload"
        assert holdfast_rule(server, "remove", "r2", "--reason", "open again", "--author", "ops").returncode == 0
        assert addresses(server, "www.local.test") == {"192.0.2.1"}


def test_the_command_line_lists_rehearses_and_explains(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=2) as server:
        assert holdfast_rule(server, "list").stdout == "no override rules\n"
        assert (
            holdfast_rule(server, "dry-run", "refuse", "a.test").stdout == "no questions are known of the last hour\n"
        )
        for name in ("one.a.test", "two.a.test", "b.test"):
            ask(server, name)
        rehearsed = holdfast_rule(server, "dry-run", "refuse", "a.test").stdout.splitlines()
        assert rehearsed == [
            "24 of 36 questions of the last hour (66.7 %), of 1 clients, would be answered differently",
            "  12  one.a.test A",
            "  12  two.a.test A",
        ]
        added = holdfast_rule(
            server, "add", "refuse", "a.test", "--reason", "closed", "--lifetime", "1h", "--type", "A"
        )
        assert "rules of run time are not kept over a restart: the server has no state directory" in added.stdout
        assert addresses(server, "one.a.test") == {"REFUSED"}
        shown = holdfast_rule(server, "show", "r1").stdout
        assert shown.startswith("r1: refuse a.test and all below, type A, 12 hits\n") and " until " in shown
        gone = holdfast_rule(server, "dry-run", "--remove", "r1").stdout
        assert gone.startswith("36 of 48 questions of the last hour (75.0 %)")
        none = holdfast_rule(server, "dry-run", "refuse", "c.test").stdout
        assert none == "none of 48 questions of the last hour would be answered differently\n"
        wrong = holdfast_rule(server, "add", "refuze", "a.test", "--reason", "x")
        assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
        assert "did you mean 'refuse'?" in wrong.stderr
        wrong = holdfast_rule(server, "add", "cname", "a.test", "--reason", "x", "--target", "a..b")
        assert (wrong.returncode, wrong.stderr) == (
            2,
            "holdfast: --target: 'a..b' is not a domain name: it has an empty label\n",
        )
        wrong = holdfast_rule(server, "add", "refuse", "a.test", "--reason", "x", "--lifetime", "soon")
        assert wrong.returncode == 2 and "--lifetime: 'soon' is not a time" in wrong.stderr
        wrong = holdfast_rule(server, "dry-run")
        assert wrong.returncode == 2 and "or --remove ID" in wrong.stderr
        assert holdfast_rule(server, "remove", "r1", "--reason", "x").stdout == "r1 is not in force any more\n"
