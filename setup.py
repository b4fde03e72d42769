"""What is compiled, and when. Everything else about the package is in pyproject.toml.

mypyc compiles every module of the packages below, as one unit, into the wheel. `HOLDFAST_COMPILED` chooses:

- `auto` (default): compile if a C compiler, the Python headers and mypy are there; else say so, and build pure Python.
- `1`: compile, or fail.
- `profile`: compile, or fail, and do so twice: the first build counts what a resolver's ordinary work
  (`bench.training`) executes, the second is laid out and optimised for it. Needs gcc and the locked dependencies, and a
  minute more. Wheels to be shipped or measured are built like this.
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

PROFILE = "profile"  # the value of HOLDFAST_COMPILED
COUNTING = ["-fprofile-generate"]
# A function that the training did not reach is compiled as usual, not for size; and it is no reason to fail.
PROFILED = ["-fprofile-use", "-fprofile-correction", "-fprofile-partial-training", "-Wno-missing-profile"]

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
    if mode not in {"auto", "0", "1", PROFILE}:
        sys.exit(
            f"holdfast: HOLDFAST_COMPILED={mode!r} is not known; use auto, 1 (must compile), {PROFILE} (must compile,"
            " for speed) or 0 (pure Python)"
        )
    # Metadata queries, sdist and editable installs compile nothing.
    if mode == "0" or "bdist_wheel" not in sys.argv:
        return []
    modules = compiled_modules()
    missing = missing_prerequisite() if modules else "no module to compile"
    if missing and mode in {"1", PROFILE}:
        sys.exit(f"holdfast: HOLDFAST_COMPILED={mode}, but {missing}")
    if missing:
        print(f"holdfast: NOTICE: building pure Python, many times slower than compiled: {missing}", flush=True)
        return []

    from mypyc.build import mypycify  # noqa: PLC0415

    print(f"holdfast: compiling {len(modules)} modules with mypyc", flush=True)
    # One C file per module builds faster than one for all (side by side), and was measured 3 % faster at run time.
    # With a profile the compiler knows itself what is worth growing, and -O3 was measured slower than -O2.
    level = "2" if mode == PROFILE else "3"
    built: list[Extension] = mypycify(modules, opt_level=level, debug_level="0", multi_file=True, group_name="holdfast")
    for extension in built:
        # Only Python's entry points are found from outside. Without this, every call into another module and every
        # constant goes through a table in memory: an uncached query took 4 % longer, with cold caches 20 %.
        extension.extra_compile_args.append("-fvisibility=hidden")
        extension.extra_link_args.append("-Wl,--strip-debug")
    return built


class ParallelBuild(build_ext):  # type: ignore[misc]  # setuptools is not typed
    """Compiles the generated C files side by side; setuptools takes one after the other."""

    def build_extensions(self) -> None:
        """Build all extensions, with as many compilers at a time as there are processors."""
        self._compile_side_by_side()
        if self.extensions and os.environ.get("HOLDFAST_COMPILED") == PROFILE:
            self._build_with(COUNTING)
            print("holdfast: compiled for counting; now its ordinary work, then once more", flush=True)
            path = os.pathsep.join([str(Path(self.build_lib).resolve()), str(Path().resolve())])
            training = [sys.executable, "-m", "bench.training"]
            if subprocess.run(training, env={**os.environ, "PYTHONPATH": path}, check=False).returncode != 0:
                sys.exit("holdfast: the training for the profile failed; HOLDFAST_COMPILED=1 builds without it")
            self._build_with(PROFILED)
        else:
            super().build_extensions()

    def _build_with(self, flags: list[str]) -> None:
        """Build all extensions anew, with flags in addition."""
        usual = [(one, one.extra_compile_args, one.extra_link_args) for one in self.extensions]
        for extension, compiling, linking in usual:
            extension.extra_compile_args, extension.extra_link_args = [*compiling, *flags], [*linking, *flags]
        self.force = True
        super().build_extensions()
        for extension, compiling, linking in usual:
            extension.extra_compile_args, extension.extra_link_args = compiling, linking

    def _compile_side_by_side(self) -> None:
        compile_in_turn = self.compiler.compile

        def compile_side_by_side(sources: list[str], **options: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects = pool.map(lambda source: compile_in_turn([source], **options), sources)
                return list(itertools.chain.from_iterable(objects))

        self.compiler.compile = compile_side_by_side


# Runs under setuptools.build_meta as "__main__"; the tests import this file for its list only.
if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuild})
