"""Back ends and the files they keep: one key for all, private, and never another key than the one asked for."""

import os
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from holdfast.crypto.signing import public_key_hash
from holdfast.registry.atomic_file import write_atomically
from holdfast.registry.backend import BackendKey, SoftwareBackend, generate_everywhere
from holdfast.registry.canary import sing
from holdfast.registry.problems import RegistryError
from holdfast.registry.zone import wire_name
from tests.support.zones import NOW

APEX = wire_name("example")


def backends(folder: Path) -> list[SoftwareBackend]:
    return [SoftwareBackend.create(name, folder / name) for name in ("hsm1", "hsm2", "hsm3")]


@pytest.mark.parametrize("algorithm", [8, 13, 15])
def test_one_key_pair_is_in_all_back_ends(algorithm: int, tmp_path: Path) -> None:
    dnskey = generate_everywhere(backends(tmp_path), algorithm, 256, 1024)
    key_hash = public_key_hash(dnskey)
    again = backends(tmp_path)  # read from disk
    assert all(backend.holds(key_hash) for backend in again)
    assert sing(again, dnskey, APEX, NOW) == []
    for backend in again:
        pem = (tmp_path / backend.name / f"{key_hash}.pem").read_bytes()
        assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
        serialization.load_pem_private_key(pem, None)


def test_files_are_private(tmp_path: Path) -> None:
    generate_everywhere(backends(tmp_path), 13, 256, 0)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o700])
def test_a_key_that_others_can_read_is_not_used(mode: int, tmp_path: Path) -> None:
    first, *_ = backends(tmp_path)
    dnskey = first.generate(13, 256, 0)
    path = tmp_path / "hsm1" / f"{public_key_hash(dnskey)}.pem"
    path.chmod(mode)
    with pytest.raises(RegistryError, match=rf"has mode {mode:04o}, must be 0600: chmod 600"):
        BackendKey(dnskey, [first]).sign_octets(b"data")


def test_a_folder_that_others_can_enter_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "hsm1").mkdir(mode=0o755)
    with pytest.raises(RegistryError, match=r"must be 0700"):
        SoftwareBackend.create("hsm1", tmp_path / "hsm1")


def test_a_key_under_another_name_signs_nothing(tmp_path: Path) -> None:
    first, second, third = backends(tmp_path)
    dnskey = generate_everywhere([first, third], 13, 256, 0)
    other = second.generate(13, 256, 0)
    name = f"{public_key_hash(dnskey)}.pem"
    shutil.copy2(tmp_path / "hsm2" / f"{public_key_hash(other)}.pem", tmp_path / "hsm2" / name)
    (finding,) = sing([first, second, third], dnskey, APEX, NOW)
    assert finding.check == "canary.no-signature"
    assert "back end hsm2 does not sign" in finding.text and "holds another key than its name says" in finding.text
    with pytest.raises(RegistryError, match=r"the key to store is not"):
        second.store(public_key_hash(dnskey), 13, second.export(public_key_hash(other), 13))


def test_a_missing_key_and_a_broken_file_are_named(tmp_path: Path) -> None:
    first, second, _ = backends(tmp_path)
    dnskey = first.generate(13, 256, 0)
    (finding,) = sing([second], dnskey, APEX, NOW)
    assert "No such file" in finding.text
    path = tmp_path / "hsm1" / f"{public_key_hash(dnskey)}.pem"
    path.write_text("nonsense")
    (finding,) = sing([SoftwareBackend("hsm1", tmp_path / "hsm1")], dnskey, APEX, NOW)
    assert "cannot be used as a private key" in finding.text


def test_a_file_is_replaced_in_full_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old", 0o600)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RegistryError, match=r"file: cannot be written: No space left"):
        write_atomically(path, b"new", 0o600)
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
