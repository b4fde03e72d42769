"""What commands return, as the API's description shows it. In ``/v1`` keys may come, and none is renamed or removed."""

from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel
from pydantic.json_schema import models_json_schema

from holdfast.http_api.problem import Problem

SCHEMA_PLACE = "#/components/schemas/{model}"


class WorkerStatus(BaseModel):
    """A worker process."""

    number: int = Field(ge=0)
    pid: int = Field(ge=1)
    uptime_s: int = Field(ge=0)
    state: str = Field(description="serving, or draining after a reload")


class ApiStatus(BaseModel):
    """The process of this API."""

    pid: int = Field(ge=0)
    listeners: list[str]
    restarts: int = Field(ge=0, description="How often it ended by itself and was started again.")


class TrustAnchorFinding(BaseModel):
    """What is, or will become, a problem of a trust anchor."""

    level: Literal["notice", "warning", "error"]
    text: str


class TrustAnchorWarning(TrustAnchorFinding):
    """A warning or an error, and the zone that it is about."""

    zone: str


class Status(BaseModel):
    """The server."""

    pid: int = Field(ge=1, description="Process number of the supervisor.")
    uptime_s: int = Field(ge=0)
    listeners: list[str] = Field(description="Addresses and ports that answer DNS queries.")
    restarts: int = Field(ge=0, description="How often a worker ended by itself and was started again.")
    api: ApiStatus
    trust_anchor_warnings: list[TrustAnchorWarning]
    workers: list[WorkerStatus]


class Counters(RootModel[dict[str, int]]):
    """Counters and sizes by name, added up over all workers."""


class Flushed(BaseModel):
    """What was forgotten."""

    entries: int = Field(ge=0, description="Cache entries forgotten, in all workers together.")
    workers: int = Field(ge=1)


class Reloaded(BaseModel):
    """The new configuration is in force."""

    workers: int = Field(ge=1)


class Nothing(BaseModel):
    """Done; there is nothing to tell."""


class RecheckResult(BaseModel):
    """How far the recheck of a zone is: the anchor ends when so many rounds in a row are clean at all servers."""

    servers: int = Field(description="Of the zone, in the latest round.")
    clean_servers: int
    silent_servers: int
    clean_rounds: int = Field(description="In a row.")
    rounds_needed: int
    rounds: int = Field(description="In all.")
    dirty: list[str] | None = Field(default=None, description="Servers that are not clean, and why.")
    at_s: int | None = Field(default=None, description="When the latest round began.")


class NegativeTrustAnchorResult(BaseModel):
    """A negative trust anchor (RFC 7646). Times are POSIX seconds."""

    zone: str
    reason: str
    author: str
    start_s: int
    end_s: int
    left_s: int = Field(description="Seconds until it ends by itself.")
    services: list[str] | None = Field(default=None, description="The only services that it holds for.")
    clients: list[str] | None = Field(default=None, description="The only client groups that it holds for.")
    except_clients: list[str] | None = Field(default=None, description="Client groups that it does not hold for.")
    types: list[str] | None = Field(default=None, description="The only types that are let through.")
    except_types: list[str] | None = Field(default=None, description="Types that stay validated.")
    below: str | None = Field(
        default=None, description="strict: zones below are validated if their DS is known or agreed on."
    )
    evidence: str | None = Field(default=None, description="The file with the evidence that it rests on.")
    confirmed: str | None = Field(default=None, description="How it was confirmed that the registry failed.")
    shadow: dict[str, int] | None = Field(
        default=None, description="How many links of answers would have been secure, insecure, bogus ... without it."
    )
    recheck: RecheckResult | None = Field(default=None, description="Absent: it lasts until its end.")


class NegativeTrustAnchorsResult(BaseModel):
    """The negative trust anchors that a request is about."""

    kept: bool = Field(description="Whether they survive a restart: the server has a state directory.")
    anchors: list[NegativeTrustAnchorResult]
    warning: str | None = Field(default=None, description="What the operator should know beside it.")


class CheckedRRset(BaseModel):
    """An RRset as servers of a zone gave it, in one state."""

    name: str
    type: str
    key_tag: int = Field(description="-1: there is no signature by the zone.")
    state: str
    addresses: int = Field(description="How many addresses gave it.")
    transports: list[str]
    versions: int = Field(description="How many different ones there were.")
    servers: list[str] = Field(description="Empty: all that answered.")
    text: str


class CheckedServer(BaseModel):
    """A name server of a zone: clean, dirty, silent or unclear."""

    name: str
    state: str
    addresses: int
    text: str


class Check(BaseModel):
    """What a zone's servers say, and whose fault it is if it does not validate (docs/trust-control.md)."""

    zone: str
    verdict: str = Field(
        description="registry failure, path problem, bad server, attack, undecidable or fine.",
    )
    reasons: list[str]
    advice: str
    at_s: int
    anchored: bool = Field(description="Whether the parent vouches for the keys that judged.")
    signed: bool = Field(description="Whether resolvers validate the zone at all.")
    clean: bool | None = Field(description="As a round of the recheck: null if it says nothing.")
    evidence: str = Field(description="The file with the evidence; empty: it is not kept.")
    vantage_points: int
    servers: list[CheckedServer]
    rows: list[CheckedRRset]
    notes: list[str]


class Evidence(BaseModel):
    """Where the evidence is that a negative trust anchor rests on."""

    zone: str
    evidence: str
    file: str


class OverrideRuleResult(BaseModel):
    """An override rule (docs/override-rules.md). Times are POSIX seconds; what is not its action's is absent."""

    id: str
    action: str
    name: str
    match: str = Field(description="exact, subtree or below.")
    types: list[str] | None = None
    services: list[str] | None = None
    client_groups: list[str] | None = None
    records: list[str] | None = None
    target: str | None = None
    servers: list[str] | None = None
    ede: str | None = None
    ttl_s: int | None = None
    reason: str
    author: str
    start_s: int
    end_s: int | None = None
    left_s: int | None = Field(default=None, description="Seconds until it ends by itself.")
    configured: bool = Field(description="Whether it is from the configuration.")
    hits: int | None = Field(default=None, description="How many answers it had a part in, if that was asked for.")


class OverrideRulesResult(BaseModel):
    """The override rules that a request is about, in their order."""

    kept: bool = Field(description="Whether those of run time survive a restart: the server has a state directory.")
    total: int = Field(ge=0, description="How many rules are in force.")
    next: int | None = Field(default=None, description="Where to go on (start); absent: these are the last ones.")
    rules: list[OverrideRuleResult]


class RehearsedName(BaseModel):
    """Questions for a name and type."""

    name: str
    type: str
    questions: int = Field(ge=1)


class Rehearsal(BaseModel):
    """What a rule would change for the questions of the last hour."""

    asked: int = Field(ge=0, description="Questions that are known.")
    changed: int = Field(ge=0, description="Those that would meet other rules than now.")
    clients: int = Field(ge=0, description="Of how many clients.")
    more_clients: bool = Field(description="Whether there are more than that.")
    names: list[RehearsedName] = Field(description="The most asked first.")
    more_names: bool


class TrustAnchorKey(BaseModel):
    """A key of a zone. Times are POSIX seconds; 0: there is none."""

    key_tag: int
    algorithm: int
    state: str = Field(description="A state of RFC 5011, or Configured: trusted, and not seen in the zone yet.")
    since_s: int
    trusted_from_s: int = Field(description="End of the hold-down of a new key.")


class TrustAnchorRecord(BaseModel):
    """Where a trust anchor comes from; all but the source only if it was added or imported."""

    source: Literal["built in", "configured", "added", "imported"]
    record: str | None = None
    author: str | None = None
    reason: str | None = None
    at_s: int | None = None
    from_s: int | None = None
    until_s: int | None = None


class TrustAnchorResult(BaseModel):
    """The trust anchor of a zone."""

    zone: str
    tracked: bool = Field(description="Whether key rollovers are followed (RFC 5011).")
    trusted: list[int] = Field(description="Tags of the keys that are trusted now.")
    verified_s: int = Field(description="When its keys were validated last; 0: not yet.")
    keys: list[TrustAnchorKey]
    findings: list[TrustAnchorFinding]
    records: list[TrustAnchorRecord]


class TrustAnchorsResult(BaseModel):
    """The trust anchors that a request is about; none: nothing in the zone is trusted by itself any more."""

    kept: bool = Field(description="Whether what is added survives a restart: the server has a state directory.")
    anchors: list[TrustAnchorResult]
    warning: str | None = Field(default=None, description="What the operator should know beside it.")


RESULTS: dict[str, type[BaseModel]] = {
    "status": Status,
    "stats": Counters,
    "flush": Flushed,
    "reload": Reloaded,
    "stop": Nothing,
    "nta.list": NegativeTrustAnchorsResult,
    "nta.show": NegativeTrustAnchorsResult,
    "nta.add": NegativeTrustAnchorsResult,
    "nta.check": Check,
    "nta.evidence": Evidence,
    "nta.extend": NegativeTrustAnchorsResult,
    "nta.remove": NegativeTrustAnchorsResult,
    "rule.list": OverrideRulesResult,
    "rule.show": OverrideRulesResult,
    "rule.add": OverrideRulesResult,
    "rule.move": OverrideRulesResult,
    "rule.remove": OverrideRulesResult,
    "rule.dry-run": Rehearsal,
    "anchor.list": TrustAnchorsResult,
    "anchor.show": TrustAnchorsResult,
    "anchor.add": TrustAnchorsResult,
    "anchor.import": TrustAnchorsResult,
    "anchor.remove": TrustAnchorsResult,
}


def schemas() -> dict[str, Any]:
    """Return the JSON schemas of all results and of problems, by name."""
    models: list[type[BaseModel]] = list(dict.fromkeys([Problem, *RESULTS.values()]))
    _, document = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMA_PLACE)
    found: dict[str, Any] = document["$defs"]
    return found


def schema_of(command: str) -> dict[str, Any]:
    """Return the schema of a command's result; any object if nothing more is known of it."""
    model = RESULTS.get(command)
    return {"$ref": SCHEMA_PLACE.format(model=model.__name__)} if model is not None else {"type": "object"}
