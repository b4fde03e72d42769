"""The list of trust anchors that operators add: what it takes, its journal, and a server with two workers."""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest
from structlog.testing import capture_logs

from holdfast.base.limits import TRUST_ANCHOR_RECORDS
from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.dns.name import ROOT, to_text
from holdfast.lab.broken import key_of, sign_well
from holdfast.server.anchor_records import anchor_key_tag, parse_anchor
from holdfast.server.anchor_state import anchor_state_path, write_anchor_state
from holdfast.server.commands import CommandError, check_request
from holdfast.server.trust_anchors import FILE_NAME, TrustAnchorList
from tests.rfc.test_rfc9718 import EXAMPLE, Files, published
from tests.support.api_server import ApiServer, running_api
from tests.support.dnssec_records import ZoneKey, wire_name
from tests.support.engine_world import START_S
from tests.support.programs import require_program
from tests.support.server_process import COMMAND, WAIT_S, ServerProcess, until
from tests.support.signed_network import signed_network
from tests.support.signed_world import SignedWorld, is_secure

DS = "DS 12345 13 2 " + "AB" * 32
OTHER_DS = "DS 54321 13 2 " + "CD" * 32
BUILT_IN_TAG = 4711
TYPE_DS = 43


class Office:
    """A list and the clock on its wall, with a built-in key for the root and a configured one for `island`."""

    def __init__(self, directory: Path | None) -> None:
        self.now_s = float(START_S)
        self.directory = directory
        self.settings = EngineSettings()
        root_ds = BUILT_IN_TAG.to_bytes(2, "big") + bytes((13, 2)) + bytes(32)
        built_in = TrustAnchorSetting(ROOT, [root_ds], [], True, "")
        built_in.built_in = True
        island = TrustAnchorSetting(wire_name("island"), [parse_anchor(ROOT, DS)[1]], [], True, "")
        self.configured = [built_in, island]
        self.restart()

    def restart(self) -> None:
        """What a new supervisor knows."""
        self.list = TrustAnchorList(self.directory, True, lambda: self.now_s)

    def do(self, command: str, **arguments: object) -> list[str]:
        """Check and carry out a command."""
        values = {"command": f"anchor.{command}", "reason": "why", "author": "ops", **arguments}
        check_request(values)
        return self.list.change(values, self.settings, self.configured)

    def trusted(self) -> dict[str, list[int]]:
        """Tags of the keys that are trusted, by zone."""
        return {
            to_text(one.zone): [anchor_key_tag(TYPE_DS, rdata) for rdata in one.ds]
            for one in self.list.merged(self.configured)
        }


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with capture_logs():
        yield Office(tmp_path)


def journal(office: Office) -> list[dict[str, Any]]:
    assert office.directory is not None
    return [json.loads(line) for line in (office.directory / FILE_NAME).read_text().splitlines()]


# -- the list ---------------------------------------------------------------------------------------------------------


def test_what_is_added_stands_beside_the_configuration_and_survives_a_restart(office: Office) -> None:
    office.do("add", zone="corp.example", record=DS)
    office.do("add", zone="island", record=OTHER_DS)
    expected = {".": [BUILT_IN_TAG], "island": [12345, 54321], "corp.example": [12345]}
    for _ in range(2):
        assert office.trusted() == expected
        assert all(one.tracked for one in office.list.merged(office.configured))
        office.restart()
    first = journal(office)[0]
    assert (first["action"], first["by"], first["why"], first["records"][0]["zone"]) == (
        "add",
        "ops",
        "why",
        "corp.example",
    )
    office.do("remove", zone="island")
    assert office.trusted()["island"] == [12345]
    office.restart()
    assert office.trusted() == {".": [BUILT_IN_TAG], "island": [12345], "corp.example": [12345]}


def test_one_of_several_keys_can_be_removed(office: Office) -> None:
    office.do("add", zone="corp", record=DS)
    office.do("add", zone="corp", record=OTHER_DS)
    office.do("remove", zone="corp", key_tag=12345)
    assert office.trusted()["corp"] == [54321]


def test_a_whole_key_can_be_trusted(office: Office) -> None:
    key = ZoneKey("corp", 13)
    public = base64.b64encode(key.dnskey().public_key).decode()
    office.do("add", zone="corp", record=f"DNSKEY 257 3 13 {public}")
    (setting,) = [one for one in office.list.merged(office.configured) if to_text(one.zone) == "corp"]
    assert setting.dnskey == [key.rdata]


@pytest.mark.parametrize(
    ("command", "arguments", "wrong", "argument"),
    [
        ("add", {"zone": "a..b", "record": DS}, "is not a domain name", "zone"),
        ("add", {"zone": "corp", "record": "A 192.0.2.1"}, "'A' where DS or DNSKEY should be", "record"),
        ("add", {"zone": "corp", "record": "DS"}, "bad DS record", "record"),
        ("add", {"zone": "corp", "record": "DS 1 13 2 AB"}, "bad DS record", "record"),
        ("add", {"zone": "corp", "record": "DNSKEY 1 3 13 AAAA"}, "is not a zone key", "record"),
        ("add", {"zone": "corp", "record": "DNSKEY 385 3 13 AAAA"}, "is revoked", "record"),
        ("add", {"zone": "corp", "record": "DS 1 5 2 " + "AB" * 32}, "of algorithm 5 do not count here", "record"),
        ("add", {"zone": "corp", "record": "DS 1 13 1 " + "AB" * 20}, "of type 1 do not count here", "record"),
        ("add", {"zone": "corp", "record": "x" * 5000}, "longer than 4096 characters", "record"),
        ("add", {"zone": "island", "record": DS}, "has this trust anchor already", ""),
        ("add", {"zone": "corp", "record": DS, "reason": ""}, "the reason is empty", "reason"),
        ("remove", {"zone": "corp"}, "no such trust anchor of corp; added were: nl", "zone"),
        ("remove", {"zone": "island"}, "is from the configuration", ""),
        ("remove", {"zone": "nl", "key_tag": 1}, "no such trust anchor of nl; added were: nl", "zone"),
        ("import", {"xml": "<TrustAnchor/>"}, "it is about the zone", "xml"),
        ("import", {"xml": EXAMPLE.replace("2017-02-02", "2117-02-02")}, "none of its keys is valid now", "xml"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    office: Office, command: str, arguments: dict[str, object], wrong: str, argument: str
) -> None:
    office.do("add", zone="nl", record=DS)
    lines = journal(office)
    with pytest.raises(CommandError) as caught:
        office.do(command, **arguments)
    assert wrong in str(caught.value)
    assert caught.value.argument == argument
    assert office.trusted() == {".": [BUILT_IN_TAG], "island": [12345], "nl": [12345]} and journal(office) == lines


def test_there_is_a_limit(office: Office) -> None:
    for number in range(TRUST_ANCHOR_RECORDS):
        office.do("add", zone=f"z{number}", record=DS)
    with pytest.raises(CommandError, match="as many as may be"):
        office.do("add", zone="more", record=DS)


def test_the_last_anchor_of_the_root_cannot_be_taken_away(office: Office) -> None:
    office.configured = []
    office.do("add", zone=".", record=DS)
    with pytest.raises(CommandError, match="last one of the root"):
        office.do("remove", zone=".")
    office.restart()
    assert office.trusted() == {".": [12345]}


# -- IANA's file (RFC 9718) -------------------------------------------------------------------------------------------


def test_imported_keys_take_the_place_of_the_built_in_ones_in_their_time(office: Office) -> None:
    office.now_s = 1_400_000_000  # in 2014: the first key of the example is valid, the second is not yet
    notes = office.do("import", xml=EXAMPLE)
    assert office.trusted()["."] == [19036]
    assert notes == ["key 20326 is trusted from 2017-02-02T00:00:00Z on"]
    office.now_s = 1_500_000_000
    assert office.trusted()["."] == [19036, 20326]
    office.now_s = 1_600_000_000
    office.list.expire()
    assert office.trusted()["."] == [20326]
    assert journal(office)[-1]["action"] == "end"
    office.restart()
    assert office.trusted()["."] == [20326]
    assert office.do("import", xml=EXAMPLE) == ["key 19036 is not valid any more"]
    assert office.trusted()["."] == [20326]
    office.do("remove", zone=".")
    assert office.trusted()["."] == [BUILT_IN_TAG]


def test_configured_and_added_keys_of_the_root_stay_beside_imported_ones(office: Office) -> None:
    office.configured[0].built_in = False
    office.do("add", zone=".", record=DS)
    office.do("import", xml=EXAMPLE)
    assert office.trusted()["."] == [BUILT_IN_TAG, 12345, 20326]


# -- what is on disk --------------------------------------------------------------------------------------------------


def test_the_state_that_workers_recorded_last_is_used(office: Office, tmp_path: Path) -> None:
    write_anchor_state(tmp_path, wire_name("island"), "the latest\n")
    (setting,) = [one for one in office.list.merged(office.configured) if to_text(one.zone) == "island"]
    assert setting.state == "the latest\n"
    office.list.forget_state(wire_name("island"))
    assert not anchor_state_path(tmp_path, wire_name("island")).exists()


def test_the_store_of_before_a_change_is_not_used_after_a_restart(office: Office) -> None:
    marks = [office.list.store_mark(office.settings)]
    office.do("add", zone="corp", record=DS)
    office.restart()
    marks.append(office.list.store_mark(office.settings))
    office.do("remove", zone="corp")
    office.restart()
    marks.append(office.list.store_mark(office.settings))
    office.restart()
    assert len(set(marks)) == 3 and office.list.store_mark(office.settings) == marks[-1]


def test_another_process_may_look_at_the_list_of_a_running_server(office: Office) -> None:
    office.do("add", zone="corp", record=DS)
    assert office.directory is not None
    path = office.directory / FILE_NAME
    path.write_bytes(path.read_bytes() + b'{"half')
    before = path.read_bytes()
    seen = TrustAnchorList(office.directory, True, read_only=True)
    assert [to_text(one.zone) for one in seen.records] == ["corp"] and path.read_bytes() == before


def test_damaged_lines_are_passed_over(office: Office) -> None:
    office.do("add", zone="corp", record=DS)
    assert office.directory is not None
    path = office.directory / FILE_NAME
    good = path.read_bytes()
    for line in (b"{}", b'{"action":"add","records":[{}]}', b'{"action":"add","records":1}', b"garbage"):
        path.write_bytes(line + b"\n" + good + good[:-10])
        office.restart()
        assert office.trusted()["corp"] == [12345]


def test_a_journal_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with capture_logs() as logs:
        office = Office(tmp_path)
        with pytest.raises(CommandError, match=r"cannot write .*: Is a directory"):
            office.do("add", zone="corp", record=DS)
    assert "corp" not in office.trusted()
    assert logs[0]["log_level"] == "error"


def test_a_reload_may_move_the_journal(office: Office, tmp_path: Path) -> None:
    office.do("add", zone="corp", record=DS)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    office.list.move(elsewhere, False)
    office.directory = elsewhere
    office.restart()
    assert office.trusted()["corp"] == [12345]


# -- a server ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def island(tmp_path: Path) -> Iterator[tuple[SignedWorld, str]]:
    """A network with a signed zone whose parent does not know of its keys."""
    world = SignedWorld({"island": "www 3600 IN A 192.0.2.1\n"}, unsigned=("island",))
    sign_well(world.zones["island"], START_S)
    with signed_network(tmp_path, world) as network:
        yield world, network


def record_of(world: SignedWorld) -> str:
    ds = key_of(world.zones["island"]).ds(wire_name("island"))
    return f"DS {ds[0] << 8 | ds[1]} {ds[2]} {ds[3]} {ds[4:].hex()}"


def ask(server: ServerProcess, name: str = "www.island") -> list[bool]:
    """Whether answers are secure, asked from so many ports that both workers get the question."""
    query = dns.message.make_query(name, "A", want_dnssec=True)
    answers = [dns.query.udp(query, "127.0.0.1", port=server.port, timeout=WAIT_S) for _ in range(12)]
    assert {one.rcode() for one in answers} == {dns.rcode.NOERROR}
    return [is_secure(one) for one in answers]


def anchor(api: ApiServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "anchor", *arguments, "--socket", str(api.server.socket)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


def test_all_workers_obey_at_once_and_a_killed_server_comes_back_with_them(
    tmp_path: Path, island: tuple[SignedWorld, str]
) -> None:
    world, network = island
    record = record_of(world)
    with running_api(tmp_path, workers=2, network=network) as api:
        server = api.server
        assert not any(ask(server))
        added = anchor(api, "add", "island", *record.split(), "--reason", "ours", "--author", "ops")
        assert (added.returncode, added.stderr) == (0, "") and "from: added by ops" in added.stdout
        assert all(ask(server)), "no waiting: it is in force when the command returns"
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(server.worker_pids()) == 2)
        assert all(ask(server)), "a worker that is started anew knows it"
        server.process.send_signal(signal.SIGKILL)
        assert server.process.wait(WAIT_S) == -signal.SIGKILL
    with running_api(tmp_path, workers=2, network=network) as api:
        server = api.server
        assert all(ask(server)), "a server that was killed knows it"
        until(lambda: api.request("GET", "/v1/anchors/island").body["anchors"][0]["verified_s"] > 0)
        until(lambda: "Valid" in anchor(api, "list").stdout)
        assert server.command({"command": "reload"})["ok"]
        until(lambda: len(server.status()["workers"]) == 2)
        assert all(ask(server)), "and so do those after a reload"
        assert api.request("DELETE", "/v1/anchors/island?reason=gone&author=ops").body["anchors"] == []
        assert not any(ask(server))
        assert not anchor_state_path(tmp_path / "state", wire_name("island")).exists()


def test_users_are_told_what_is_trusted_and_what_is_wrong(tmp_path: Path, island: tuple[SignedWorld, str]) -> None:
    _, network = island
    with running_api(tmp_path, network=network) as api:
        values = {"zone": "island", "record": DS, "reason": "x", "author": "y"}
        assert api.request("POST", "/v1/anchors", values).status == 201
        query = dns.message.make_query("www.island", "A")
        assert dns.query.udp(query, "127.0.0.1", port=api.server.port, timeout=WAIT_S).rcode() == dns.rcode.SERVFAIL
        shown = anchor(api, "show", "island")
        assert "error: no trusted key (12345) is in the zone's DNSKEY RRset" in shown.stdout
        assert "from: added by y" in shown.stdout and DS.lower() in shown.stdout.lower()
        stats = api.request("GET", "/v1/stats").body
        assert (stats["trust_anchor_zones"], stats["trust_anchor_zones_with_warnings"]) == (2, 1)
        until(lambda: len(api.server.status()["trust_anchor_warnings"]) > 0)
        (warning,) = api.request("GET", "/v1/status").body["trust_anchor_warnings"]
        assert (warning["zone"], warning["level"]) == ("island", "error")
        assert "no trusted key (12345)" in api.server.log.read_text()
        missing = anchor(api, "show", "nothing")
        assert (missing.returncode, missing.stderr) == (
            1,
            "holdfast: anchor.show: nothing has no trust anchor; there are: ., island\n",
        )
        for path, status in (("/v1/anchors/nothing", 404), ("/v1/anchors/@", 200)):
            assert api.request("GET", path).status == status
        assert api.request("POST", "/v1/anchors", values).status == 409
        chaos = dns.message.make_query("trustanchor.server", "TXT", "CH")
        texts = dns.query.udp(chaos, "127.0.0.1", port=api.server.port, timeout=WAIT_S).answer[0].to_text()
        assert '"island 12345"' in texts


def test_a_state_that_cannot_be_stored_is_shown_as_an_error(tmp_path: Path, island: tuple[SignedWorld, str]) -> None:
    world, network = island
    anchor_state_path(tmp_path / "state", wire_name("island")).mkdir(parents=True)
    (tmp_path / "state").chmod(0o700)
    with running_api(tmp_path, network=network) as api:
        values = {"zone": "island", "record": record_of(world), "reason": "x", "author": "y"}
        assert api.request("POST", "/v1/anchors", values).status == 201
        until(lambda: "error: its state cannot be stored" in anchor(api, "show", "island").stdout)
        assert all(ask(api.server)), "it is trusted all the same"


def test_an_imported_file_is_in_force_and_said_to_be_the_source(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        assert api.request("GET", "/v1/anchors/@").body["anchors"][0]["records"] == [{"source": "built in"}]
        values = {"xml": EXAMPLE, "reason": "new", "author": "ops", "unsigned": True}
        made = api.request("POST", "/v1/root-anchors", values)
        (root,) = made.body["anchors"]
        assert (root["trusted"], [one["source"] for one in root["records"]]) == ([20326], ["imported"])
        assert made.body["warning"] == "key 19036 is not valid any more"
        (root,) = api.request("DELETE", "/v1/anchors/@?reason=x&author=ops").body["anchors"]
        assert root["trusted"] == [20326, 38696]


def test_an_import_needs_a_good_signature_or_the_word_that_none_is_needed(tmp_path: Path) -> None:
    require_program("openssl", "openssl")
    xml, p7s, ca = tmp_path / "root-anchors.xml", tmp_path / "root-anchors.p7s", tmp_path / "ca.pem"
    with running_api(tmp_path) as api:
        values: dict[str, object] = {"xml": published("root-anchors.xml").decode(), "reason": "new", "author": "ops"}
        iana = {**values, "signature": base64.b64encode(published("root-anchors-2024.p7s")).decode()}
        ours = Files()
        for refused, wrong in (
            (values, "give the signature, or unsigned if you know"),
            ({**iana, "unsigned": True}, "the signature would not be looked at"),
            ({**values, "unsigned": False, "signer": "a@b.c"}, "give the signature"),
            ({**values, "signature": "!"}, "the signature is not base64"),
            ({**values, "signature": ""}, "the signature is empty"),
            (iana, "expired: the signer's was valid until 2026-07-07T"),
            ({**iana, "xml": EXAMPLE}, "does not verify the file: "),
            ({**iana, "authority": ours.ca.decode()}, "does not verify the file: "),
            ({**iana, "authority": "\ud800"}, "the authority has no certificate in PEM"),
            ({**iana, "authority": "-----BEGIN CERTIFICATE-----"}, "does not verify the file: "),
            ({**iana, "xml": "\ud800"}, "surrogates not allowed"),
            ({**iana, "xml": "<TrustAnchor/>"}, "it is about the zone"),
            ({**iana, "signer": "\ud800"}, "expired"),
        ):
            reply = api.request("POST", "/v1/root-anchors", refused)
            assert reply.status == 422 and wrong in reply.body["detail"], (refused, reply.body)
        xml.write_bytes(ours.xml)
        p7s.write_bytes(ours.p7s)
        ca.write_bytes(ours.ca)
        by_ours = ("import", str(xml), "--signature", str(p7s), "--author", "ops")
        done = anchor(api, *by_ours)
        assert done.returncode == 2 and "anchor.import: the signature does not verify the file" in done.stderr
        done = anchor(api, *by_ours, "--ca", str(ca), "--signer", "intern@iana.org")
        assert done.returncode == 2 and "signed by dnssec@iana.org, not by intern@iana.org" in done.stderr
        done = anchor(api, *by_ours, "--ca", str(ca))
        assert done.returncode == 0, done.stderr
        (root,) = api.request("GET", "/v1/anchors/@").body["anchors"]
        assert (root["trusted"], [one["source"] for one in root["records"]]) == ([20326], ["imported"])


@pytest.mark.parametrize("option", ["file", "--signature", "--ca"])
def test_files_of_an_import_that_are_missing_too_long_or_garbage_are_refused_in_words(
    tmp_path: Path, option: str
) -> None:
    paths = {name: tmp_path / name.strip("-") for name in ("file", "--signature", "--ca")}
    contents = {"file": EXAMPLE.encode(), "--signature": b"signature", "--ca": b"certificates"}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    command = [*COMMAND, "anchor", "import", str(paths["file"]), "--author", "ops", "--socket", str(tmp_path / "none")]
    for name in ("--signature", "--ca"):
        command += [name, str(paths[name])]
    for octets, wrong in (
        (b"x" * 100_000, "has more than"),
        (b"\xff", "UTF-8"),
        (None, "cannot be read: No such file"),
    ):
        if octets is None:
            paths[option].unlink()
        else:
            paths[option].write_bytes(octets)
        if octets == b"\xff" and option == "--signature":
            continue  # any octets may be a signature, until they are looked at
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
        assert done.returncode == 2 and f"{paths[option]}: " in done.stderr and wrong in done.stderr


def test_many_anchors_are_listed_over_tcp_and_in_one_reply(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        for number in range(TRUST_ANCHOR_RECORDS):
            values = {"zone": f"zone-{number:03d}.corp.example", "record": DS, "reason": "x" * 120, "author": "y"}
            assert api.server.command({"command": "anchor.add", **values})["ok"]
        listed = api.request("GET", "/v1/anchors")
        assert len(listed.body["anchors"]) == TRUST_ANCHOR_RECORDS + 1
        query = dns.message.make_query("trustanchor.server", "TXT", "CH")
        over_udp = dns.query.udp(query, "127.0.0.1", port=api.server.port, timeout=WAIT_S)
        assert over_udp.flags & dns.flags.TC
        over_tcp = dns.query.tcp(query, "127.0.0.1", port=api.server.port, timeout=WAIT_S)
        assert len(over_tcp.answer[0]) == TRUST_ANCHOR_RECORDS + 1
