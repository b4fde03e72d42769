"""How a zone is signed and its keys are rolled: ``policy.toml`` in the registry's directory."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from holdfast.dns.name import from_text
from holdfast.registry.problems import RegistryError
from holdfast.registry.zone import Nsec3Parameters

DAY_S = 86400
SIGNING_ALGORITHMS = {"RSASHA256": 8, "ECDSAP256SHA256": 13, "ED25519": 15}


class Policy(BaseModel):
    """The policy of one zone; times are seconds. The defaults suit a registry with daily TTLs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    zone: str
    algorithm: Literal["RSASHA256", "ECDSAP256SHA256", "ED25519"] = "ECDSAP256SHA256"
    rsa_bits: int = Field(2048, ge=1024, le=4096)
    keys: Literal["KSK+ZSK", "CSK"] = "KSK+ZSK"
    backends: list[str] = Field(["hsm1"], min_length=1, max_length=16)

    denial: Literal["nsec", "nsec3", "nsec3-opt-out"] = "nsec3"
    nsec3_iterations: int = Field(0, ge=0, le=50)
    nsec3_salt: str = Field("", pattern=r"^([0-9a-f]{2}){0,32}$")
    serial: Literal["unixtime", "increment", "date"] = "unixtime"
    ds_digest_types: list[Literal[2, 4]] = Field([2], min_length=1)

    ksk_method: Literal["double-signature", "double-ds"] = "double-signature"
    zsk_lifetime_s: int = Field(35 * DAY_S, ge=0)  # 0: roll on demand only
    ksk_lifetime_s: int = Field(0, ge=0)

    signature_validity_s: int = Field(14 * DAY_S, ge=3600)
    signature_renewal_s: int = Field(7 * DAY_S, ge=0)  # signatures with less left than this are renewed
    inception_offset_s: int = Field(5400, ge=0)  # back-dated, for validators whose clock is slow

    dnskey_ttl_s: int = Field(3600, ge=0)
    zone_ttl_s: int = Field(DAY_S, ge=0)  # no TTL in the zone may be longer
    ds_ttl_s: int = Field(DAY_S, ge=0)
    propagation_s: int = Field(3600, ge=0)
    parent_propagation_s: int = Field(3600, ge=0)

    @field_validator("zone")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if from_text(value) is None:
            raise ValueError(f"{value!r} is not a domain name")
        return value

    @field_validator("backends")
    @classmethod
    def _are_folder_names(cls, value: list[str]) -> list[str]:
        for name in value:
            if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > 64:
                raise ValueError(f"{name!r}: use letters, digits, - and _")
        if len(set(value)) != len(value):
            raise ValueError("each back end once")
        return value

    @property
    def algorithm_number(self) -> int:
        """The DNSSEC algorithm number."""
        return SIGNING_ALGORITHMS[self.algorithm]

    @property
    def nsec3(self) -> Nsec3Parameters | None:
        """How names are hashed; None for NSEC."""
        if self.denial == "nsec":
            return None
        return Nsec3Parameters(self.nsec3_iterations, bytes.fromhex(self.nsec3_salt), self.denial == "nsec3-opt-out")

    @property
    def combined(self) -> bool:
        """Whether one key does everything."""
        return self.keys == "CSK"


def read_policy(path: Path) -> Policy:
    """Read the policy; `RegistryError` has one problem for each wrong setting."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RegistryError([f"{path}: is not there; `holdfast registry init` makes it"]) from None
    except OSError as error:
        raise RegistryError([f"{path}: cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistryError([f"{path}: {error}"]) from None
    return make_policy(table, str(path))


def make_policy(table: dict[str, object], source: str) -> Policy:
    """Return the policy that a table describes; `RegistryError` names setting and fix."""
    try:
        policy = Policy.model_validate(table)
    except ValidationError as error:
        raise RegistryError([f"{source}: {_place(one['loc'])}: {one['msg']}" for one in error.errors()]) from None
    if policy.signature_renewal_s >= policy.signature_validity_s:
        raise RegistryError([f"{source}: signature_renewal_s: must be less than signature_validity_s"])
    # Signatures must outlive the longest TTL, or caches would hold data whose signatures have ended.
    if policy.signature_renewal_s < policy.zone_ttl_s:
        raise RegistryError(
            [f"{source}: signature_renewal_s: must not be less than zone_ttl_s (RFC 6781 section 4.4.2)"]
        )
    return policy


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def policy_text(policy: Policy) -> str:
    """Return the policy as TOML."""
    lines = ["# How this zone is signed; times are seconds. docs/registry.md explains each setting."]
    for name, value in policy.model_dump().items():
        lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
