"""No setting is accepted and then forgotten: each one is read by the code that it is about."""

import ast

import pytest

from holdfast.base.settings import EngineSettings
from holdfast.server.settings import ServerSettings
from tests.support.sources import PACKAGE, parse, python_files

# Where settings are only defined, filled or set for laboratories.
_FILLED_IN = {"base/settings.py", "server/settings.py"}
_FILLING_FOLDERS = {"control", "lab"}
_READ_BY_COMMANDS = {"log_level"}  # logging is set up by the command, before the server starts


def read_settings() -> set[str]:
    """Names of attributes read as ``settings.NAME``, ``self._settings.NAME`` and the like."""
    found = set()
    for path in python_files("src/holdfast"):
        relative = path.relative_to(PACKAGE)
        if str(relative) in _FILLED_IN or relative.parts[0] in _FILLING_FOLDERS:
            continue
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if owner.endswith("settings"):
                found.add(node.attr)
    return found


READ = read_settings()
NAMES = sorted({name for owner in (EngineSettings(), ServerSettings()) for name in dir(owner) if name[0] != "_"})


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_read(name: str) -> None:
    if name in _READ_BY_COMMANDS:
        return
    assert name in READ, f"{name} can be configured, but nothing reads it"
