"""Evidence in the state directory: named, replaced, pruned, and read with clear words when it is damaged."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.dns.name import ROOT
from holdfast.server import evidence_store
from holdfast.server.evidence_store import FOLDER, BundleError, keep, prune, read_bundle
from holdfast.server.lines import LINE_OCTETS, encode
from holdfast.server.zone_check import fitting
from tests.support.dnssec_records import wire_name
from tests.support.evidence_world import DeWorld

BUNDLE = DeWorld().broken().collect(servers=2)


def test_a_file_is_named_by_zone_time_and_digest_and_read_again(tmp_path: Path) -> None:
    name = keep(tmp_path, BUNDLE)
    assert name.startswith("de.20260505T193100Z.") and name.endswith(".json")
    assert read_bundle(tmp_path / FOLDER / name) == BUNDLE
    assert keep(tmp_path, BUNDLE) == name, "the same bundle is the same file"
    assert os.listdir(tmp_path / FOLDER) == [name]


@pytest.mark.parametrize(
    ("zone", "begins"), [(ROOT, "root."), (wire_name(r"a/\046\046/b.de"), "a_"), (wire_name("x" * 60 + ".de"), "xxx")]
)
def test_no_zone_leads_out_of_the_folder(tmp_path: Path, zone: bytes, begins: str) -> None:
    name = keep(tmp_path, replace(BUNDLE, zone=zone))
    assert name.startswith(begins) and "/" not in name
    assert (tmp_path / FOLDER / name).exists()


def test_rounds_that_find_nothing_new_replace_each_other(tmp_path: Path) -> None:
    assert keep(tmp_path, BUNDLE, True) == keep(tmp_path, replace(BUNDLE, started_s=BUNDLE.started_s + 9), True)
    assert os.listdir(tmp_path / FOLDER) == ["de.recheck.json"]


def test_the_oldest_go_but_for_those_that_anchors_refer_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_store, "FILES", 3)
    prune(tmp_path, [])
    names = []
    for at in range(6):
        names.append(keep(tmp_path, replace(BUNDLE, started_s=BUNDLE.started_s + at)))
        os.utime(tmp_path / FOLDER / names[-1], (1000 + at, 1000 + at))
    prune(tmp_path, [names[1]])
    assert sorted(os.listdir(tmp_path / FOLDER)) == sorted([names[1], *names[3:]])


def test_a_damaged_file_is_told_from_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / keep(tmp_path, BUNDLE)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BundleError, match="it is not JSON"):
        read_bundle(path)


def test_a_report_fits_into_a_line_and_loses_its_last_rows_first() -> None:
    rows = [{"name": f"n{at}", "text": "x" * 900} for at in range(200)]
    found = fitting({"zone": "de", "rows": rows})
    assert len(encode(found)) < LINE_OCTETS and found["rows"][0]["name"] == "n0" and 0 < len(found["rows"]) < 200
