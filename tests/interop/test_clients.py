"""The tools that people query resolvers with, against a running `holdfast demo`."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.internet import delv_anchor
from tests.support.demo import Demo, running_demo
from tests.support.programs import require_program

pytestmark = pytest.mark.xdist_group("clients")

ADDRESS = "203.0.113.2"  # www.example.de


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


def run(*command: str) -> str:
    """Standard output of a tool that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Shown:
    """A response as dig or kdig shows it: status, header flags, records (owner, type, data without TTLs), all text."""

    status: str
    flags: set[str]
    records: list[tuple[str, str, str]]
    text: str

    @property
    def types(self) -> list[str]:
        """Types of the records in order."""
        return [rtype for _, rtype, _ in self.records]


def shown(text: str) -> Shown:
    status = re.search(r"status: (\w+)", text)
    flags = re.search(r";; [Ff]lags: ([^;]*);", text)
    assert status is not None and flags is not None, text
    records = re.findall(r"^([^;\s]\S*)\s+\d+\s+(?:IN|CH)\s+(\S+)\s+(.*)$", text, re.MULTILINE)
    return Shown(status.group(1), set(flags.group(1).split()), records, text)


def dig(demo: Demo, *arguments: str) -> Shown:
    """The command of everybody's first test."""
    place = ("@127.0.0.1", "-p", str(demo.port))
    return shown(run(require_program("dig", "bind9-dnsutils"), "-r", *place, *arguments))


# -- dig --------------------------------------------------------------------------------------------------------------


def test_dig_with_dnssec(demo: Demo) -> None:
    answer = dig(demo, "www.example.de", "+dnssec")
    assert (answer.status, answer.flags) == ("NOERROR", {"qr", "rd", "ra", "ad"})
    assert answer.types == ["A", "RRSIG"]
    assert answer.records[0][2] == ADDRESS
    assert re.search(r"EDNS: version: 0, flags: do; udp: 1232", answer.text)


def test_dig_shows_ad_only_if_it_asks(demo: Demo) -> None:
    # RFC 6840 section 5.7: AD in the query asks for AD; dig sets it unless told otherwise.
    assert "ad" in dig(demo, "www.example.de").flags
    answer = dig(demo, "www.example.de", "+noadflag")
    assert (answer.flags, answer.types) == ({"qr", "rd", "ra"}, ["A"])
    assert "ad" not in dig(demo, "www.plain0.de", "+dnssec").flags


@pytest.mark.parametrize("spelling", ["WWW.Example.DE", "wWw.eXaMpLe.dE"])
def test_dig_sees_its_own_spelling(demo: Demo, spelling: str) -> None:
    answer = dig(demo, spelling)
    assert answer.records == [(f"{spelling}.", "A", ADDRESS)]


def test_dig_over_tcp(demo: Demo) -> None:
    answer = dig(demo, "www.example.de", "+tcp")
    assert answer.records == [("www.example.de.", "A", ADDRESS)]
    assert "(TCP)" in answer.text


def test_dig_asks_several_questions_on_one_connection(demo: Demo) -> None:
    place = ("@127.0.0.1", "-p", str(demo.port))
    names = ("www.example.de", "www.example.com", "www.plain0.de")
    text = run(require_program("dig", "bind9-dnsutils"), "-r", *place, "+tcp", "+keepopen", "+short", *names)
    assert len(text.split()) == len(names)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("www.bad-signature.de", r"6 \(DNSSEC Bogus\): \(RRSIG with invalid signature for www\.bad-signature\.de/A "),
        (
            "missing.bogus-nsec3.de",
            r"6 \(DNSSEC Bogus\): \(RRSIG with invalid signature for \w{32}\.bogus-nsec3\.de/NSEC3 ",
        ),
        ("www.expired.de", r"7 \(Signature Expired\): \(.*www\.expired\.de/A "),
        ("www.no-rrsig.de", r"10 \(RRSIGs Missing\): \(.*www\.no-rrsig\.de/A"),
    ],
)
def test_dig_reads_why_it_failed(demo: Demo, name: str, error: str) -> None:
    for _ in ("first", "from the cache"):
        answer = dig(demo, name)
        assert (answer.status, answer.records) == ("SERVFAIL", [])
        assert re.search(rf"^; EDE: {error}", answer.text, re.MULTILINE), answer.text


def test_dig_without_edns_gets_no_option(demo: Demo) -> None:
    answer = dig(demo, "www.bad-signature.de", "+noedns")
    assert answer.status == "SERVFAIL"
    assert "PSEUDOSECTION" not in answer.text


def test_dig_with_checking_disabled(demo: Demo) -> None:
    answer = dig(demo, "www.bad-signature.de", "+cd", "+dnssec")
    assert (answer.status, answer.flags) == ("NOERROR", {"qr", "rd", "ra", "cd"})
    assert answer.types == ["A", "RRSIG"]
    assert dig(demo, "www.bad-signature.de").status == "SERVFAIL"


@pytest.mark.parametrize("option", ["+nordflag", "+norecurse"])
def test_dig_without_recursion(demo: Demo, option: str) -> None:
    assert dig(demo, "www.example.de").status == "NOERROR"
    answer = dig(demo, "www.example.de", option)
    assert (answer.status, answer.flags, answer.records) == ("REFUSED", {"qr", "ra"}, [])
    assert "; EDE: 20 (Not Authoritative)" in answer.text


def test_dig_with_a_small_buffer(demo: Demo) -> None:
    cut = dig(demo, "big.example.de", "TXT", "+bufsize=512", "+ignore")
    assert {"tc", "ra"} <= cut.flags
    size = re.search(r"MSG SIZE  rcvd: (\d+)", cut.text)
    assert size is not None and int(size.group(1)) <= 512
    whole = dig(demo, "big.example.de", "TXT", "+bufsize=512")
    assert "Truncated, retrying in TCP mode" in whole.text
    assert whole.types == ["TXT"] * 20


def test_dig_with_another_version_of_edns(demo: Demo) -> None:
    answer = dig(demo, "www.example.de", "+edns=1", "+noednsnegotiation")
    assert (answer.status, answer.records) == ("BADVERS", [])
    assert "EDNS: version: 0" in answer.text
    assert dig(demo, "www.example.de", "+edns=1", "+ednsnegotiation").records == [("www.example.de.", "A", ADDRESS)]


def test_dig_with_unknown_flags_and_options(demo: Demo) -> None:
    # RFC 6891 section 6.1.2 and 6.1.4: what is not known is ignored.
    answer = dig(demo, "www.example.de", "+ednsflags=0x4fff", "+ednsopt=65001:abcd", "+zflag")
    assert answer.records == [("www.example.de.", "A", ADDRESS)]


def test_dig_asks_who_it_is(demo: Demo) -> None:
    answer = dig(demo, "-c", "CH", "-t", "TXT", "version.bind")
    assert answer.records == [("version.bind.", "TXT", '"holdfast"')]


def test_dig_and_cookies(demo: Demo) -> None:
    assert "(good)" in dig(demo, "www.example.de", "+cookie").text


def test_dig_backwards(demo: Demo) -> None:
    assert dig(demo, "-x", "127.0.0.1").records == [("1.0.0.127.in-addr.arpa.", "PTR", "localhost.")]


def test_dig_follows_aliases(demo: Demo) -> None:
    renamed = dig(demo, "www.old.example.de")
    assert renamed.types == ["DNAME", "CNAME", "A"]
    assert "ad" in renamed.flags
    abroad = dig(demo, "far.example.de")
    assert abroad.types == ["CNAME", "A"]
    assert "ad" not in abroad.flags  # the target is unsigned


# -- kdig, drill, host ------------------------------------------------------------------------------------------------


def kdig(demo: Demo, *arguments: str) -> str:
    return run(require_program("kdig", "knot-dnsutils"), "@127.0.0.1", "-p", str(demo.port), *arguments)


def test_kdig_with_dnssec(demo: Demo) -> None:
    answer = shown(kdig(demo, "www.example.de", "+dnssec"))
    assert (answer.status, answer.flags) == ("NOERROR", {"qr", "rd", "ra", "ad"})
    assert answer.types == ["A", "RRSIG"]


def test_kdig_reads_why_it_failed(demo: Demo) -> None:
    text = kdig(demo, "www.bad-signature.de", "+edns")
    assert shown(text).status == "SERVFAIL"
    assert re.search(r"EDE: 6 \(DNSSEC Bogus\).*RRSIG with invalid signature for www\.bad-signature\.de/A", text), text


def test_kdig_keeps_a_connection_open(demo: Demo) -> None:
    names = ("www.example.de", "missing.example.de", "www.bad-signature.de", "big.example.de")
    text = kdig(demo, "+tcp", "+keepopen", *names)
    assert re.findall(r"status: (\w+)", text) == ["NOERROR", "NXDOMAIN", "SERVFAIL", "NOERROR"]
    assert text.count("(TCP)") == len(names)
    assert "WARNING" not in text


def drill(demo: Demo, *arguments: str) -> str:
    return run(require_program("drill", "ldnsutils"), *arguments, "-p", str(demo.port), "@127.0.0.1")


def test_drill_with_dnssec(demo: Demo) -> None:
    text = drill(demo, "-D", "www.example.de")
    assert "rcode: NOERROR" in text
    assert re.search(r";; flags: qr rd ra ad ;", text)
    assert re.search(rf"^www\.example\.de\.\s+\d+\s+IN\s+A\s+{re.escape(ADDRESS)}$", text, re.MULTILINE)
    assert re.search(r"^www\.example\.de\.\s+\d+\s+IN\s+RRSIG\s+A 13 3", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["www.example.de", "www.rsa.de", "www.ed25519.de"])
def test_drill_chases_signatures_up_to_the_root(demo: Demo, name: str) -> None:
    text = drill(demo, "-S", "-k", demo.anchor, name)
    assert "Chase successful" in text
    assert text.count("(DNSKEY keytag:") == 3


def test_host(demo: Demo) -> None:
    host = require_program("host", "bind9-host")
    text = run(host, "-p", str(demo.port), "example.de", "127.0.0.1")
    assert f"example.de has address {ADDRESS}" in text
    assert "example.de mail is handled by 10 mail.example.de." in text
    broken = subprocess.run(
        [host, "-p", str(demo.port), "www.bad-signature.de", "127.0.0.1"], capture_output=True, text=True, check=False
    )
    assert broken.returncode == 1
    assert "not found: 2(SERVFAIL)" in broken.stdout


# -- delv: a validator behind the validator ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anchor(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    ds = Path(demo.anchor).read_text().split("DS", 1)[1].strip()
    return delv_anchor(tmp_path_factory.mktemp("delv"), ds)


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        ("www.example.de", "A", ["; fully validated", f"www.example.de. A {ADDRESS}"]),
        ("www.ed448.de", "AAAA", ["; fully validated"]),
        ("www.example.de", "MX", ["; negative response, fully validated", r"\-MX"]),
        ("missing.example.de", "A", ["; negative response, fully validated", "$NXDOMAIN"]),
        ("x.wild.example.de", "A", ["; fully validated"]),
        ("big.example.de", "TXT", ["; fully validated", "0019 x"]),
        ("far.example.de", "A", ["; fully validated", "; unsigned answer"]),
        ("www.old.example.de", "A", ["; fully validated", "DNAME signed2.de."]),
        ("www.plain0.de", "A", ["; unsigned answer"]),
        ("www.example.co.uk", "A", ["; fully validated"]),
        ("example.de", "DS", ["; fully validated"]),
        ("plain0.de", "DS", ["; negative response, fully validated"]),
    ],
)
def test_delv_validates_through_holdfast(demo: Demo, anchor: Path, name: str, rtype: str, expected: list[str]) -> None:
    place = ("@127.0.0.1", "-p", str(demo.port), "-a", str(anchor))
    text = run(require_program("delv", "bind9-dnsutils"), *place, "+nottl", "+noclass", name, rtype)
    words = " ".join(text.split())
    for part in expected:
        assert part in words


def test_delv_fails_where_holdfast_fails(demo: Demo, anchor: Path) -> None:
    place = ("@127.0.0.1", "-p", str(demo.port), "-a", str(anchor))
    done = subprocess.run(
        [require_program("delv", "bind9-dnsutils"), *place, "www.bad-signature.de"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "resolution failed" in done.stderr
    assert "www.bad-signature.de." not in done.stdout
