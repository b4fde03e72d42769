"""Third-party resolver scenarios, played unchanged; the list of those that do not pass may only shrink."""

import csv
from pathlib import Path

import pytest

from holdfast.lab.scenario import PASS, play

HERE = Path(__file__).parent
DATA = HERE / "data"
NOT_PASSING = HERE / "not_passing.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


LISTED = {row["file"]: row for row in rows(NOT_PASSING)}
FILES = [row["file"] for row in rows(DATA / "index.csv")]


@pytest.mark.parametrize("file", FILES)
def test_scenario(file: str) -> None:
    result = play(DATA / file)
    if file in LISTED:
        assert result.verdict == LISTED[file]["verdict"], f"{file} is {result.verdict} now: correct {NOT_PASSING.name}"
    else:
        assert result.verdict == PASS, result.reason


def test_the_list_names_only_known_files_and_gives_reasons() -> None:
    for file, row in LISTED.items():
        assert file in FILES
        assert row["reason"]
