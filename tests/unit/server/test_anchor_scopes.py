"""Scopes as users write them and as the journal has them, and a server that obeys them during the outage of .de."""

import json
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from structlog.testing import capture_logs

from holdfast.base.limits import ANCHOR_REASON_CHARACTERS, CLIENT_GROUPS, NEGATIVE_TRUST_ANCHORS
from holdfast.base.settings import EngineSettings
from holdfast.dns.iana import EDE_NEGATIVE_TRUST_ANCHOR
from holdfast.dnssec.anchor_scope import narrow_scope
from holdfast.server.anchor_scopes import missing_names, read_scope, requested_scope, scope_values
from holdfast.server.commands import CommandError, check_request
from holdfast.server.lines import LINE_OCTETS, Values, encode
from holdfast.server.negative_trust_anchors import FILE_NAME, NegativeTrustAnchorList
from tests.support.de_network import DeNetwork
from tests.support.dnssec_records import wire_name
from tests.support.engine_world import Message
from tests.support.ports import reserve_port
from tests.support.registry_world import client_group, is_let_through
from tests.support.server_process import WAIT_S, ServerProcess, running_server
from tests.support.signed_world import ede_codes, ede_texts, is_secure

START_S = 1_778_000_000
NARROW_TEXT = narrow_scope().text()


def settings(groups: int = 0) -> EngineSettings:
    made = EngineSettings()
    made.services = ["default", "family"]
    made.client_groups = [client_group("mail", "192.0.2.25/32", strict=True), client_group("office", "10.0.0.0/8")]
    made.client_groups += [client_group(f"{'x' * 28}{number}", "10.0.0.0/8") for number in range(groups)]
    return made


def add(anchors: NegativeTrustAnchorList, zone: str = "de", groups: int = 0, /, **more: object) -> Values:
    values = {"command": "nta.add", "zone": zone, "reason": "r" * ANCHOR_REASON_CHARACTERS, "author": "ops", **more}
    check_request(values)
    return anchors.change(values, settings(groups)).request


# -- what is asked for -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "arguments", "text"),
    [
        ("de", {}, NARROW_TEXT),
        ("example.de", {}, ""),
        ("de", {"scope": "wide"}, ""),
        ("co.uk", {"scope": "narrow"}, NARROW_TEXT),
        ("de", {"below": "relaxed"}, NARROW_TEXT.removesuffix(", zones below are validated")),
        ("example.de", {"below": "strict"}, "zones below are validated"),
        ("de", {"types": "A,AAAA"}, "for A AAAA, zones below are validated"),
        ("de", {"except_types": "tlsa, CAA,TLSA", "below": "relaxed"}, "not for TLSA CAA"),
        ("de", {"scope": "wide", "services": "family"}, "service family"),
        ("de", {"scope": "wide", "clients": "office,mail"}, "clients office mail"),
        ("de", {"scope": "wide", "except_clients": "office"}, "not clients office"),
    ],
)
def test_what_is_not_said_is_as_usual_for_the_zone(zone: str, arguments: dict[str, str], text: str) -> None:
    scope = requested_scope(dict(arguments), wire_name(zone))
    assert scope.text() == text
    assert read_scope(json.loads(json.dumps(scope_values(scope)))).text() == text, "and comes back from the journal"


@pytest.mark.parametrize(
    ("arguments", "argument", "wrong"),
    [
        ({"scope": "all"}, "scope", "scope must be narrow or wide, not 'all'"),
        ({"below": "no"}, "below", "below must be strict or relaxed, not 'no'"),
        ({"types": "A,,MX"}, "types", "'' is not a record type"),
        ({"types": "AX"}, "types", "'AX' is not a record type; write a mnemonic such as AAAA, or TYPE65280"),
        ({"except_types": "AXFR"}, "except_types", "AXFR is not a type of data"),
        ({"services": "famly"}, "services", "there is no service 'famly'; there are: default, family"),
        ({"clients": "offices"}, "clients", "there is no client group 'offices'; there are: mail, office"),
        ({"clients": "Office!"}, "clients", "'Office!' is not a plain name"),
        ({"clients": "mail"}, "clients", "client group 'mail' is on the never list"),
        ({"except_clients": "mail"}, "except_clients", "client group 'mail' is on the never list"),
        (
            {"clients": "office", "except_clients": "office"},
            "except_clients",
            "client group 'office' cannot be meant and left out",
        ),
        ({"types": "A", "except_types": "A"}, "except_types", "no type is left that it would hold for"),
        ({"types": ",".join(f"TYPE{n + 300}" for n in range(60))}, "types", "at most 400 characters"),
        (
            {"types": "A," * 150 + "A", "except_types": ",".join(f"TYPE{n}" for n in range(1000, 1044))},
            "scope",
            "too much",
        ),
        ({"clients": ["office"]}, "clients", "clients must be of the type str"),
    ],
)
def test_what_is_wrong_is_said_with_its_argument_and_changes_nothing(
    arguments: dict[str, object], argument: str, wrong: str
) -> None:
    anchors = NegativeTrustAnchorList(None, lambda: START_S)
    with pytest.raises(CommandError) as caught:
        add(anchors, **arguments)
    assert wrong in str(caught.value) and caught.value.argument == argument
    assert anchors.in_force() == []


# -- the journal -------------------------------------------------------------------------------------------------------


def test_a_scope_survives_extensions_and_restarts(tmp_path: Path) -> None:
    anchors = NegativeTrustAnchorList(tmp_path, lambda: START_S)
    add(anchors, clients="office", types="A,TYPE65280")
    values = {"command": "nta.extend", "zone": "de", "lifetime_s": 60, "author": "ops"}
    anchors.change(values, settings())
    (kept,) = NegativeTrustAnchorList(tmp_path, lambda: START_S).in_force()
    assert kept.scope.text() == "clients office, for A TYPE65280, zones below are validated"
    assert kept.end_s == START_S + 60


def test_a_journal_from_before_there_were_scopes_is_read_as_it_was_meant(tmp_path: Path) -> None:
    record = {"zone": "de", "reason": "wrong key", "author": "ops", "start_s": START_S, "end_s": START_S + 60}
    line = {"at": "2026-05-05T16:53:20Z", "action": "add", "by": "ops", "why": "wrong key", "anchor": record}
    (tmp_path / FILE_NAME).write_bytes(encode(line))
    (read,) = NegativeTrustAnchorList(tmp_path, lambda: START_S).in_force()
    assert read.scope.text() == ""


@pytest.mark.parametrize("damage", [{"types": ["AX"]}, {"clients": "office"}, {"services": [1]}, {"below": "deep"}])
def test_a_record_with_a_damaged_scope_is_none(tmp_path: Path, damage: dict[str, object]) -> None:
    record = {"zone": "de", "reason": "wrong key", "author": "ops", "start_s": START_S, "end_s": START_S + 60}
    (tmp_path / FILE_NAME).write_bytes(encode({"action": "add", "anchor": {**record, **damage}}))
    with capture_logs() as logged:
        assert NegativeTrustAnchorList(tmp_path, lambda: START_S).in_force() == []
    assert [entry["log_level"] for entry in logged] == ["error"]


def test_all_records_fit_into_one_reply_whatever_their_scopes() -> None:
    anchors = NegativeTrustAnchorList(None, lambda: START_S)
    groups = CLIENT_GROUPS - 2
    for number in range(NEGATIVE_TRUST_ANCHORS):
        names = ",".join(f"{'x' * 28}{at}" for at in range(9))
        add(anchors, f"z{number}.{'x' * 60}.{'x' * 60}", groups, except_clients=names, types="TYPE65280,TYPE65281")
    assert len(encode(anchors.show({"command": "nta.list"}))) < LINE_OCTETS


def test_scopes_that_name_what_is_not_configured_any_more_are_reported() -> None:
    anchors = NegativeTrustAnchorList(None, lambda: START_S)
    add(anchors, services="family", except_clients="office")
    with capture_logs() as logged:
        anchors.warn_of_missing_names(settings())
        anchors.warn_of_missing_names(EngineSettings())
    assert [(entry["log_level"], entry["names"]) for entry in logged] == [
        ("error", ["service family", "client group office"])
    ]
    assert missing_names(narrow_scope(), EngineSettings()) == []


# -- a server ----------------------------------------------------------------------------------------------------------


def ask(server: ServerProcess, name: str, rtype: str = "A", source: str = "127.0.0.1", port: int = 0) -> list[Message]:
    """The answers to a question from so many ports that both workers get it."""
    query = dns.message.make_query(name, rtype, want_dnssec=True)
    to = ("127.0.0.1", WAIT_S, port or server.port)
    return [dns.query.udp(query, *to, source=source) for _ in range(8)]


def forge_addresses(wire: bytes, _transport: int) -> bytes:
    message = dns.message.from_wire(wire, ignore_trailing=True)
    for at, rrset in enumerate(message.answer):
        if rrset.rdtype == dns.rdatatype.A:
            message.answer[at] = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", "203.0.113.66")
    return message.to_wire(max_size=65535)


@pytest.fixture
def network() -> Iterator[DeNetwork]:
    made = DeNetwork()
    with made.running():
        yield made


def fails(answer: Message) -> bool:
    return answer.rcode() == dns.rcode.SERVFAIL and EDE_NEGATIVE_TRUST_ANCHOR not in ede_codes(answer)


def test_issue4_every_name_of_de_answers_but_what_must_not(network: DeNetwork, tmp_path: Path) -> None:
    """All workers at once; known signed zones stay validated, forged ones fail, the never list keeps its SERVFAIL."""
    family = reserve_port()
    groups = (
        f'[[client_group]]\nname = "mail"\nprefixes = ["127.0.0.2"]\nvalidation = "strict"\n'
        f'[[client_group]]\nname = "office"\nprefixes = ["127.0.0.3"]\n'
        f'[[service]]\nname = "family"\nlisten = ["127.0.0.1:{family}"]\n'
    )
    below = [one for one in network.world.leaves if one.name.endswith(network.world.subject)]
    known = next(one for one in below if one.signed and len(one.names) > 2)
    apex, www, more = (dns.name.from_wire(one, 0)[0].to_text() for one in known.names[:3])
    known_names = [dns.name.from_wire(one, 0)[0].to_text(omit_final_dot=True) for one in known.names]
    fresh = network.names(False)[5:12]
    state = f"state_directory = {json.dumps(str(tmp_path))}\n"
    network.at(network.outage.broken_s - 60)
    with running_server(tmp_path, 2, more=state, network=network.configuration(tmp_path, groups)) as server:
        assert all(is_secure(answer) for answer in ask(server, www))
        network.at(network.outage.broken_s + 60)
        assert all(fails(answer) for answer in ask(server, fresh[0]))
        added = server.command(
            {"command": "nta.add", "zone": "de", "reason": "wrong key", "author": "ops", "force": True}
        )
        assert added["ok"], added
        for name in fresh:
            assert all(is_let_through(answer) and answer.answer for answer in ask(server, name)), name
        assert all(is_let_through(answer, dns.rcode.NXDOMAIN) for answer in ask(server, "no-such-zone.de"))
        unseen = [name for name in network.names(True) if name not in known_names]
        by_agreement = []
        for name in unseen[:6]:  # a third of their DS records verifies: those names are authentic
            answers = ask(server, name)
            assert all(one.rcode() == dns.rcode.NOERROR for one in answers)
            assert all(is_secure(one) is (EDE_NEGATIVE_TRUST_ANCHOR not in ede_codes(one)) for one in answers)
            if not is_secure(answers[0]):
                assert all("name servers of de agree on" in " ".join(ede_texts(one)) for one in answers)
                by_agreement.append(name)
        assert by_agreement, "the others are validated by what all servers of de say of them"
        assert all(is_secure(answer) for answer in ask(server, apex)), "its DS was validated before the break"
        network.forge_elsewhere = forge_addresses
        assert all(fails(answer) for answer in ask(server, more))
        for name in (by_agreement[0].partition(".")[2], *unseen[6:10]):  # seen after the break, or never
            assert all(fails(answer) for answer in ask(server, name)), name
        network.forge_elsewhere = None
        assert all(fails(answer) for answer in ask(server, fresh[0], source="127.0.0.2")), "on the never list"
        assert all(fails(answer) for answer in ask(server, fresh[0], source="127.0.0.2", port=family))
        assert all(is_let_through(answer) for answer in ask(server, fresh[0], source="127.0.0.3", port=family))
        assert all(fails(answer) for answer in ask(server, fresh[0], "TLSA"))
        anchor = dns.message.make_query("negativetrustanchor.server", "TXT", "CH")
        (shown,) = dns.query.tcp(anchor, "127.0.0.1", WAIT_S, server.port).answer
        assert "de until " in shown.to_text() and "zones below are validated" in shown.to_text()
        changed = server.command({"command": "nta.remove", "zone": "de", "reason": "narrower", "author": "ops"})
        assert changed["ok"]
        limits = {"scope": "wide", "services": "family", "except_clients": "office", "types": "A"}
        added = server.command(
            {"command": "nta.add", "zone": "de", "reason": "wrong key", "author": "ops", "force": True, **limits}
        )
        assert added["ok"], added
        assert all(is_let_through(answer) for answer in ask(server, fresh[1], port=family))
        assert all(fails(answer) for answer in ask(server, fresh[1]))
        assert all(fails(answer) for answer in ask(server, fresh[1], source="127.0.0.3", port=family))
        assert all(fails(answer) for answer in ask(server, fresh[1], "MX", port=family))
        assert all(is_let_through(answer) for answer in ask(server, apex, port=family)), (
            "wide: nothing below is validated"
        )
