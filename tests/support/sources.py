"""The project's own files, parsed, for the tests that hold its rules."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "holdfast"

# The compiled core, as the architecture has it; setup.py must say the same.
CORE_FOLDERS = ["base", "cache", "dns", "dnssec", "driver", "engine", "resolve", "service"]

# Written by people: where the rules about text apply. What tools write (.venv, build, caches) lies elsewhere.
_WRITTEN_FOLDERS = (".ci", "bench", "docs", "fuzz", "requirements", "src", "tests")


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the given folders of the repository, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def core_modules() -> list[Path]:
    """Every module of the compiled core, sorted; `__init__` files are not compiled."""
    paths = python_files(*(f"src/holdfast/{name}" for name in CORE_FOLDERS))
    return [path for path in paths if path.name != "__init__.py"]


def written_files() -> list[Path]:
    """Every file of the repository that a person wrote, sorted."""
    nested = (path for folder in _WRITTEN_FOLDERS for path in (ROOT / folder).rglob("*"))
    # A git worktree's .git is a file, and git's own.
    top = (path for path in ROOT.iterdir() if path.name != ".git")
    return sorted(path for path in (*nested, *top) if path.is_file() and "__pycache__" not in path.parts)


@functools.cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    """Dotted name of a module below src/; a package is named by its folder."""
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> list[tuple[int, str]]:
    """Line and absolute dotted name of everything that a module below src/ imports, wherever in the file.

    `from a.b import c` counts as `a.b.c`: whether `c` is a module cannot be told, and for rules about packages it does
    not matter.
    """
    package = path.relative_to(ROOT / "src").parent.parts
    found: list[tuple[int, str]] = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            base += [node.module] if node.module else []
            found += [(node.lineno, ".".join([*base, alias.name])) for alias in node.names]
    return found
