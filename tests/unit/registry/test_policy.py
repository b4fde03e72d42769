"""The policy: every setting is documented, every mistake is named."""

from pathlib import Path

import pytest

from holdfast.registry.policy import Policy, make_policy, policy_text, read_policy
from holdfast.registry.problems import RegistryError

DOCUMENT = Path(__file__).parents[3] / "docs" / "registry.md"


@pytest.mark.parametrize("setting", list(Policy.model_fields))
def test_every_setting_is_documented(setting: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text[text.index("### `policy.toml`") : text.index("## The publication gate")]
    assert f"`{setting}`" in table


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    policy = make_policy({"zone": "example", "backends": ["a", "b"], "nsec3_salt": "abcd", "keys": "CSK"}, "test")
    path = tmp_path / "policy.toml"
    path.write_text(policy_text(policy))
    assert read_policy(path) == policy


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"zone": "a..b"}, "zone: Value error, 'a..b' is not a domain name"),
        ({"backends": []}, "backends: List should have at least 1 item"),
        ({"backends": ["a", "a"]}, "each back end once"),
        ({"nsec3_salt": "xyz"}, "nsec3_salt: String should match"),
        ({"dnskey_ttl_s": -1}, "dnskey_ttl_s: Input should be greater"),
        ({"dnskey_ttl_s": "1h"}, "dnskey_ttl_s: Input should be a valid integer"),
        ({"signature_renewal_s": 14 * 86400}, "must be less than signature_validity_s"),
        ({"signature_renewal_s": 3600}, "must not be less than zone_ttl_s"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_mistakes(settings: dict[str, object], said: str) -> None:
    with pytest.raises(RegistryError, match=r"^policy.toml: ") as caught:
        make_policy({"zone": "example", **settings}, "policy.toml")
    assert said in str(caught.value)


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("zone = example\n")
    with pytest.raises(RegistryError, match=r"policy.toml: Invalid value"):
        read_policy(path)
