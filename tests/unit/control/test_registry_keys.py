"""`holdfast registry init`, `sign`, `roll` and `status`: the commands of docs/registry.md, in its order."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from holdfast.control.cli import main

DOCUMENT = Path(__file__).parents[3] / "docs" / "registry.md"
ZONE = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 900
  NS ns1
ns1 A 192.0.2.1
"""


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def command_line(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `holdfast`, run in this process: starting one takes longer than all the rest."""
    output = io.StringIO()
    with (
        contextlib.chdir(folder),
        redirect_stdout(output),
        redirect_stderr(output),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    return int(ended.value.code or 0), output.getvalue()


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    ended, output = command_line(folder, *arguments)
    assert ended == code, (arguments, output)
    return output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "example.zone").write_text(ZONE)
    return tmp_path


def placeholders(text: str) -> str:
    """The text without what differs from run to run: keys, times, serial numbers."""
    text = re.sub(r"\b[0-9a-fA-F]{16}\b|\b[0-9A-F]{64}\b", "HASH", text)
    text = re.sub(r"\b(KSK|ZSK|CSK) \d+\b", r"\1 TAG", text)
    text = re.sub(r"IN DS \d+", "IN DS TAG", text)
    text = re.sub(r"signed by [0-9a-f +]+ with", "signed by HASH with", text)
    text = re.sub(r"serial \d+", "serial N", text)
    return text.strip()


def matches(said: str, expected: str) -> bool:
    """Whether output is as documented; a line of dots stands for any lines."""
    lines = [re.escape(line) if line != "..." else r"(?:.*\n)*?.*" for line in placeholders(expected).splitlines()]
    return re.fullmatch("\n".join(lines), placeholders(said)) is not None


def test_the_story_in_the_documentation(folder: Path) -> None:
    blocks = re.findall(r"```console\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "\n".join(blocks), re.MULTILINE)
    assert len(steps) >= 12
    for command, expected in steps:
        if command.startswith("holdfast "):
            _, said = command_line(folder, *shlex.split(command)[1:])
        else:
            shell = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
            said = shell.stdout + shell.stderr
        assert matches(said, expected), f"{command}\n{said}"


def test_status_for_programs(folder: Path) -> None:
    run(folder, "registry", "init", "reg", "example", "--csk", "--algorithm", "ED25519", "--backend", "a")
    status = json.loads(run(folder, "registry", "status", "reg", "--json"))
    (key,) = status["keys"]
    assert (key["role"], key["algorithm"], key["state"], key["backends"]) == ("CSK", "ED25519", "published", ["a"])
    assert key["published"] and key["signs_zone"] and not key["ds_wanted"] and status["ds_wanted"] == []
    assert key["waits"][0]["for"] == "ready"
    before = (folder / "reg" / "keys.json").read_bytes()
    run(folder, "registry", "status", "reg", "--at", "2090-01-01T00:00:00Z")
    assert (folder / "reg" / "keys.json").read_bytes() == before


def test_a_back_end_with_another_key_stops_the_rollover(folder: Path) -> None:
    run(folder, "registry", "init", "reg", "example", "--backend", "a", "--backend", "b")
    run(folder, "registry", "sign", "reg", "example.zone", "signed.zone")
    run(folder, "registry", "roll", "reg", "--start", "zsk")
    run(folder, "registry", "sign", "reg", "example.zone", "signed.zone")
    status = json.loads(run(folder, "registry", "status", "reg", "--json"))
    new = status["keys"][-1]["key_hash"]
    key = folder / "reg" / "backends" / "b" / f"{new}.pem"
    other = folder / "reg" / "backends" / "b" / f"{status['keys'][1]['key_hash']}.pem"
    key.write_bytes(other.read_bytes())
    said = run(folder, "registry", "roll", "reg", "--at", "2090-01-01T00:00:00Z", code=1)
    assert "back end b does not sign" in said and "active once every back end signs" in said


def test_what_the_gate_stops_is_not_written(folder: Path) -> None:
    run(folder, "registry", "init", "reg", "example")
    run(folder, "registry", "sign", "reg", "example.zone", "signed.zone")
    before = (folder / "signed.zone").read_bytes()
    (folder / "wrong.ds").write_text(f"example. 86400 IN DS 1 13 2 {'ab' * 32}\n")
    (folder / "example.zone").write_text(ZONE + "new A 192.0.2.2\n")
    said = run(folder, "registry", "sign", "reg", "example.zone", "signed.zone", "--parent-ds", "wrong.ds", code=1)
    assert "no DNSKEY matches the DS of example" in said and "signed.zone: NOT replaced" in said
    assert (folder / "signed.zone").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init", "reg", "example"], "reg: has a registry already"),
        (["init", "new", "a..b"], "'a..b' is not a domain name"),
        (["init", "new", "example", "--algorithm", "RSAMD5"], "algorithm: Input should be 'RSASHA256'"),
        (["init", "new", "example", "--denial", "none"], "denial: Input should be"),
        (["init", "new", "example", "--backend", "../x"], "backends: Value error, '../x': use letters"),
        (["sign", "reg", "missing.zone", "out"], "missing.zone: cannot be read"),
        (["sign", "nowhere", "example.zone", "out"], "nowhere/policy.toml: is not there"),
        (["roll", "reg", "--start", "DNSKEY"], "--start DNSKEY: must be ZSK, KSK or CSK"),
        (["roll", "reg", "--start", "ZSK", "--back"], "exclude each other"),
        (["roll", "reg", "--back"], "none to go back to"),
        (["roll", "reg", "--algorithm", "ECDSAP256SHA256"], "signed with ECDSAP256SHA256 already"),
        (["status", "open"], "open: has mode 0755, must be 0700: chmod 700 open"),
        (["status", "damaged"], "damaged/keys.json: is not a key ring"),
        (["status", "misspelt"], "misspelt/policy.toml: zsk_lifetime: Extra inputs are not permitted"),
        (["sign", "reg", "long.zone", "out"], "long.zone: has a TTL of 99999, the policy allows 86400"),
    ],
)
def test_wrong_input(arguments: list[str], said: str, registries: Path) -> None:
    assert said in run(registries, "registry", *arguments, code=2)


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good registry, and some that cannot be used."""
    folder = tmp_path_factory.mktemp("registries")
    (folder / "example.zone").write_text(ZONE)
    for name in ("reg", "open", "damaged", "misspelt"):
        run(folder, "registry", "init", name, "example")
    (folder / "open").chmod(0o755)
    (folder / "damaged" / "keys.json").write_text("{}")
    policy = folder / "misspelt" / "policy.toml"
    policy.write_text(policy.read_text().replace("zsk_lifetime_s", "zsk_lifetime"))
    (folder / "long.zone").write_text(ZONE + "long 99999 A 192.0.2.2\n")
    return folder
