"""Rules that keep the source readable, and the build and CI lists complete."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.sources import CORE_FOLDERS, PACKAGE, ROOT, core_modules, parse, python_files, written_files

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

CODE = python_files("src", "tests", "bench", "fuzz")

# A machine's own folders and package hosts have no business in a repository. In pieces, so as not to match itself.
MACHINE_TRACES = re.compile(
    r"(?<![\w.}/])/(?:work|root|home)/[a-z]" + r"|/tmp/" + "brief|arti" + "factory|index-" + "url[= ]*http",
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def load_setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("holdfast_setup", ROOT / "setup.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_files_and_functions_are_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES_MAX, f"{relative(path)}: {lines} lines; split it by meaning"
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{relative(path)}:{node.lineno}: {node.name}() has {length} lines"


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_public_modules_say_what_they_are(path: Path) -> None:
    if path.name.startswith("_") and path.name not in {"__init__.py", "__main__.py"}:
        return
    assert ast.get_docstring(parse(path)), f"{relative(path)}: no module docstring"


def test_no_extension_module_shadows_its_source() -> None:
    strays = [relative(path) for path in (ROOT / "src").rglob("*.so")]
    assert not strays, f"delete {strays}: build wheels only (make wheel)"


def test_compiled_packages_are_listed_in_setup() -> None:
    setup = load_setup()
    assert setup.COMPILED_PACKAGES == sorted(setup.COMPILED_PACKAGES) == CORE_FOLDERS


def test_every_compiled_module_is_found_by_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert load_setup().compiled_modules() == [relative(path) for path in core_modules()]


@pytest.mark.parametrize("folder", CORE_FOLDERS)
def test_packages_of_the_compiled_core_hold_a_docstring_only(folder: str) -> None:
    # An __init__ is not compiled, and names re-exported through one would be looked up interpreted.
    for path in (PACKAGE / folder).rglob("__init__.py"):
        assert len(parse(path).body) == 1, f"{relative(path)}: only a docstring belongs here; import the module itself"
        assert ast.get_docstring(parse(path))


def test_files_carry_no_machine_traces() -> None:
    found = []
    for path in written_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{relative(path)}: {match.group()}" for match in MACHINE_TRACES.finditer(text)]
    assert not found


def test_programs_that_tests_need_are_installed_in_ci() -> None:
    listed = re.search(r"^packages=\(\n([^)]*)\)", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None, ".ci/run: no list of packages"
    installed = set(listed.group(1).split())
    missing = [f"{where}: {package}" for where, package in required_packages() if package not in installed]
    assert not missing, "add these to .ci/run"


def required_packages() -> list[tuple[str, str]]:
    """Where a test calls `require_program`, and the Debian package that it names."""
    found = []
    for path in python_files("tests"):
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("require_program"):
                continue
            arguments = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "package")]
            where = f"{relative(path)}:{node.lineno}"
            assert len(arguments) == 1, f"{where}: name the Debian package"
            found.append((where, ast.literal_eval(arguments[0])))
    return found
