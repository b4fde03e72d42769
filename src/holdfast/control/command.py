"""`holdfast control`, `nta` and the like: one command to a running server, and its reply for people or programs."""

import json
import shlex
import socket

from rich.console import Console

from holdfast.control.anchor_report import print_trust_anchors
from holdfast.control.config import read_config
from holdfast.control.nta_report import print_report, recheck_lines
from holdfast.control.problems import InputError
from holdfast.control.rule_output import print_rules
from holdfast.control.settings import control_socket, server_settings
from holdfast.dnssec.signature_time import utc_text
from holdfast.server.anchor_scopes import read_scope
from holdfast.server.commands import INVALID
from holdfast.server.lines import LINE_OCTETS, LineBuffer, LineError, Values, decode, encode

REPLY_S = 90.0  # longer than the server waits for its workers, also when they check a zone


def run_command(
    path: str | None, config: str | None, as_json: bool, request: Values, api: tuple[str, str | None] | None = None
) -> int:
    """Send a command and print the reply; returns the exit code.

    It is 2 if the arguments are wrong, 1 if the server could not carry it out for another reason.
    """
    reply = ask_server(path, config, request, api)
    if as_json:
        print(json.dumps(reply, indent=2, sort_keys=True))
    elif reply.get("ok"):
        _print_result(Console(highlight=False, emoji=False, soft_wrap=True), request["command"], reply)
    else:
        Console(stderr=True, highlight=False, emoji=False, soft_wrap=True).print(
            f"holdfast: {reply.get('error')}", markup=False
        )
    if reply.get("ok"):
        return 0
    return 2 if reply.get("kind") == INVALID else 1


def ask_server(
    path: str | None, config: str | None, request: Values, api: tuple[str, str | None] | None = None
) -> Values:
    """Return the reply to a command. Raises InputError if there is none.

    ``api`` is the URL and the token file of the server's HTTP API, to be used in place of its control socket.
    """
    if api is None:
        return _ask(path or _configured_socket(config), request)
    if path is not None:
        raise InputError(["--socket and --api are two ways to the same server; give one of them"])
    from holdfast.control.api_client import ask_api

    return ask_api(api[0], api[1] or _configured_token_file(config), request)


def _configured_socket(config: str | None) -> str:
    """Return the control socket of a configuration. Raises InputError if it has none."""
    if config is None:
        raise InputError(["say which server: --socket PATH, or the --config FILE that it was started with"])
    place = control_socket(read_config(config))
    if place is None:
        raise InputError([f"{config}: no control socket: set server.control_socket or server.state_directory"])
    return str(place)


def _configured_token_file(config: str | None) -> str:
    """Return the token file of a configuration. Raises InputError if it has none."""
    api = server_settings(read_config(config)).api if config is not None else None
    if api is None:
        raise InputError(["say which token: --token-file FILE, or the --config FILE that the server was started with"])
    return str(api.token_file)


def _ask(place: str, request: Values) -> Values:
    """Return the reply to one command. Raises InputError if there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(REPLY_S)
            sock.connect(place)
            sock.sendall(encode(request))
            buffer = LineBuffer()
            while octets := sock.recv(LINE_OCTETS):
                for line in buffer.feed(octets):
                    return decode(line)
    except TimeoutError:
        raise InputError([f"the server at {place} does not answer"]) from None
    except (OSError, LineError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError([f"cannot talk to a server at {place}: {reason}"]) from None
    raise InputError([f"the server at {place} closed the connection; are you its user, root or in its control group?"])


def _print_result(console: Console, command: str, reply: Values) -> None:
    """Print a reply for people."""
    result = reply["result"]
    if command == "status":
        console.print(f"process {result['pid']}, up {result['uptime_s']} s, {result['restarts']} workers restarted")
        console.print("listening on " + ", ".join(result["listeners"]), markup=False)
        for worker in result["workers"]:
            console.print(
                f"worker {worker['number']}: process {worker['pid']}, {worker['state']}, {worker['uptime_s']} s"
            )
        for incident in result["incidents"]:
            console.print("broken: " + _incident_line(incident), markup=False)
        for one in result["trust_anchor_warnings"]:
            console.print(f"trust anchor of {one['zone']}: {one['level']}: {one['text']}", markup=False)
    elif command.startswith("incident."):
        _print_incidents(console, result)
    elif command == "stats":
        width = max(len(name) for name in result)
        for name, number in result.items():
            console.print(f"{name:{width}}  {number}")
    elif command == "flush":
        console.print(f"{result['entries']} entries forgotten in {result['workers']} workers")
    elif command == "nta.check":
        print_report(console, result)
    elif command.startswith("anchor."):
        print_trust_anchors(console, command, result)
    elif command.startswith("nta."):
        _print_anchors(console, command, result)
    elif command.startswith("rule."):
        print_rules(console, command, result)
    else:
        console.print("done")


def _print_anchors(console: Console, command: str, result: Values) -> None:
    """Print negative trust anchors, a line or two for each."""
    if not result["anchors"]:
        console.print("no negative trust anchors")
    for anchor in result["anchors"]:
        if command == "nta.remove":
            console.print(f"{anchor['zone']} is validated again", markup=False)
            continue
        left = f"{anchor['left_s'] // 3600} h {anchor['left_s'] % 3600 // 60} min left"
        console.print(f"{anchor['zone']} until {utc_text(anchor['end_s'])} ({left})", markup=False)
        console.print(f"  by {anchor['author']} since {utc_text(anchor['start_s'])}: {anchor['reason']}", markup=False)
        scope = read_scope(anchor).text()
        if scope:
            console.print(f"  scope: {scope}", markup=False)
        if "recheck" in anchor:
            for line in recheck_lines(anchor["recheck"]):
                console.print(f"  {line}", markup=False)
        if any(anchor.get("shadow", {}).values()):
            counts = ", ".join(f"{count} {status}" for status, count in anchor["shadow"].items() if count)
            console.print(f"  answers without it: {counts}", markup=False)
        if "confirmed" in anchor:
            console.print(f"  confirmed: {anchor['confirmed']}", markup=False)
        if "evidence" in anchor:
            console.print(f"  evidence: {anchor['evidence']}", markup=False)
    if "warning" in result:
        console.print(result["warning"], markup=False)
    if result["anchors"] and not result["kept"] and command != "nta.remove":
        console.print("not kept over a restart: the server has no state directory")


def _incident_line(incident: Values) -> str:
    """Return an incident in one line."""
    key = f", keytag {incident['key_tag']}" if incident["key_tag"] >= 0 else ""
    over = f", over since {utc_text(incident['closed_s'])}" if incident["closed_s"] else ""
    subject = f": {incident['subject']}" if incident["subject"] else ""
    line = f"{incident['zone']} since {utc_text(incident['since_s'])}: {incident['group']}{subject}{key}{over}"
    return f"{line} (incident {incident['number']})"


def _print_incidents(console: Console, result: Values) -> None:
    """Print incidents, the one that was asked for with its evidence and what is proposed."""
    if not result["incidents"]:
        console.print("no incidents")
    for incident in result["incidents"]:
        console.print(_incident_line(incident), markup=False)
        if "proposal" in incident:
            _print_evidence(console, incident)


def _print_evidence(console: Console, incident: Values) -> None:
    lines = [
        incident["reason"],
        f"{incident['failed']} failures of {incident['children']} names against {incident['good']} good verdicts, bad "
        f"data from {incident['servers']} addresses: 10^{incident['powers_of_ten']:g} times likelier if it is broken",
        "for example " + ", ".join(incident["examples"]),
        f"noticed {utc_text(incident['opened_s'])}, {incident['pages']} pages sent"
        + (", acknowledged" if incident["acknowledged"] else ""),
    ]
    if incident["covered_until_s"]:
        lines.append(f"a negative trust anchor covers it until {utc_text(incident['covered_until_s'])}")
    if incident["caution"]:
        lines.append(incident["caution"])
    proposal = incident["proposal"]
    if proposal is None:
        lines.append("a negative trust anchor would not help")
    elif not incident["closed_s"] and not incident["covered_until_s"]:
        hours = proposal["lifetime_s"] // 3600
        zone = shlex.quote(proposal["zone"])
        lines.append(f"to do: holdfast nta check {zone}")
        lines.append(f"to consider: holdfast nta add {zone} --lifetime {hours}h \\")
        lines.append(f"  --reason {shlex.quote(proposal['reason'])}")
        if proposal["scope"]:
            lines.append(f"  scope: {proposal['scope']}")
    for line in lines:
        console.print("  " + line, markup=False)
