"""The token file: made once, for its owner alone, and never shown in an error."""

import os
import stat
from pathlib import Path

import pytest

from holdfast.server.settings import ServerError
from holdfast.server.token_file import TOKEN_CHARACTERS_MAXIMUM, make_token, read_token


def test_it_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    old_mask = os.umask(0)
    try:
        make_token(path)
    finally:
        os.umask(old_mask)
    first = read_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    make_token(path)
    assert read_token(path) == first
    path.unlink()
    make_token(path)
    assert read_token(path) != first


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    make_token(tmp_path / "token")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_one_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    make_token(path)
    token = read_token(path)
    path.chmod(mode)
    with pytest.raises(ServerError, match="is open to others; chmod 600 it") as caught:
        read_token(path)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "text", [b"", b"short\n", b"x" * (TOKEN_CHARACTERS_MAXIMUM + 1), b"a" * 50 + b" " + b"b" * 50, b"\xff" * 50]
)
def test_what_is_no_token_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(ServerError, match="token file"):
        read_token(path)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token", 0o600)
    for path in (tmp_path / "token", tmp_path, tmp_path / "none"):
        with pytest.raises(ServerError, match="token file"):
            read_token(path)
    with pytest.raises(ServerError, match="cannot make the token file"):
        make_token(tmp_path / "no" / "token")
