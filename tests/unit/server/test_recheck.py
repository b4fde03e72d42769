"""The recheck of zones under a negative trust anchor: when rounds begin, and what they lead to."""

import json
import os
import signal
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.base.settings import EngineSettings
from holdfast.evidence.rounds import RecheckPolicy
from holdfast.server.anchor_control import AnchorControl
from holdfast.server.commands import COMMANDS, Command
from holdfast.server.control_socket import Reply
from holdfast.server.lines import Values
from holdfast.server.negative_trust_anchors import FILE_NAME
from holdfast.server.recheck import Recheck
from holdfast.server.settings import ServerSettings
from tests.support.de_network import DeNetwork
from tests.support.server_process import until
from tests.support.signed_world import ede_codes, is_secure
from tests.unit.server.test_zone_check import ask, de_server, nta, told, vantage_point

POLICY = RecheckPolicy(interval_s=100, clean_rounds=3, relapse_rounds=2)
SIX = ("a", "b", "c", "d", "e", "f")


def round_report(clean: int, says: bool | None, zone: str = "de") -> Values:
    """What a worker reports of a round: so many of six servers clean."""
    servers = [
        {"name": name, "state": "clean" if at < clean else "dirty", "text": "" if at < clean else "bad"}
        for at, name in enumerate(SIX)
    ]
    return {
        "zone": zone,
        "verdict": "fine" if says else "registry failure",
        "clean": says,
        "signed": True,
        "servers": servers,
        "at_s": 1000,
        "evidence": "de.round.json",
        "reasons": ["r"],
        "advice": "a",
    }


class Desk:
    """The supervisor's desk without processes: a worker that says what the test wants, and a clock."""

    def __init__(self, directory: Path | None) -> None:
        self.now_s = 0.0
        self.asked: list[Values] = []
        self.told: list[Values] = []
        self.pending: list[Reply] = []
        settings = ServerSettings(state_directory=directory, recheck=POLICY)
        self.control = AnchorControl(settings, self.tell_all, self.tell_one)
        self.control.recheck = Recheck(POLICY, lambda: self.now_s)

    def tell_all(self, command: Command, values: Values, reply: Reply) -> None:
        """All workers obey at once."""
        assert command.merge is not None
        if command.name == "nta.shadow":
            reply({"ok": True, "result": command.merge([{"bogus": 3, "secure": 1}, {"bogus": 2}])})
            return
        self.told.append(values)
        reply({"ok": True, "result": command.merge([])})

    def tell_one(self, _command: Command, values: Values, reply: Reply) -> None:
        """A worker begins to probe."""
        self.asked.append(values)
        self.pending.append(reply)

    def do(self, name: str, **values: object) -> Values:
        """Carry out a command; `pending` has what it waits for."""
        replies: list[Values] = []
        self.control.command(
            COMMANDS[f"nta.{name}"], {"command": f"nta.{name}", **values}, EngineSettings(), replies.append
        )
        self.control.run_due(EngineSettings())  # as the supervisor does whenever it wakes up
        return replies[0] if replies else {}

    def add(self, **more: object) -> Values:
        return self.do("add", zone="de", reason="wrong key", author="ops", force=True, **more)

    def round(self, report: Values | None) -> None:
        """Let a round come, and end with a report, or fail."""
        self.now_s += POLICY.interval_s
        self.control.run_due(EngineSettings())
        self.pending.pop()(
            {"ok": True, "result": report} if report else {"ok": False, "error": "worker process 7 did not answer"}
        )

    def shown(self) -> Values:
        result: Values = self.do("show", zone="de")["result"]["anchors"][0]
        return result


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def journal(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / FILE_NAME).read_text().splitlines()]


def test_three_clean_rounds_in_a_row_end_it_and_the_journal_says_who_why_and_on_what_evidence(
    desk: Desk, tmp_path: Path
) -> None:
    desk.add()
    desk.round(round_report(4, False))
    for _ in range(3):
        assert desk.shown()["zone"] == "de"
        desk.round(round_report(6, True))
    assert desk.do("list")["result"]["anchors"] == []
    assert [one["command"] for one in desk.told] == ["nta.put", "nta.drop"]
    last = journal(tmp_path)[-1]
    assert (last["action"], last["by"], last["evidence"]) == ("remove", "recheck", "de.round.json")
    assert last["why"] == "6 of 6 servers clean in 3 rounds"


def test_what_answers_would_be_without_it_is_shown_for_all_workers(desk: Desk) -> None:
    desk.add()
    assert desk.shown()["shadow"] == {"bogus": 5, "secure": 1}
    assert desk.do("show", zone="nl")["kind"] == "not-found"


def test_progress_is_shown(desk: Desk) -> None:
    desk.add()
    assert desk.shown()["recheck"]["rounds"] == 0
    desk.round(round_report(6, True))
    desk.round(round_report(6, True))
    desk.round(round_report(4, False))
    desk.round(round_report(6, True))
    progress = desk.shown()["recheck"]
    assert (progress["clean_servers"], progress["servers"], progress["clean_rounds"]) == (6, 6, 1)
    assert (progress["rounds_needed"], progress["rounds"]) == (5, 4)
    desk.round(round_report(4, False))
    assert desk.shown()["recheck"]["dirty"] == ["e: bad", "f: bad"]
    assert "dirty" not in desk.do("list")["result"]["anchors"][0]["recheck"]


def test_rounds_that_fail_or_say_nothing_end_nothing(desk: Desk) -> None:
    desk.add()
    desk.round(round_report(6, True))
    desk.round(round_report(6, True))
    for report in (None, round_report(3, None), None):
        desk.round(report)
    assert desk.shown()["recheck"]["clean_rounds"] == 2
    desk.round(round_report(6, True))
    assert desk.do("list")["result"]["anchors"] == []


def test_one_round_runs_at_a_time_and_zones_take_turns(desk: Desk) -> None:
    desk.add()
    desk.do("add", zone="nl", reason="wrong key", author="ops", force=True)
    desk.now_s += POLICY.interval_s
    for _ in range(3):
        desk.control.run_due(EngineSettings())
    assert [one["zone"] for one in desk.asked] == ["de"] and desk.control.deadlines_s() == []
    desk.pending.pop()({"ok": True, "result": round_report(6, True)})
    desk.control.run_due(EngineSettings())
    assert [one["zone"] for one in desk.asked] == ["de", "nl"]
    assert all(one["recheck"] is True for one in desk.asked)


def test_an_anchor_that_is_removed_meanwhile_or_added_anew_begins_anew(desk: Desk, tmp_path: Path) -> None:
    desk.add()
    desk.round(round_report(6, True))
    desk.round(round_report(6, True))
    desk.now_s += POLICY.interval_s
    desk.control.run_due(EngineSettings())
    desk.do("remove", zone="de", reason="by hand", author="ops")
    desk.control.run_due(EngineSettings())
    desk.pending.pop()({"ok": True, "result": round_report(6, True)})
    assert journal(tmp_path)[-1]["by"] == "ops"
    desk.add()
    assert desk.shown()["recheck"]["rounds"] == 0


def test_no_recheck_lasts_until_its_end_also_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.add(recheck=False)
    desk.now_s += 10 * POLICY.interval_s
    desk.control.run_due(EngineSettings())
    assert desk.asked == [] and "recheck" not in desk.shown()
    again = Desk(tmp_path)
    again.now_s += 10 * POLICY.interval_s
    again.control.run_due(EngineSettings())
    assert again.asked == [] and again.shown()["zone"] == "de"


def test_a_restart_goes_on_with_the_recheck_and_demands_all_rounds_anew(desk: Desk, tmp_path: Path) -> None:
    desk.add()
    desk.round(round_report(6, True))
    desk.round(round_report(6, True))
    again = Desk(tmp_path)
    again.control.run_due(EngineSettings())
    for expected in (True, True, False):
        again.round(round_report(6, True))
        assert bool(again.do("list")["result"]["anchors"]) is expected


def test_a_restart_does_not_forget_that_a_zone_flaps(desk: Desk, tmp_path: Path) -> None:
    desk.add()
    for clean in (True, False, True, False, False):
        desk.round(round_report(6 if clean else 4, clean))
    assert desk.shown()["recheck"]["rounds_needed"] == 7
    relapses = [one for one in journal(tmp_path) if one["action"] == "relapse"]
    assert [(one["by"], one["rounds_needed"]) for one in relapses] == [("recheck", 5), ("recheck", 7)]
    desk.do("extend", zone="de", lifetime_s=7200, author="ops")
    again = Desk(tmp_path)
    assert again.shown()["recheck"]["rounds_needed"] == 7
    again.do("remove", zone="de", reason="well", author="ops")
    again.add()
    assert again.shown()["recheck"]["rounds_needed"] == 3, "another anchor begins anew"


def test_a_zone_whose_ds_is_gone_needs_no_anchor_any_more(desk: Desk, tmp_path: Path) -> None:
    desk.add()
    for _ in range(3):
        desk.round({**round_report(6, True), "signed": False})
    assert journal(tmp_path)[-1]["why"] == "resolvers do not validate the zone any more: its parent has no DS for it"


def test_an_interval_of_zero_switches_it_off(tmp_path: Path) -> None:
    recheck = Recheck(RecheckPolicy(interval_s=0), lambda: 1e9)
    desk = Desk(tmp_path)
    desk.control.recheck = recheck
    desk.add()
    desk.control.run_due(EngineSettings())
    assert desk.asked == [] and recheck.deadlines_s() == []


def test_refused_before_anybody_is_asked_and_limited_in_number(desk: Desk) -> None:
    desk.add()
    again = desk.do("add", zone="de", reason="x", author="ops")
    assert again["kind"] == "conflict" and desk.asked == []
    assert desk.do("check", zone="nl") == {} and desk.do("check", zone="se") == {}
    assert desk.do("check", zone="fr")["kind"] == "unavailable"
    desk.pending.pop()({"ok": True, "result": round_report(6, True)})
    assert desk.do("check", zone="fr") == {}


def test_a_check_that_could_not_be_made_does_not_stand_for_a_verdict(desk: Desk) -> None:
    replies: list[Values] = []
    values = {"command": "nta.add", "zone": "de", "reason": "x", "author": "ops"}
    desk.control.command(COMMANDS["nta.add"], values, EngineSettings(), replies.append)
    desk.pending.pop()({"ok": False, "error": "worker process 7 did not answer", "kind": "unavailable"})
    assert replies[0]["error"].endswith("; with --force it is put in force unchecked")
    assert desk.do("list")["result"]["anchors"] == []


# -- a server ----------------------------------------------------------------------------------------------------------

QUICK = "[negative_trust_anchors]\nrecheck_interval_s = 0.3\n"


def test_issue4_after_the_repair_the_anchor_ends_by_itself_only_after_all_six_servers_and_ad_is_back(
    tmp_path: Path,
) -> None:
    network = DeNetwork()
    outage = network.outage
    signed, unsigned = network.names(True)[6], network.names(False)[9]
    with (
        network.running(),
        vantage_point(tmp_path, network) as elsewhere,
        de_server(tmp_path, network, f'{QUICK}vantage_points = ["{elsewhere}"]\n') as server,
    ):
        network.at(outage.broken_s + 60)
        assert ede_codes(ask(server, unsigned)) == [6]
        assert told(server, "add", reason="wrong key", author="ops")["ok"]
        assert not is_secure(ask(server, signed))
        until(lambda: progress(server)["rounds"] >= 2)
        repaired_s = next(one.start_s for one in outage.versions if one.name == "signed anew with the old key")
        network.at(repaired_s + 30 * 60)
        until(lambda: 0 < progress(server)["clean_servers"] < 6)
        before = progress(server)
        os.kill(server.worker_pids()[0], signal.SIGKILL)  # the worker that asks: the next round is another's
        until(lambda: progress(server)["rounds"] >= before["rounds"] + 3)
        assert progress(server)["clean_rounds"] == 0, "a part of the servers is not enough"
        shown = nta(server, "show", "de").stdout
        assert f"recheck: {before['clean_servers']} of 6 servers clean, round 0 of 3" in shown
        network.at(outage.healed_s + 60)
        until(lambda: not server.command({"command": "nta.list"})["result"]["anchors"])
        until(lambda: is_secure(ask(server, signed)))
        for _ in range(8):
            assert is_secure(ask(server, signed)) and 33 not in ede_codes(ask(server, unsigned))
    last = journal(tmp_path)[-1]
    assert (last["action"], last["by"], last["why"]) == ("remove", "recheck", "6 of 6 servers clean in 3 rounds")
    assert (tmp_path / "evidence" / last["evidence"]).exists()


def progress(server: Any) -> dict[str, Any]:
    result = told(server, "show")["result"]["anchors"][0]["recheck"]
    assert isinstance(result, dict)
    return result
