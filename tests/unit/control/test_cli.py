"""The command line: wrong input is one line on standard error and exit code 2, and each command does its work."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast import __version__
from holdfast.control.cli import app, main
from tests.support.ports import reserve_port

COMMAND = [sys.executable, "-m", "holdfast"]
# A network in which nothing can be reached: every resolution fails at once.
UNREACHABLE = '[upstream.address_map]\n"192.0.2.1" = "127.0.0.1:9"\n'


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    """Exit code, standard output and standard error of the command, run in this process."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    output, errors = capsys.readouterr()
    return caught.value.code, output, errors


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serve"],
        ["check-config"],
        ["query"],
        ["demo"],
        ["lab", "scenario"],
        ["lab", "list"],
        ["lab", "replay"],
        ["lab", "compare"],
        ["lab", "simulate"],
        ["control", "flush"],
        ["version"],
    ],
)
def test_every_command_explains_itself(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = outcome(capsys, "version")
    assert code == 0
    assert output.startswith(f"holdfast {__version__} (")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["frobnicate"], "no such command 'frobnicate'; see `holdfast --help`"),
        (["serve", "--frob"], "no such option: --frob; see `holdfast serve --help`"),
        (
            ["serve", "--listen", "here"],
            "--listen: 'here' is not an IP address; write 192.0.2.1:53 or [2001:db8::1]:53",
        ),
        (["control", "status"], "say which server: --socket PATH, or the --config FILE that it was started with"),
        (["control", "stop", "--socket", "/no"], "cannot talk to a server at /no: No such file or directory"),
        (["serve", "--config", "/no.toml"], "/no.toml: cannot be read: No such file or directory"),
        (["serve", "--root-hints", "/no"], "/no: cannot be read: No such file or directory"),
        (["serve", "--trust-anchor", "/no"], "/no: cannot be read: No such file or directory"),
        (["serve", "--state", "/dev/null/x"], "server.state_directory: /dev/null/x cannot be made: Not a directory"),
        (["check-config", "/no.toml"], "/no.toml: cannot be read: No such file or directory"),
        (["query"], "missing argument 'NAME'; see `holdfast query --help`"),
        (["query", "@127.0.0.1"], "query takes NAME [TYPE] [@SERVER]; see `holdfast query --help`"),
        (["query", "a", "b", "c"], "query takes NAME [TYPE] [@SERVER]; see `holdfast query --help`"),
        (["query", "a..b"], "'a..b' is not a domain name: it has an empty label"),
        (["query", "a", "AAAAA"], "'AAAAA' is not a record type; write a mnemonic such as AAAA, or TYPE65280"),
        (["query", "a", "@127.0.0.1:x"], "the port in '127.0.0.1:x' is not a number in 0..65535"),
        (["lab"], ""),
        (["lab", "scenario"], "missing argument 'PATH'; see `holdfast lab scenario --help`"),
    ],
)
def test_wrong_input(capsys: pytest.CaptureFixture[str], arguments: list[str], line: str) -> None:
    code, output, errors = outcome(capsys, *arguments)
    assert code == 2
    if line:
        assert errors == f"holdfast: {line}\n"
        assert output == ""


def test_lab_scenario_plays_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.rpl").write_text("; no scenario\n")
    code, output, _ = outcome(capsys, "lab", "scenario", str(tmp_path))
    assert str(tmp_path / "empty.rpl") in output
    assert output.splitlines()[-1].endswith(" unsupported")
    assert code in (0, 1)
    assert outcome(capsys, "lab", "scenario", "/no.rpl")[0] == 2


def test_wrong_input_leaves_the_process_with_2_and_no_traceback() -> None:
    result = run("query", "a..b")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "holdfast: 'a..b' is not a domain name: it has an empty label\n"


def test_an_address_that_cannot_be_bound_is_an_error_in_words() -> None:
    result = run("serve", "--listen", "192.0.2.1:5353")
    assert result.returncode == 2
    assert result.stderr.startswith("holdfast: cannot listen on 192.0.2.1:5353: ")
    assert len(result.stderr.splitlines()) == 1


def test_check_config(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text("[cache]\nprefetch = false\n")
    assert outcome(capsys, "check-config", str(path)) == (0, f"{path}: good\n", "")
    path.write_text("[cache]\nprefetc = false\nsize_mib = 0\n")
    assert outcome(capsys, "check-config", str(path)) == (
        2,
        "",
        f'holdfast: {path}:2: cache.prefetc: unknown key; did you mean "prefetch"?\n'
        f"holdfast: {path}:3: cache.size_mib: must be at least 1, not 0\n",
    )


def test_check_config_reads_the_named_files_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text('[validation]\ntrust_anchor_file = "anchor"\n')
    (tmp_path / "anchor").write_text(". TXT x\n")
    code, _, errors = outcome(capsys, "check-config", str(path))
    assert code == 2
    assert errors == f"holdfast: {tmp_path}/anchor:1: 'TXT' where a record type (DNSKEY, DS) should be\n"


def test_query_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = outcome(capsys, "query", "localhost")
    assert (code, errors) == (0, "")
    assert "localhost.  86400  A  127.0.0.1\n" in output


def test_query_that_fails_has_exit_code_1_and_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text(UNREACHABLE)
    code, output, errors = outcome(capsys, "query", "www.example.de", "--config", str(path), "--json")
    assert (code, errors) == (1, "")
    answer = json.loads(output)
    assert (answer["name"], answer["type"], answer["rcode"]) == ("www.example.de.", "A", "SERVFAIL")
    assert answer["extended_errors"]


def test_query_without_response_has_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{sock.getsockname()[1]}"
        code, output, errors = outcome(capsys, "query", "a", f"@{place}", "--timeout-s", "0.2")
    assert (code, output, errors) == (1, "", f"holdfast: {place} did not respond within 0.2 s\n")


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A `holdfast serve` process on a free port, and its address and port; what it logs goes to its stderr pipe."""
    place = f"127.0.0.1:{reserve_port()}"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [*COMMAND, "serve", "--listen", place, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert "serving" in first, first
            yield process, place
        finally:
            process.kill()


def test_serve_answers_until_it_is_told_to_stop(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serving("--state", str(state), "--workers", "2") as (process, place):
        for transport in ([], ["--tcp"]):
            result = run("query", "localhost", f"@{place}", *transport)
            assert (result.returncode, result.stderr) == (0, "")
            assert "127.0.0.1" in result.stdout
        assert state.is_dir()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_output_into_a_closed_pipe_is_no_traceback() -> None:
    process = subprocess.Popen(
        [*COMMAND, "query", "localhost"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(30)


def test_help_does_not_wait_for_what_it_does_not_need() -> None:
    code = "import sys, holdfast.control.cli; print({'asyncio', 'pydantic', 'dns'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "de-2026-05-50"], "no outage 'de-2026-05-50'; did you mean \"de-2026-05-05\"?"),
        (["replay", "no/such.toml"], "no/such.toml: No such file or directory"),
        (["replay", "au-2023-09-18", "--policy", "hope"], "no policy 'hope'; choose from no-stale, stale, "),
        (["compare", "au"], "no outage 'au'; `holdfast lab list` shows all"),
    ],
)
def test_mistakes_in_laboratory_commands(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, _, errors = outcome(capsys, "lab", *arguments)
    assert code == 2
    assert message in errors
    assert len(errors.splitlines()) == 1


def test_a_report_that_cannot_be_written_is_an_error_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    words = ["lab", "replay", "dnsops-gov-2018-09-08", "--scale", "0.05", "--policy", "no-stale"]
    code, _, errors = outcome(capsys, *words, "--out", str(tmp_path / "file"))
    assert code == 2
    assert f"--out {tmp_path / 'file'}: File exists" in errors


def test_the_catalogue_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = outcome(capsys, "lab", "list")
    assert code == 0
    assert any(line.startswith("de-2026-05-05 ") for line in output.splitlines())
