"""Who is called, when again, and when no more."""

from holdfast.sentinel.incident import BOGUS, Incident
from holdfast.sentinel.paging import AGAIN_LATER_S, AGAIN_S, BEFORE_END_S, PAGES_SOON, Page, Paging
from holdfast.sentinel.suspicion import LOOK_S
from tests.support.seen_zones import START_S, wire


def incident(number: int = 1) -> Incident:
    return Incident(number, wire("de"), BOGUS, START_S, START_S)


def calls(
    incidents: list[Incident], until_s: int, covered_until_s: int = 0, acknowledged_s: int = -1
) -> list[tuple[int, int]]:
    """Return when which page was sent, in seconds since the start."""
    sent: list[tuple[int, int]] = []
    now_s = 0
    paging = Paging(lambda page: sent.append((now_s, page.number)))
    for now_s in range(0, until_s, LOOK_S):
        if now_s == acknowledged_s:
            paging.acknowledge(incidents[0])
        paging.call(incidents, lambda _zone: covered_until_s, now_s)
    return sent


def test_an_incident_pages_at_once_and_again_until_somebody_acts() -> None:
    sent = calls([incident()], PAGES_SOON * AGAIN_S + AGAIN_LATER_S)
    assert sent[:PAGES_SOON] == [(at * AGAIN_S, at + 1) for at in range(PAGES_SOON)]
    assert sent[PAGES_SOON:] == [((PAGES_SOON - 1) * AGAIN_S + AGAIN_LATER_S, PAGES_SOON + 1)]


def test_who_acknowledged_is_not_called_again() -> None:
    assert calls([incident()], 10 * AGAIN_S, acknowledged_s=60) == [(0, 1)]


def test_a_negative_trust_anchor_is_an_answer_until_shortly_before_its_end() -> None:
    assert calls([incident()], 5000, covered_until_s=10_000) == []
    assert calls([incident()], 10_000, covered_until_s=10_000)[0] == (10_000 - BEFORE_END_S, 1)


def test_an_incident_that_is_over_is_forgotten() -> None:
    sent: list[Page] = []
    paging = Paging(sent.append)
    paging.call([incident()], lambda _zone: 0, 0)
    paging.acknowledge(incident())
    paging.call([], lambda _zone: 0, 10)
    assert not paging.is_acknowledged(incident())
    assert paging.sent(incident()) == (0, 0)


def test_a_page_carries_evidence_and_proposal() -> None:
    sent: list[Page] = []
    Paging(sent.append).call([incident()], lambda _zone: 0, 0)
    values = sent[0].values()
    assert values["incident"]["zone"] == values["proposal"]["zone"] == "de"
    assert values["page"] == 1
