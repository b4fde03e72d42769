"""`holdfast demo`: what its page promises is what a client gets."""

import re
import signal
import subprocess
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import pytest

from holdfast.control.remote import ask
from holdfast.dns import iana
from holdfast.lab.broken import SHELF, BrokenName
from holdfast.server.texts import parse_name
from tests.support.demo import COMMAND, Demo, running_demo


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


def exchange(demo: Demo, name: str, flags: int = dns.flags.RD) -> dns.message.Message:
    query = dns.message.make_query(name, "A", want_dnssec=True, flags=flags)
    return dns.query.udp(query, "127.0.0.1", port=demo.port, timeout=20)


def test_the_page_lists_every_broken_name_with_its_extended_error(demo: Demo) -> None:
    for broken in SHELF:
        (line,) = [line for line in demo.page.splitlines() if line.startswith(f"{broken.query} ")]
        assert iana.rcode_name(broken.rcode) in line
        assert f"EDE {broken.info_code} {iana.EDE_NAMES[broken.info_code]}" in line
        assert broken.fault in line


def test_commands_on_the_page_can_be_copied(demo: Demo) -> None:
    commands = [line.strip() for line in demo.page.splitlines() if line.startswith("  ") and "#" not in line]
    assert len(commands) == 6
    assert f"dig @127.0.0.1 -p {demo.port} www.example.de +dnssec" in commands


def test_a_signed_name_has_the_flag_ad(demo: Demo) -> None:
    response = exchange(demo, "www.example.de")
    assert response.flags & dns.flags.AD
    assert {rrset.rdtype for rrset in response.answer} == {iana.TYPE_A, iana.TYPE_RRSIG}


def test_an_unsigned_name_has_not(demo: Demo) -> None:
    response = exchange(demo, "www.plain0.de")
    assert response.answer
    assert not response.flags & dns.flags.AD


@pytest.mark.parametrize("broken", SHELF, ids=lambda broken: broken.zone)
def test_broken_names(demo: Demo, broken: BrokenName) -> None:
    answer = ask(parse_name(broken.query), iana.TYPE_A, ("127.0.0.1", demo.port), tcp=False, timeout_s=20)
    assert answer.rcode == iana.rcode_name(broken.rcode)
    texts = [error.text for error in answer.extended_errors if error.code == broken.info_code]
    assert any(re.search(broken.text, text) for text in texts), answer.extended_errors


def test_an_address_in_use_is_an_error_in_words(demo: Demo) -> None:
    command = [*COMMAND, "demo", "--listen", demo.place]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith(f"holdfast: cannot listen on {demo.place}: the address is in use")


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    with running_demo() as demo:
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(30) == 0
        assert demo.process.stderr is not None
        assert demo.process.stderr.read() == ""
