"""The Python API: what it refuses, what it costs to import, and resolution in this process."""

import asyncio
import socket
import subprocess
import sys

import pytest

import holdfast
from holdfast.control.problems import InputError

# A network in which nothing can be reached: every resolution fails at once.
NOWHERE = {"192.0.2.1": "127.0.0.1:9"}


def test_import_is_light_and_complete() -> None:
    code = (
        "import sys, holdfast\n"
        "print([name for name in ('asyncio', 'dns', 'pydantic') if name in sys.modules])\n"
        "print(all(getattr(holdfast, name) for name in holdfast.__all__))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\nTrue\n"


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Resolvr'"):
        getattr(holdfast, "Resolvr")  # noqa: B009


@pytest.mark.parametrize(
    ("name", "rtype", "reason"),
    [("a..b", "A", "not a domain name"), ("a", "AAAAA", "not a record type"), ("a", "OPT", "cannot be resolved")],
)
def test_bad_questions(name: str, rtype: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        holdfast.query(name, rtype, address_map=NOWHERE)


def test_bad_settings() -> None:
    with pytest.raises(InputError, match=r"/no\.toml: cannot be read"):
        holdfast.Resolver(config="/no.toml")
    with pytest.raises(InputError, match="forward: 'x' is not an IP address"):
        holdfast.Resolver(forward=["x"])
    with pytest.raises(InputError, match="bad DS record"):
        holdfast.Resolver(trust_anchors=[". DS 1"])
    with pytest.raises(InputError, match="address_map: 'x' is not an IP address"):
        holdfast.Resolver(address_map={"x": "127.0.0.1"})


def test_it_resolves_only_inside_its_context() -> None:
    resolver = holdfast.Resolver()
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(resolver.resolve("localhost"))


def test_a_name_that_is_answered_locally() -> None:
    answer = holdfast.query("localhost", address_map=NOWHERE)
    assert (answer.rcode, answer.records[0].data) == ("NOERROR", "127.0.0.1")


def test_a_failure_is_an_answer_with_reasons() -> None:
    answer = holdfast.query("www.example.de", address_map=NOWHERE)
    assert (answer.rcode, answer.records) == ("SERVFAIL", ())
    assert answer.extended_errors


def test_many_at_once() -> None:
    async def both() -> list[holdfast.Answer]:
        async with holdfast.Resolver(address_map=NOWHERE) as resolver:
            return await asyncio.gather(*(resolver.resolve(f"n{number}.example.de") for number in range(50)))

    assert {answer.rcode for answer in asyncio.run(both())} == {"SERVFAIL"}


def test_time_runs_out() -> None:
    # A bound socket that nobody reads is a server that never responds.
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"),
    ):
        sock.bind(("127.0.0.1", 0))
        holdfast.query("www.example.de", forward=[f"127.0.0.1:{sock.getsockname()[1]}"], timeout_s=0.05)
