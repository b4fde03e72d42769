"""`holdfast registry check` as people, scripts and NSD run it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.control.problems import InputError
from holdfast.control.registry_check import parse_time
from holdfast.registry.rdata_text import rdata_text
from holdfast.registry.zone_file import zone_text
from tests.support.broken_zones import BROKEN, Case
from tests.support.nsd import running_nsd, serial_of, wait_for, wait_for_serial
from tests.support.ports import reserve_port
from tests.support.programs import require_program

DOCUMENT = Path(__file__).parents[3] / "docs" / "registry.md"
HOLDFAST = [sys.executable, "-m", "holdfast", "registry", "check"]


def check(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HOLDFAST, *arguments],
        input=text,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good.zone, bad.zone and good.ds, valid now."""
    folder = tmp_path_factory.mktemp("zones")
    now_s = int(time.time())
    good = Case(now_s)
    bad = next(one for one in BROKEN if one.make.__name__ == "wrong_key_apex_nsec3").case(now_s)
    (folder / "good.zone").write_text(zone_text(good.zone))
    (folder / "bad.zone").write_text(zone_text(bad.zone))
    (folder / "good.ds").write_text(f"example. 86400 IN DS {rdata_text(43, good.ds[0])}\n")
    return folder


def test_a_good_zone_is_published(files: Path) -> None:
    done = check(str(files / "good.zone"), "--parent-ds", str(files / "good.ds"), "--jobs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("0 bad: publish")


def test_a_bad_zone_is_stopped_and_json_says_why(files: Path) -> None:
    done = check(str(files / "bad.zone"), "--parent-ds", str(files / "good.ds"), "--json")
    report = json.loads(done.stdout)
    (finding,) = report["findings"]
    assert (done.returncode, report["verdict"], report["signatures_bad"]) == (1, "stop", 1)
    assert (finding["type"], finding["extended_error"]["code"]) == ("NSEC3", 6)
    published = {key["key_hash"]: key["key_tag"] for key in report["keys"]}
    assert published[finding["key_hash"]] == finding["key_tag"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.zone"], "missing.zone: cannot be read: No such file"),
        (["{folder}/broken.zone"], "broken.zone:2: 'nonsense' is not a record type"),
        ([], "name the zone file to check"),
        (["{folder}/good.zone", "--parent-ds", "{folder}/good.zone"], "has no DS record of example"),
        (["{folder}/good.zone", "--changed-only"], "--changed-only needs --current"),
        (["--removals", "x"], "a delta is --current FILE with --removals FILE and --additions FILE"),
        (["{folder}/good.zone", "--at", "noon"], "'noon' is no time"),
        (["{folder}/good.zone", "--zone", "a..b"], "'a..b' is not a domain name"),
        (["{folder}/good.zone", "--sample", "-1"], "--sample"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments: list[str], said: str, files: Path) -> None:
    (files / "broken.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\nwww 60 nonsense\n")
    extra = ["--zone", "example"] if "broken" in str(arguments) else []
    done = check(*(argument.format(folder=files) for argument in arguments), *extra)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_nsd_feeds_the_zone_on_standard_input(files: Path) -> None:
    environment = {"VERIFY_ZONE": "example", "VERIFY_ZONE_ON_STDIN": "yes"}
    assert check(text=(files / "good.zone").read_text(), **environment).returncode == 0
    assert check(text=(files / "bad.zone").read_text(), **environment).returncode == 1


def test_the_journal_is_written_for_what_is_published_only(files: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.json"
    assert check(str(files / "bad.zone"), "--journal", str(journal)).returncode == 1
    assert not journal.exists()
    assert check(str(files / "good.zone"), "--journal", str(journal)).returncode == 0
    assert json.loads(journal.read_text())["zone"] == "example"


def test_times() -> None:
    expected = 1_778_009_400
    assert [parse_time(text) for text in ("2026-05-05T19:30:00Z", "20260505193000", "1778009400")] == [expected] * 3
    with pytest.raises(InputError):
        parse_time("2026-05-05")


HOOKS = re.findall(r"```(?:text|sh)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


def documented(start: str) -> str:
    """The one example in docs/registry.md that starts like this."""
    (found,) = [text for text in HOOKS if text.startswith(start)]
    return str(found)


def test_nsd_publishes_what_passes_and_keeps_the_old_version_otherwise(files: Path, tmp_path: Path) -> None:
    control = require_program("nsd-control", "nsd")
    primary, secondary, verify = reserve_port(), reserve_port(), reserve_port()
    served = tmp_path / "served.zone"
    served.write_text((files / "good.zone").read_text())
    snippet = documented("verify:").replace("/usr/bin/holdfast", f"{sys.executable} -m holdfast")
    snippet = snippet.replace("/var/lib/holdfast", str(tmp_path)).replace("verify:\n", f"verify:\n  port: {verify}\n")
    with (
        running_nsd(
            tmp_path,
            "primary",
            port=primary,
            zones={"example": served},
            options=f"  provide-xfr: 127.0.0.1 NOKEY\n  notify: 127.0.0.1@{secondary} NOKEY",
        ),
        running_nsd(
            tmp_path,
            "secondary",
            port=secondary,
            more=snippet,
            zones={"example": tmp_path / "transferred.zone"},
            options=f"  request-xfr: AXFR 127.0.0.1@{primary} NOKEY\n  allow-notify: 127.0.0.1 NOKEY",
        ),
    ):
        log = tmp_path / "secondary.log"
        wait_for("serial 2026050500", log)
        wait_for_serial(secondary, "2026050500")
        served.write_text((files / "bad.zone").read_text().replace("2026050500", "2026050501"))
        subprocess.run([control, "-c", str(tmp_path / "primary.conf"), "reload", "example"], check=True)
        wait_for("RRSIG with invalid signature", log)
        time.sleep(0.5)
        assert (serial_of(primary), serial_of(secondary)) == ("2026050501", "2026050500")


def test_cascades_review_hook(files: Path, tmp_path: Path) -> None:
    """The script of the documentation, with a server that answers AXFR as Cascade's review server does."""
    dig = require_program("dig", "bind9-dnsutils")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "holdfast").write_text(f'#!/bin/sh\nexec {sys.executable} -m holdfast "$@"\n')
    script = tmp_path / "review.sh"
    script.write_text(documented("#!/bin/bash"))
    for program in (programs / "holdfast", script):
        program.chmod(0o755)
    port = reserve_port()
    for name, expected in (("good.zone", 0), ("bad.zone", 1)):
        folder = tmp_path / name
        folder.mkdir()
        with running_nsd(folder, "nsd", port, {"example": files / name}, "  provide-xfr: 127.0.0.1 NOKEY"):
            wait_for_serial(port, "2026050500")
            environment = {
                **os.environ,
                "PATH": f"{programs}:{Path(dig).parent}:{os.environ['PATH']}",
                "CASCADE_ZONE": "example",
                "CASCADE_SERVER_IP": "127.0.0.1",
                "CASCADE_SERVER_PORT": str(port),
            }
            done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == expected, done.stdout + done.stderr
        port = reserve_port()
