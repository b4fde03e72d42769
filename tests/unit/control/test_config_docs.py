"""docs/configuration.md is what the models say, and has a heading for every section and key."""

from pathlib import Path

import pytest

from holdfast.control.config import Config, parse_config, section_class
from holdfast.control.config_docs import render

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(), "run: python -m holdfast.control.config_docs >docs/configuration.md"


@pytest.mark.parametrize("section", list(Config.model_fields))
def test_every_key_has_a_heading_and_a_description(section: str) -> None:
    lines = PAGE.read_text().splitlines()
    assert f"## `[{section}]`" in lines or f"## `[[{section}]]`" in lines
    for key, field in section_class(section).model_fields.items():
        assert f"### `{section}.{key}`" in lines
        assert field.description and field.description.endswith(".")


def test_the_example_is_valid() -> None:
    example = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    config = parse_config(example, "/etc/holdfast.toml")
    assert config.server.workers == 2
