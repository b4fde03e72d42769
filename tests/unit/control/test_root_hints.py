"""Root hints: the built-in list and files."""

from pathlib import Path

import pytest

from holdfast.control.problems import InputError
from holdfast.control.root_hints import built_in_root_servers, read_root_servers


def test_thirteen_servers_with_both_families() -> None:
    servers = built_in_root_servers()
    assert [chr(server.name[1]) for server in servers] == list("abcdefghijklm")
    assert all([len(address) for address in server.addresses] == [4, 16] for server in servers)
    assert len({address for server in servers for address in server.addresses}) == 26


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "hints"
    path.write_text(". NS A.Test.\n. NS b.test.\n. NS c.test.\na.test. A 192.0.2.1\nB.test. AAAA 2001:db8::1\n")
    servers = read_root_servers(str(path))
    assert [(server.name, [len(address) for address in server.addresses]) for server in servers] == [
        (b"\1a\4test\0", [4]),
        (b"\1b\4test\0", [16]),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no root server with an address"),
        (". NS a.\n", "has no root server with an address"),
        ("de. NS a.\na. A 192.0.2.1\n", ":1: NS of 'de'; hints are for the root '.' only"),
        (". NS a.\na. A 192.0.2.1\nb. A 192.0.2.2\n", ":3: address of 'b', but no NS record of '.' names that server"),
    ],
)
def test_files_that_are_no_hints(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "hints"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_root_servers(str(path))
    assert problem in caught.value.problems[0]
