"""Keys of a TOML text are found with their lines, whatever shape the text has."""

import tomllib

import pytest

from holdfast.control.toml_lines import key_lines, nearest_line, syntax_error

TEXT = '''\
# a comment = 1
top = 1

[server] # the server
listen = [
  "127.0.0.1:53", # not = a key
  "[::1]:53",
]
note = """
inside = 1
[fake]
"""
"quoted key" = 2

[[forward_zone]]
name = "a."
[[forward_zone]]
name = "b."
servers = ["192.0.2.1"]

[a.b]
c.d = 1
'''


def test_every_key_has_its_line() -> None:
    assert key_lines(TEXT) == {
        ("top",): 2,
        ("server",): 4,
        ("server", "listen"): 5,
        ("server", "note"): 9,
        ("server", "quoted key"): 13,
        ("forward_zone", 0): 15,
        ("forward_zone", 0, "name"): 16,
        ("forward_zone", 1): 17,
        ("forward_zone", 1, "name"): 18,
        ("forward_zone", 1, "servers"): 19,
        ("a", "b"): 21,
        ("a", "b", "c", "d"): 22,
    }


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("forward_zone", 1, "servers", 0), 19),
        (("forward_zone", 1, "fallback"), 17),
        (("nowhere", "key"), 1),
    ],
)
def test_what_is_not_written_has_the_line_of_what_encloses_it(path: tuple[str | int, ...], line: int) -> None:
    assert nearest_line(key_lines(TEXT), path) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = \n", 2), ("a = [1,\n2", 2), ('a = "x', 1), ("[a]\n[a]\n", 2), ("a = 1\na = 2\n", 2)],
)
def test_syntax_errors_have_a_line_and_no_place_in_the_reason(text: str, line: int) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    found, reason = syntax_error(text, caught.value)
    assert found == line
    assert reason
    assert "(at" not in reason
