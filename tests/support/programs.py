"""Other programs that tests talk to: authoritative servers, resolvers, signers and query tools."""

import shutil

import pytest

# Debian puts servers here, which is not on everybody's path.
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


def require_program(name: str, package: str) -> str:
    """Path of the program `name`; skips the test, naming the Debian `package` to install, if it is not there.

    In CI a skip is a failure (see tests/conftest.py), and a tidy test checks that .ci/run installs `package`.
    """
    path = shutil.which(name) or shutil.which(name, path=_SYSTEM_FOLDERS)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return path
