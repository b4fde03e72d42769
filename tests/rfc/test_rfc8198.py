"""RFC 8198: answers from validated denial and wildcards, seen by what is still asked of the servers."""

import dns.rcode

from holdfast.registry.zone import Nsec3Parameters
from tests.support.engine_world import texts
from tests.support.signed_world import SignedWorld, is_secure

ZONE = """\
www 300 IN A 192.0.2.80
*.wild 300 IN TXT "any"
*.alias 300 IN CNAME www
to-nowhere 300 IN CNAME nowhere
z 300 IN A 192.0.2.81
"""


def test_5_1_a_covered_name_is_denied_without_asking() -> None:
    world = SignedWorld({"example": ZONE})
    assert world.ask_secure("nothing1.example.").rcode() == dns.rcode.NXDOMAIN
    before = len(world.sent)
    second = world.ask_secure("nothing2.example.")
    assert (second.rcode(), is_secure(second), len(world.sent)) == (dns.rcode.NXDOMAIN, True, before)


def test_5_3_a_wildcard_answers_for_the_next_name_without_asking() -> None:
    for nsec3 in (None, Nsec3Parameters()):
        world = SignedWorld({"example": ZONE}, nsec3=nsec3)
        assert is_secure(world.ask_secure("a.wild.example.", "TXT"))
        before = len(world.sent)
        for name in ("a.a.wild.example.", "b.a.a.wild.example."):
            second = world.ask_secure(name, "TXT")
            assert f'{name} TXT "any"' in texts(second.answer)
            assert is_secure(second)
            assert second.authority, "the proof that nothing closer exists has to come along"
        assert len(world.sent) == before


def test_5_3_a_wildcard_alias_is_followed() -> None:
    world = SignedWorld({"example": ZONE})
    world.ask_secure("b.alias.example.")
    before = len(world.sent)
    second = world.ask_secure("a.b.alias.example.")
    assert {"a.b.alias.example. CNAME www.example.", "www.example. A 192.0.2.80"} <= set(texts(second.answer))
    assert (is_secure(second), len(world.sent)) == (True, before)


def test_5_4_without_aggressive_use_everything_is_asked() -> None:
    world = SignedWorld({"example": ZONE})
    world.settings.aggressive_denial = False
    world.ask_secure("a.wild.example.", "TXT")
    world.ask_secure("a.a.wild.example.", "TXT")
    assert world.asked()[-1] == "a.a.wild.example. TXT"


def test_the_denial_that_comes_with_an_alias_serves_its_target() -> None:
    world = SignedWorld({"example": ZONE})
    answer = world.ask_secure("to-nowhere.example.")
    assert (answer.rcode(), is_secure(answer)) == (dns.rcode.NXDOMAIN, True)
    assert "nowhere.example. A" not in world.asked()


def test_a_proof_that_two_links_share_is_shown_once() -> None:
    world = SignedWorld({"example": '*.w 300 IN CNAME a.x\n*.x 300 IN TXT "end"\n'})
    answer = world.ask_secure("b.w.example.", "TXT")
    denials = [rrset.name for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NSEC]
    assert len(denials) == len(set(denials)) > 0


def test_a_client_gets_the_soa_with_a_denial_of_ds_that_a_referral_showed() -> None:
    world = SignedWorld({"unsigned": "www 300 IN A 192.0.2.80\n"}, unsigned=("unsigned",))
    answer = world.ask_secure("www.unsigned.")
    assert (answer.rcode(), is_secure(answer)) == (dns.rcode.NOERROR, False)
    denial = world.ask_secure("unsigned.", "DS")
    assert is_secure(denial)
    assert dns.rdatatype.SOA in [rrset.rdtype for rrset in denial.authority]


def test_a_question_without_rd_is_answered_by_synthesis() -> None:
    world = SignedWorld({"example": ZONE})
    world.settings.answer_without_recursion_desired = True
    world.ask_secure("nothing1.example.")
    answer = world.ask_secure("nothing2.example.", rd=False)
    assert (answer.rcode(), is_secure(answer)) == (dns.rcode.NXDOMAIN, True)
    assert world.ask_secure("nothing2.example.", rd=False, cd=True).rcode() == dns.rcode.NOERROR
