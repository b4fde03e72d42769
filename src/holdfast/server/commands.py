"""What a running server can be told: one table of typed commands, and what a worker does for each.

A request is a JSON object: ``{"command": "flush", "name": "example.de", "subtree": true}``. It is checked here, in the
supervisor, before anyone acts. Commands of workers go to all of them and their results are merged to one. A new command
is a row of ``COMMANDS``, and for workers a function in ``worker_actions``; the row also makes it part of the HTTP API.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from holdfast.base.limits import (
    ANCHOR_AUTHOR_CHARACTERS,
    ANCHOR_REASON_CHARACTERS,
    NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S,
    OVERRIDE_RULE_LIFETIME_MAXIMUM_S,
    OVERRIDE_RULE_TTL_MAXIMUM_S,
)
from holdfast.dns.name import from_text
from holdfast.server.anchor_scopes import (
    SCOPE_CHARACTERS,
    not_a_depth,
    not_a_width,
    not_plain_names,
    not_types,
)
from holdfast.server.lines import Values
from holdfast.server.root_anchors_xml import AUTHORITY_OCTETS, SIGNATURE_OCTETS, XML_OCTETS
from holdfast.server.root_anchors_xml import SIGNER as ROOT_SIGNER
from holdfast.server.rule_values import ACTIONS, EDE_CODES, REACHES
from holdfast.server.texts import parse_label, parse_vantage_point

LABEL_CHARACTERS = 32  # as parse_label has it
NAME_CHARACTERS = 1004  # of a domain name as text: 251 octets of labels at most, each of them may need four (\\065)

ANSWER_S = 10.0  # workers answer within milliseconds; one that does not by then is stuck, and the reply says so
CHECK_S = 60.0  # the limits of a check add up to half of that
NAMES_CHARACTERS = 2 * NAME_CHARACTERS  # of a list of names: dozens of usual ones
ADDRESS_CHARACTERS = 254  # of an e-mail address (RFC 5321 section 4.5.3.1.3, less the brackets)
ANCHOR_RECORD_CHARACTERS = 4096  # a DNSKEY of RSA has 700 characters, the largest signatures of post-quantum kind more

Merge = Callable[[Sequence[Values]], Values]


# What is wrong with a request that is not carried out: programs tell by it what to do, and the HTTP API its status.
INVALID = "invalid"  # it will not do, now or later: mend it
NOT_FOUND = "not-found"  # what it is about does not exist
CONFLICT = "conflict"  # what exists already, or the configuration, stands against it
UNAVAILABLE = "unavailable"  # the server cannot at the moment: try again


class CommandError(Exception):
    """The request cannot be carried out; the text says why, in words for the user.

    ``kind``: see above. ``argument``: the name of the one that is wrong, "": it is not about one.
    """

    def __init__(self, text: str, kind: str = INVALID, argument: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.argument = argument

    def reply(self) -> Values:
        """Return what the client is told."""
        reply: Values = {"ok": False, "error": str(self), "kind": self.kind}
        return {**reply, "argument": self.argument} if self.argument else reply


@dataclass(frozen=True)
class Argument:
    """An argument of a command: its JSON type, whether it may be left out, what makes it wrong beside its type.

    ``characters`` is how long a text may be, ``least`` and ``most`` bound a number; ``meaning`` is for the API's users.
    Lists are lists of texts.
    """

    name: str
    kind: type
    required: bool = True
    check: Callable[[str], str] | None = None  # of a text: returns what is wrong, "": nothing
    meaning: str = ""
    characters: int = 0
    least: int | None = None
    most: int | None = None

    def problem(self, value: object) -> str:
        """Return what is wrong with a value, "": nothing."""
        if type(value) is not self.kind:
            return f"{self.name} must be of the type {self.kind.__name__}"
        if isinstance(value, int) and not isinstance(value, bool):
            if self.least is not None and value < self.least:
                return f"{self.name} must be at least {self.least}, not {value}"
            if self.most is not None and value > self.most:
                return f"{self.name} must be at most {self.most}, not {value}"
        texts = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not all(isinstance(text, str) for text in texts):
            return f"{self.name} must be a list of texts"
        for text in texts:
            wrong = self._problem_of_text(text) if isinstance(text, str) else ""
            if wrong:
                return wrong
        return ""

    def _problem_of_text(self, text: str) -> str:
        wrong = self.check(text) if self.check is not None else ""
        if not wrong and self.characters and len(text) > self.characters:
            return f"{self.name} is longer than {self.characters} characters"
        return wrong


@dataclass(frozen=True)
class Route:
    """Where the HTTP API has a command: method, path below ``/v1``, status if all is well.

    Arguments named in braces come from the path, the others from the query string (GET, DELETE) or a JSON object. Of
    what is created (201), the first item of the list ``made`` in the result is the record, known by the first argument.
    """

    method: str
    path: str
    success: int = 200
    made: str = ""


@dataclass(frozen=True)
class Command:
    """A command. ``merge`` makes one result of the workers' results; None: the supervisor carries it out itself.

    ``route``: see `at`. ``answer_s`` is how long workers may take.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    merge: Merge | None = None
    meaning: str = ""
    route: Route | None = None
    answer_s: float = ANSWER_S

    def topic(self) -> str:
        """Return the first part of the name: which of the supervisor's lists a command concerns."""
        return self.name.partition(".")[0]

    def at(self) -> Route:
        """Return where the HTTP API has it: what the row says, else a place made of its name."""
        return self.route or Route("POST", "/commands/" + self.name)


class Change:
    """What a list of the supervisor wants of the workers, and what the user is told: ``result``, or ``merge``'s."""

    def __init__(self, action: str, arguments: Values, result: Values, merge: Merge | None = None) -> None:
        self.request: Values = {"command": action, **arguments}
        self.result = result
        self.command = Command(action, merge=merge or (lambda _results: result))


def not_a_name(text: str) -> str:
    """Return what is wrong with a domain name, "": nothing."""
    return "" if from_text(text) is not None else f"{text!r} is not a domain name"


def not_a_label(text: str) -> str:
    """Return what is wrong with a name that operators give to something, "": nothing."""
    try:
        parse_label(text)
    except ValueError as error:
        return str(error)
    return ""


def not_a_line(text: str, characters: int) -> str:
    """Return what is wrong with a text that people wrote to be read on one line, "": nothing."""
    if not text.strip():
        return "is empty"
    if len(text) > characters:
        return f"is longer than {characters} characters"
    return "" if text.isprintable() else "has characters that cannot be printed"


def not_a_reason(text: str) -> str:
    """Return what is wrong with a reason, "": nothing."""
    wrong = not_a_line(text, ANCHOR_REASON_CHARACTERS)
    return f"the reason {wrong}" if wrong else ""


def not_an_author(text: str) -> str:
    """Return what is wrong with the name of an author, "": nothing."""
    wrong = not_a_line(text, ANCHOR_AUTHOR_CHARACTERS)
    return f"the author {wrong}" if wrong else ""


def not_a_confirmation(text: str) -> str:
    """Return what is wrong with how something was confirmed, "": nothing."""
    wrong = not_a_line(text, ANCHOR_REASON_CHARACTERS)
    return f"how it was confirmed {wrong}" if wrong else ""


def not_a_vantage_point(text: str) -> str:
    """Return what is wrong with a vantage point, "": nothing."""
    try:
        parse_vantage_point(text)
    except ValueError as error:
        return str(error)
    return ""


def not_base64(text: str) -> str:
    """Return what is wrong with octets in base64, "": nothing."""
    try:
        return "" if base64.b64decode(text, validate=True) else "the signature is empty"
    except ValueError:  # also of characters that are not ASCII
        return "the signature is not base64"


def not_certificates(text: str) -> str:
    """Return what is wrong with certificates in PEM at first sight, "": nothing."""
    return "" if text.isascii() and "-----BEGIN CERTIFICATE-----" in text else "the authority has no certificate in PEM"


def not_names(text: str) -> str:
    """Return what is wrong with a list of domain names, "": nothing."""
    for one in text.split(","):
        wrong = not_a_name(one.strip())
        if wrong:
            return wrong
    return ""


def sums(results: Sequence[Values]) -> Values:
    """Add up the numbers of all workers, key by key."""
    total: dict[str, int] = {}
    for result in results:
        for key, number in result.items():
            total[key] = total.get(key, 0) + number
    return dict(sorted(total.items()))


def flushed(results: Sequence[Values]) -> Values:
    """Say how much was forgotten, and in how many workers."""
    return {**sums(results), "workers": len(results)}


ZONE = Argument("zone", str, check=not_a_name, meaning="Name of the zone.", characters=NAME_CHARACTERS)
REASON = Argument("reason", str, check=not_a_reason, meaning="Why.", characters=ANCHOR_REASON_CHARACTERS)
REASON_AGAIN = replace(REASON, required=False)
AUTHOR = Argument("author", str, check=not_an_author, meaning="Who decides this.", characters=ANCHOR_AUTHOR_CHARACTERS)
LIFETIME = Argument(
    "lifetime_s",
    int,
    meaning="How long from now, in seconds.",
    least=1,
    most=NEGATIVE_TRUST_ANCHOR_LIFETIME_MAXIMUM_S,
)
LIFETIME_OR_DEFAULT = replace(LIFETIME, required=False)
NAMES = Argument(
    "names",
    str,
    required=False,
    check=not_names,
    meaning="Names below the zone that shall be part of the sample, separated by commas.",
    characters=NAMES_CHARACTERS,
)
SCOPE = tuple(
    Argument(name, str, required=False, check=check, meaning=meaning, characters=SCOPE_CHARACTERS)
    for name, check, meaning in (
        (
            "scope",
            not_a_width,
            "wide: everything below, for all types; narrow: zones below stay validated, and types that secure things. "
            "Narrow for a top-level domain, else wide, unless said otherwise.",
        ),
        ("services", not_plain_names, "The only services that it holds for, separated by commas."),
        ("clients", not_plain_names, "The only client groups that it holds for, separated by commas."),
        ("except_clients", not_plain_names, "Client groups that it does not hold for, separated by commas."),
        ("types", not_types, "The only types that are let through, separated by commas."),
        ("except_types", not_types, "Types that stay validated, separated by commas."),
        (
            "below",
            not_a_depth,
            "strict: zones below are validated by the DS records that are known, or that all name servers agree on "
            "(without AD); relaxed: they are not.",
        ),
    )
)
VANTAGE = Argument(
    "vantage_points",
    list,
    required=False,
    check=not_a_vantage_point,
    meaning="Resolvers elsewhere that are asked as well, beside those of the configuration, and written as there.",
    characters=NAME_CHARACTERS,
)
CONFIRMED = Argument(
    "confirmed",
    str,
    required=False,
    check=not_a_confirmation,
    meaning="How you found out that it is the registry's mistake: then a verdict of undecidable is enough.",
    characters=ANCHOR_REASON_CHARACTERS,
)
FORCE = Argument("force", bool, required=False, meaning="Put it in force without a check of the zone.")
RECHECK = Argument(
    "recheck", bool, required=False, meaning="Whether it ends when the zone is well; otherwise only at its end."
)
FLUSH_NAME = Argument("name", str, check=not_a_name, meaning="Domain name to forget.", characters=NAME_CHARACTERS)
FLUSH_SUBTREE = Argument("subtree", bool, required=False, meaning="Forget everything below the name as well.")

INCIDENT = Argument("number", int, meaning="Number of the incident.", least=1, most=2**31)

RULE_ID = Argument("id", str, check=not_a_label, meaning="Identity of the rule.", characters=LABEL_CHARACTERS)
RULE_REASON = replace(REASON, required=False)
RULE_AUTHOR = replace(AUTHOR, required=False)
BEFORE = Argument(
    "before",
    str,
    required=False,
    check=not_a_label,
    meaning="Identity of the rule of run time that it shall stand before; without it and first: behind all of them.",
    characters=LABEL_CHARACTERS,
)
FIRST = Argument("first", bool, required=False, meaning="It shall stand before all others.")
RULE = (
    Argument("action", str, required=False, meaning="What is done: " + ", ".join(ACTIONS) + ".", characters=32),
    Argument("name", str, required=False, meaning="Domain name; *.NAME is all below it.", characters=NAME_CHARACTERS),
    Argument("match", str, required=False, meaning="How far it reaches: " + ", ".join(REACHES) + ".", characters=32),
    Argument("types", list, required=False, meaning="Types of questions; all if left out."),
    Argument("services", list, required=False, meaning="Services that it is for; all if left out."),
    Argument("client_groups", list, required=False, meaning="Client groups that it is for; everybody if left out."),
    Argument("records", list, required=False, meaning="With records: local records, [TTL] TYPE DATA each."),
    Argument("target", str, required=False, meaning="With cname: the target.", characters=NAME_CHARACTERS),
    Argument("servers", list, required=False, meaning="With forward: addresses of resolvers, with port if not 53."),
    Argument(
        "ede",
        str,
        required=False,
        meaning="With refuse, nxdomain and nodata: the Extended DNS Error, " + ", ".join(EDE_CODES) + ".",
        characters=32,
    ),
    Argument(
        "ttl_s",
        int,
        required=False,
        meaning="TTL of what is made up.",
        least=0,
        most=OVERRIDE_RULE_TTL_MAXIMUM_S,
    ),
)
RULE_LIFETIME = replace(LIFETIME, required=False, most=OVERRIDE_RULE_LIFETIME_MAXIMUM_S)
RULE_START = Argument("start", int, required=False, meaning="How many rules to skip.", least=0, most=1_000_000)

ONE_RULE = "/rules/{id}"
ONE_NTA = "/nta/{zone}"
ONE_INCIDENT = "/incidents/{number}"
RECORD = Argument(
    "record",
    str,
    meaning='What to trust, in the zone file format: "DS 12345 13 2 0123..." or "DNSKEY 257 3 13 ...".',
    characters=ANCHOR_RECORD_CHARACTERS,
)
KEY_TAG = Argument(
    "key_tag", int, required=False, meaning="Only the keys with this tag; default: all.", least=0, most=0xFFFF
)
XML = Argument("xml", str, meaning="IANA's root-anchors.xml (RFC 9718), as it is.", characters=XML_OCTETS)
SIGNATURE = Argument(
    "signature",
    str,
    required=False,
    check=not_base64,
    meaning="Its detached signature, root-anchors.p7s, in base64. This, or unsigned, must be given.",
    characters=(SIGNATURE_OCTETS + 2) // 3 * 4,
)
AUTHORITY = Argument(
    "authority",
    str,
    required=False,
    check=not_certificates,
    meaning="Certificates in PEM that the signature must be under; those of ICANN, which are built in, if left out.",
    characters=AUTHORITY_OCTETS,
)
SIGNER = Argument(
    "signer",
    str,
    required=False,
    meaning=f"E-mail address in the certificate of who must have signed; {ROOT_SIGNER} if left out.",
    characters=ADDRESS_CHARACTERS,
)
UNSIGNED = Argument(
    "unsigned",
    bool,
    required=False,
    meaning="Take the file as it is, without a signature: you know by other means that it is IANA's.",
)

ONE_ANCHOR = "/anchors/{zone}"

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("status", meaning="Listeners and processes of the server.", route=Route("GET", "/status")),
        Command("reload", meaning="Read the configuration again.", route=Route("POST", "/reload")),
        Command("stop", meaning="Stop the server.", route=Route("POST", "/stop")),
        Command("stats", merge=sums, meaning="Counters of all workers, added up.", route=Route("GET", "/stats")),
        Command(
            "flush",
            (FLUSH_NAME, FLUSH_SUBTREE),
            merge=flushed,
            meaning="Forget what is cached for a name, in all workers.",
            route=Route("POST", "/flush"),
        ),
        Command(
            "nta.list",
            meaning="The negative trust anchors in force.",
            route=Route("GET", "/nta"),
        ),
        Command(
            "nta.show",
            (ZONE,),
            meaning="The negative trust anchor of a zone.",
            route=Route("GET", ONE_NTA),
        ),
        Command(
            "nta.add",
            (ZONE, REASON, AUTHOR, LIFETIME_OR_DEFAULT, *SCOPE, NAMES, VANTAGE, CONFIRMED, FORCE, RECHECK),
            meaning="Stop validating a zone, in all workers at once; it ends by itself. Refused, unless forced, if a "
            "check does not find that its registry failed, or leaves that open and nobody confirmed it.",
            route=Route("POST", "/nta", 201, made="anchors"),
        ),
        Command(
            "nta.check",
            (ZONE, NAMES, VANTAGE),
            meaning="Ask all servers of a zone and judge whose fault it is that it does not validate.",
            route=Route("POST", ONE_NTA + "/check"),
        ),
        Command(
            "nta.evidence",
            (ZONE,),
            meaning="Where the evidence is that a negative trust anchor rests on.",
            route=Route("GET", ONE_NTA + "/evidence"),
        ),
        Command(
            "nta.extend",
            (ZONE, LIFETIME, AUTHOR, REASON_AGAIN),
            meaning="Set a new end, counted from now.",
            route=Route("PATCH", ONE_NTA),
        ),
        Command(
            "nta.remove",
            (ZONE, REASON, AUTHOR),
            meaning="Validate the zone again, in all workers at once.",
            route=Route("DELETE", ONE_NTA),
        ),
        Command(
            "incident.list",
            meaning="Zones that the detector calls or called broken, the latest first.",
            route=Route("GET", "/incidents"),
        ),
        Command(
            "incident.show",
            (INCIDENT,),
            meaning="One incident with its evidence, and the negative trust anchor to consider.",
            route=Route("GET", ONE_INCIDENT),
        ),
        Command(
            "incident.acknowledge",
            (INCIDENT, AUTHOR),
            meaning="Take an incident on: nobody is called again because of it.",
            route=Route("POST", ONE_INCIDENT + "/acknowledge"),
        ),
        Command(
            "rule.list",
            (RULE_START,),
            meaning="The override rules in force, in order, as many as fit; next says where to go on.",
            route=Route("GET", "/rules"),
        ),
        Command("rule.show", (RULE_ID,), meaning="One override rule.", route=Route("GET", ONE_RULE)),
        Command(
            "rule.add",
            (replace(RULE_ID, required=False), *RULE, REASON, AUTHOR, RULE_LIFETIME, BEFORE, FIRST),
            meaning="Put an override rule in force, in all workers at once.",
            route=Route("POST", "/rules", 201, made="rules"),
        ),
        Command(
            "rule.dry-run",
            (
                replace(RULE_ID, required=False),
                *RULE,
                RULE_REASON,
                RULE_AUTHOR,
                RULE_LIFETIME,
                BEFORE,
                FIRST,
                replace(BEFORE, name="remove", meaning="Rehearse taking this rule away, instead of adding one."),
            ),
            meaning="Tell what a rule would change for the questions of the last hour; nothing is changed.",
            route=Route("POST", "/rule-dry-run"),
        ),
        Command(
            "rule.move",
            (RULE_ID, AUTHOR, RULE_REASON, BEFORE, FIRST),
            meaning="Put an override rule of run time in another place of the order.",
            route=Route("PATCH", ONE_RULE),
        ),
        Command(
            "rule.remove",
            (RULE_ID, REASON, AUTHOR),
            meaning="End an override rule of run time.",
            route=Route("DELETE", ONE_RULE),
        ),
        Command(
            "anchor.list",
            meaning="The trust anchors, with states (RFC 5011) and warnings.",
            route=Route("GET", "/anchors"),
        ),
        Command(
            "anchor.show",
            (ZONE,),
            meaning="The trust anchor of a zone.",
            route=Route("GET", ONE_ANCHOR),
        ),
        Command(
            "anchor.add",
            (ZONE, RECORD, REASON, AUTHOR),
            meaning="Trust a key of a zone, in all workers at once.",
            route=Route("POST", "/anchors", 201, made="anchors"),
        ),
        Command(
            "anchor.import",
            (XML, SIGNATURE, AUTHORITY, SIGNER, UNSIGNED, REASON, AUTHOR),
            meaning="Trust the root keys in IANA's file, whose signature is verified, in place of those built in or "
            "imported before.",
            route=Route("POST", "/root-anchors"),
        ),
        Command(
            "anchor.remove",
            (ZONE, REASON, AUTHOR, KEY_TAG),
            meaning="Trust keys of a zone no more that were added or imported, in all workers at once.",
            route=Route("DELETE", ONE_ANCHOR),
        ),
    )
}


def check_request(values: Values) -> Command:
    """Return the command of a request. Raises CommandError with everything a user needs to mend it."""
    name = values.get("command")
    command = COMMANDS.get(name) if isinstance(name, str) else None
    if command is None:
        raise CommandError(f"unknown command {name!r}; there are {', '.join(sorted(COMMANDS))}")
    known = {argument.name for argument in command.arguments}
    for key in values:
        if key != "command" and key not in known:
            raise CommandError(f"{name} has no argument {key!r}", argument=key)
    for argument in command.arguments:
        if argument.name not in values:
            if argument.required:
                raise CommandError(f"{name} needs the argument {argument.name!r}", argument=argument.name)
            continue
        wrong = argument.problem(values[argument.name])
        if wrong:
            raise CommandError(f"{name}: {wrong}", argument=argument.name)
    return command
