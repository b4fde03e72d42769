"""The description (OpenAPI 3.1) is complete, and generated requests find nothing that contradicts it."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from structlog.testing import capture_logs

from holdfast.http_api.app import Api
from holdfast.http_api.arguments import VERSION, RouteTable
from holdfast.http_api.gate import Gate
from holdfast.http_api.openapi import description
from holdfast.http_api.results import RESULTS
from holdfast.server.commands import COMMANDS
from holdfast.server.settings import Listener
from holdfast.server.sockets import bind_listener
from tests.support.ports import reserve_port
from tests.support.server_process import WAIT_S, running_server, until

TOKEN = "t" * 43
SCHEMATHESIS = [sys.executable, "-m", "schemathesis.cli", "run", "--seed", "4", "--max-examples", "15", "--no-color"]
# A name or a reason that fits the schema may still be none that the server takes, so acceptance is not checked; what is
# made by one request (stateful) is covered by the other tests.
UNCHECKED = "positive_data_acceptance"
PHASES = "examples,coverage,fuzzing"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_in_it_with_all_its_arguments(name: str) -> None:
    command = COMMANDS[name]
    route = command.at()
    operation = description()["paths"][VERSION + route.path][route.method.lower()]
    assert operation["operationId"] == name and operation["summary"]
    body = operation.get("requestBody", {"content": {"application/json": {"schema": {"properties": {}}}}})
    listed = {*body["content"]["application/json"]["schema"]["properties"]}
    listed |= {parameter["name"] for parameter in operation.get("parameters", [])}
    assert listed == {argument.name for argument in command.arguments}
    assert all(argument.meaning for argument in command.arguments)
    assert bool(route.made) == (route.success == 201), "what is created has a Location"


def test_no_two_commands_share_a_place_and_words_go_before_variables() -> None:
    places = [(command.at().method, command.at().path) for command in COMMANDS.values()]
    assert len(set(places)) == len(places)
    for command in COMMANDS.values():
        route = command.at()
        found, values = RouteTable().find(route.method, VERSION + route.path)
        assert found is command
        assert all(value.startswith("{") for value in values.values())


def test_results_are_described_for_commands_that_exist() -> None:
    assert set(RESULTS) <= set(COMMANDS)


@pytest.fixture
def base_url(tmp_path: Path) -> Iterator[str]:
    """The API in this process, without limit of rate, in front of a real server."""
    with running_server(tmp_path) as server, pytest.MonkeyPatch.context() as patch, capture_logs():
        patch.setattr("holdfast.http_api.app.REQUESTS_AT_ONCE", 1e9)
        patch.setattr("holdfast.http_api.app.STRANGERS_AT_ONCE", 1e9)
        listener = Listener("127.0.0.1", reserve_port())
        sock = bind_listener(listener, socket.SOCK_STREAM)
        app = Api(server.socket, Gate(TOKEN, []))
        runner = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, server_header=False))
        thread = threading.Thread(target=lambda: asyncio.run(runner.serve([sock])))
        thread.start()
        until(lambda: runner.started)
        yield f"http://{listener}"
        runner.should_exit = True
        thread.join(WAIT_S)


def test_generated_requests_find_no_contradiction(base_url: str, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(description()))
    options = ["--url", base_url, "--header", f"Authorization: Bearer {TOKEN}", "--phases", PHASES]
    options += ["--exclude-checks", UNCHECKED, "--exclude-operation-id", "stop", "--exclude-operation-id", "reload"]
    options += ["--generation-database", "none", "--report-json-path", str(tmp_path / "report.json")]
    command = [*SCHEMATHESIS, str(document), *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    generated = re.search(r"(\d+) generated", ran.stdout)
    assert generated is not None and int(generated[1]) > 100, ran.stdout
