"""Outage files: what is read, and what a wrong one is told."""

from dataclasses import fields
from pathlib import Path

import pytest

from holdfast.lab.outage import FOLDER, Expected, OutageError, Probe, Version, catalogue, find_outage, load_outage
from holdfast.lab.policies import POLICIES
from holdfast.lab.replay import Prober, complaints
from holdfast.lab.timeline import Step
from holdfast.lab.world import World
from tests.support.sources import ROOT

GOOD = """
title = "a test"
source = "none"
summary = "nothing"
lesson = "nothing"
[time]
start = 2026-01-01T10:00:00Z
broken = 2026-01-01T11:00:00Z
healed = 2026-01-01T12:00:00Z
end = 2026-01-01T13:00:00Z
[zone]
name = "test"
[[zone.server]]
name = "ns.nic.test"
addresses = ["198.51.100.1"]
[population]
zones = 4
[[key]]
name = "all"
role = "csk"
[[version]]
name = "good"
start = 2025-12-31T00:00:00Z
publish = ["all"]
sign = ["all"]
ds = ["all"]
"""


TIMELINE = """
[[timeline]]
name = "mine"
title = "what I did"
[[timeline.step]]
do = "nta-add"
after = "break"
delay_s = 60
[[key]]"""


def written(folder: Path, text: str) -> Path:
    path = folder / "an-outage.toml"
    path.write_text(text)
    return path


def test_defaults_and_times(tmp_path: Path) -> None:
    outage = load_outage(written(tmp_path, GOOD))
    assert outage.name == "an-outage"
    assert outage.broken_s - outage.start_s == 3600
    assert outage.keys[0].algorithm == 13
    assert outage.versions[0].affected == ("all",)
    assert outage.population.zones == 4
    assert World.generate(outage, 1).leaves


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[time]", "[time", "line 6"),
        ("start = 2026-01-01T10:00:00Z", "start = 2026-01-01T10:00:00", "time.start: must be a time with an offset"),
        ("broken = 2026-01-01T11", "broken = 2026-01-01T09", "must follow one another"),
        ('title = "a test"', "", "the file: missing 'title'"),
        ('role = "csk"', 'rolle = "csk"', 'key 1: rolle: unknown key; did you mean "role"?'),
        ('role = "csk"', 'role = "boss"', "role must be one of ksk, zsk, csk, not 'boss'"),
        ('sign = ["all"]', 'sign = ["al"]', "version 1: key must be one of all, not 'al'"),
        ("zones = 4", 'zones = "many"', "population: zones: must be int, not 'many'"),
        ("[[key]]", TIMELINE.replace("nta-add", "nta"), "timeline 1, step 1: do must be one of nta-add, nta-remove"),
        ("[[key]]", TIMELINE.replace('"break"', '"noon"'), "step 1: after (without at) must be one of break, healing"),
        ("[[key]]", TIMELINE.replace("delay_s = 60", "at = 2026-01-01T10:00:00Z"), "step 1: at stands alone"),
        ("[[key]]", TIMELINE.replace('"mine"', '"stale"'), "timeline 1: there is a policy 'stale' already"),
        ("[[key]]", TIMELINE.replace("title", "tittle"), 'timeline 1: tittle: unknown key; did you mean "title"?'),
        (
            "[[key]]",
            "[expected]\nede = []\ndetected_after_s = 1\nfailed = { stale = 1.0 }\n[[key]]",
            "a table of no-stale,",
        ),
        (
            "[[key]]",
            "[expected]\nede = []\nfailed = 3\n[[key]]",
            "expected: failed must be a table of no-stale, stale,",
        ),
        ("start = 2025-12-31", "start = 2026-01-02", "version 1: its start must not be later"),
        ('[[zone.server]]\nname = "ns.nic.test"\naddresses = ["198.51.100.1"]', "", "at least one [[zone.server]]"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(OutageError) as caught:
        load_outage(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(OutageError, match='did you mean "de-2026-05-05"'):
        find_outage("de-2026-05-50")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutageError, match=r"no\.toml: No such file"):
        find_outage(str(tmp_path / "no.toml"))


def test_the_whole_catalogue_can_be_read() -> None:
    assert catalogue() == sorted(path.stem for path in FOLDER.iterdir())
    for name in catalogue():
        outage = find_outage(name)
        assert outage.title and outage.source and outage.summary and outage.lesson


def test_the_example_in_the_documentation_is_an_outage(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    outage = load_outage(written(tmp_path, text))
    (probe,) = outage.probes
    assert complaints(probe, Prober(outage, 1, POLICIES[0]).answer(probe)) == []


def test_the_timeline_in_the_documentation_can_be_played(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
    example = text.partition("[[timeline]]")[2].partition("```")[0]
    (policy,) = load_outage(written(tmp_path, f"{GOOD}\n[[timeline]]{example}")).policies
    assert (policy.name, policy.serve_stale, policy.last_known_good) == ("as-it-was", True, False)
    first, second = policy.timeline.steps
    assert (first.do, first.at_s, second.after, second.delay_s) == ("nta-add", 1_772_363_700, "healing", 900)
    assert policy.timeline.fixed() == [first, second]
    assert second.moment_s(1000, 2000) == 2900


@pytest.mark.parametrize("kind", [Version, Probe, Step, Expected])
def test_every_key_is_documented(kind: type) -> None:
    text = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
    spellings = [(one.name, one.name.removesuffix("_s")) for one in fields(kind) if one.name != "title"]
    shown = [f"`{name}`" in text or f"\n{name} = " in text for names in spellings for name in names]
    assert [names for at, names in enumerate(spellings) if not any(shown[2 * at : 2 * at + 2])] == []
