"""What is compiled, and when. Everything else about the package is in pyproject.toml.

mypyc compiles every module of the packages below, as one unit, into the wheel. `HOLDFAST_COMPILED` chooses:

- `auto` (default): compile if a C compiler, the Python headers and mypy are there; else say so, and build pure Python.
- `1`: compile, or fail.
- `0`: pure Python.

Only wheels are compiled: an extension module beside its source in `src` would shadow the source.
"""

import itertools
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED_PACKAGES = ["base", "cache", "dns", "dnssec", "driver", "engine", "resolve", "service"]


def compiled_modules() -> list[str]:
    """Paths of the modules to compile; a package's `__init__` holds a docstring only, so it stays as it is."""
    folders = [Path("src/holdfast", package) for package in COMPILED_PACKAGES]
    return sorted(str(path) for folder in folders for path in folder.rglob("*.py") if path.name != "__init__.py")


def missing_prerequisite() -> str:
    """Say what keeps this machine from compiling; empty if nothing does."""
    try:
        import mypyc.build  # noqa: F401, PLC0415
    except ImportError:
        return "mypy is not installed (pip install mypy)"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    includes = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\nint holdfast_probe(void) { return PY_VERSION_HEX != 0; }\n")
        command = [*compiler, *(f"-I{include}" for include in sorted(includes)), "-c", str(source), "-o", f"{source}.o"]
        try:
            probe = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"the C compiler {compiler[0]!r} cannot be started: {error.strerror} (Debian: apt-get install gcc)"
    if "Python.h" in probe.stderr:
        return "the Python headers are missing (Debian: apt-get install python3-dev)"
    if probe.returncode != 0:
        return f"the C compiler {compiler[0]!r} does not work (Debian: apt-get install gcc libc6-dev)"
    return ""


def extensions() -> list[Extension]:
    """Extension modules for this build, chosen by `HOLDFAST_COMPILED`."""
    mode = os.environ.get("HOLDFAST_COMPILED", "auto")
    if mode not in {"auto", "0", "1"}:
        sys.exit(f"holdfast: HOLDFAST_COMPILED={mode!r} is not known; use auto, 1 (must compile) or 0 (pure Python)")
    # Metadata queries, sdist and editable installs compile nothing.
    if mode == "0" or "bdist_wheel" not in sys.argv:
        return []
    modules = compiled_modules()
    missing = missing_prerequisite() if modules else "no module to compile"
    if missing and mode == "1":
        sys.exit(f"holdfast: HOLDFAST_COMPILED=1, but {missing}")
    if missing:
        print(f"holdfast: NOTICE: building pure Python, many times slower than compiled: {missing}", flush=True)
        return []

    from mypyc.build import mypycify  # noqa: PLC0415

    print(f"holdfast: compiling {len(modules)} modules with mypyc", flush=True)
    # One C file per module builds faster than one for all (side by side), and was measured 3 % faster at run time.
    built: list[Extension] = mypycify(modules, opt_level="3", debug_level="0", multi_file=True, group_name="holdfast")
    for extension in built:
        extension.extra_link_args.append("-Wl,--strip-debug")
    return built


class ParallelBuild(build_ext):  # type: ignore[misc]  # setuptools is not typed
    """Compiles the generated C files side by side; setuptools takes one after the other."""

    def build_extensions(self) -> None:
        """Build all extensions, with as many compilers at a time as there are processors."""
        compile_in_turn = self.compiler.compile

        def compile_side_by_side(sources: list[str], **options: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects = pool.map(lambda source: compile_in_turn([source], **options), sources)
                return list(itertools.chain.from_iterable(objects))

        self.compiler.compile = compile_side_by_side
        super().build_extensions()


# Runs under setuptools.build_meta as "__main__"; the tests import this file for its list only.
if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuild})
