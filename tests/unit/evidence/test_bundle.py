"""The document that a verdict rests on: the same again when read, and clear words for what is no bundle."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.evidence import bundle as bundles
from holdfast.evidence.bundle import SERVER, Bundle, BundleError, decode, encode
from holdfast.evidence.questions import is_asked
from holdfast.evidence.verdict import VERDICTS, judge
from tests.support.evidence_world import DeWorld

WORLD = DeWorld().broken()
BUNDLE = WORLD.collect(servers=2)
DOCUMENT = json.loads(encode(BUNDLE))


def test_a_bundle_is_read_as_it_was_written() -> None:
    assert decode(encode(BUNDLE)) == BUNDLE


def test_equal_answers_are_stored_once_and_without_their_ids() -> None:
    for_servers = [one for one in BUNDLE.questions if is_asked(one, SERVER)]
    assert len(BUNDLE.replies) == 2 * 2 * len(for_servers) > 3 * len(BUNDLE.messages)
    assert all(message[:2] == b"\x00\x00" for message in BUNDLE.messages)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(json.dumps(DOCUMENT))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("octets", "wrong"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "the document: must be an object"),
        (b"{}", "format: must be a text"),
        (changed(lambda one: one.update(format="x")), "format: must be 'holdfast evidence'"),
        (changed(lambda one: one.update(version=2)), "version: this program reads version 1, not 2"),
        (changed(lambda one: one.update(version=True)), "version: must be a whole number"),
        (changed(lambda one: one.update(zone="a..b")), "zone: must be a domain name"),
        (changed(lambda one: one.update(started_s=-1)), "started_s: must be from 0 to"),
        (changed(lambda one: one.update(algorithms=[8, 256])), "algorithms[1]: must be a number from 0 to 255"),
        (changed(lambda one: one.pop("parent")), "parent: must be an object"),
        (changed(lambda one: one["parent"].update(status="good")), "parent.status: must be one of secure, insecure"),
        (changed(lambda one: one["messages"].__setitem__(3, "%")), "messages[3]: must be octets in base64"),
        (changed(lambda one: one["messages"].__setitem__(3, "A" * 100_000)), "messages[3]: must be octets in base64"),
        (changed(lambda one: one["replies"][5].update(message=9999)), "replies[5].message: must be from -1 to"),
        (changed(lambda one: one["replies"][5].update(place=9)), "replies[5].place: must be from 0 to 1, not 9"),
        (changed(lambda one: one["replies"].__setitem__(7, 1)), "replies[7]: must be an object"),
        (changed(lambda one: one["questions"][0].update(kind="")), "questions[0].kind: must be one of keys, soa"),
        (changed(lambda one: one.update(questions=one["questions"] * 9)), "questions: must have 40 entries at most"),
        (changed(lambda one: one["known"][0].update(rdatas="x")), "known[0].rdatas: must be a list"),
    ],
)
def test_issue4_a_malformed_bundle_is_refused_with_the_place_and_the_reason(octets: bytes, wrong: str) -> None:
    with pytest.raises(BundleError) as refused:
        decode(octets)
    assert str(refused.value).startswith(wrong)


def test_its_size_is_bounded_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = encode(BUNDLE)
    monkeypatch.setattr(bundles, "BUNDLE_OCTETS", len(octets) - 1)
    with pytest.raises(BundleError, match="more than"):
        encode(BUNDLE)
    with pytest.raises(BundleError, match="more than"):
        decode(octets)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_a_message_holds_there_is_a_verdict_and_no_exception(data: st.DataObject) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(document["messages"]) - 1))
        octets = bytearray(base64.b64decode(document["messages"][at]))
        for _ in range(data.draw(st.integers(1, 4))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        document["messages"][at] = base64.b64encode(bytes(octets[: data.draw(st.integers(1, len(octets)))])).decode()
    read: Bundle = decode(json.dumps(document).encode())
    report = judge(read, CryptographyVerifier())
    assert report.verdict in VERDICTS and report.reasons
    assert judge(read, CryptographyVerifier()) == report


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_value_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    place: Any = document
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(min(len(place), 4)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON_VALUES)
        break
    try:
        read = decode(json.dumps(document).encode())
    except BundleError as error:
        assert str(error)
    else:
        assert judge(read, CryptographyVerifier()).verdict in VERDICTS
