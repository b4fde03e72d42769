"""Reading scenario files."""

from pathlib import Path

import pytest

from holdfast.lab.rpl import ScenarioError, parse

HEAD = "stub-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN test\n"


def parsed_range(tmp_path: Path, line: str) -> list[str]:
    path = tmp_path / "one.rpl"
    path.write_text(f"{HEAD}{line}\nRANGE_END\nSCENARIO_END\n")
    return parse(path).ranges[0].addresses


def test_the_address_of_a_range_may_stand_in_its_first_line(tmp_path: Path) -> None:
    assert parsed_range(tmp_path, "RANGE_BEGIN 0 10 192.0.2.7; root") == ["192.0.2.7"]
    assert parsed_range(tmp_path, "RANGE_BEGIN 0 10\n ADDRESS 192.0.2.8") == ["192.0.2.8"]


@pytest.mark.parametrize("line", ["RANGE_BEGIN 0 10 nowhere", "RANGE_BEGIN 0 10\n ADDRESS 192.0.2", "RANGE_BEGIN 0"])
def test_a_range_that_makes_no_sense_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    with pytest.raises(ScenarioError, match=r"one\.rpl:\d+: "):
        parsed_range(tmp_path, line)
