"""The examples in docs/cli.md and docs/python-api.md do what the pages say."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo import COMMAND, Demo, running_demo

DOCS = Path(__file__).parents[3] / "docs"
PYTHON_EXAMPLES = re.findall(
    r"```python\n(.*?)```\n\n```text\n(.*?)```", (DOCS / "python-api.md").read_text(), re.DOTALL
)
CONSOLE = "\n".join(re.findall(r"```console\n(.*?)```", (DOCS / "cli.md").read_text(), re.DOTALL))
CONSOLE_EXAMPLES = re.findall(r"^\$ holdfast (.*)\n((?:(?!\$ ).*\n)*)", CONSOLE, re.MULTILINE)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


def timeless(text: str) -> str:
    """The text without what differs from day to day: times, what is left of them, TTLs."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"\d+ (d|h|min|s)( \d+ (h|min|s))? (left|ago)", "LEFT", text)
    return re.sub(r"  \d+  (?=[A-Z])", "  TTL  ", text).strip()


def test_there_are_examples() -> None:
    assert len(PYTHON_EXAMPLES) == 4
    assert len(CONSOLE_EXAMPLES) == 3


@pytest.mark.parametrize(("code", "output"), PYTHON_EXAMPLES)
def test_python_examples(demo: Demo, code: str, output: str) -> None:
    code = code.replace("127.0.0.1:5300", demo.place)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == (output, "")


@pytest.mark.parametrize(("arguments", "output"), CONSOLE_EXAMPLES)
def test_console_examples(demo: Demo, arguments: str, output: str) -> None:
    arguments = arguments.replace("127.0.0.1:5300", demo.place).replace("root.anchor", demo.anchor)
    result = subprocess.run([*COMMAND, *shlex.split(arguments)], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert timeless(result.stdout) == timeless(output)
