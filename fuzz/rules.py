"""Override rules by chance: what they make up must never be called authentic, whatever packets come."""

from random import Random

from holdfast.base.override_rule import OverrideRule
from holdfast.server.rule_values import ACTIONS, REACHES, read_rule

RULES = 8  # at most; they shall decide some questions, not all
TYPES = ["A", "AAAA", "TXT", "NS", "DS", "DNSKEY", "ANY"]
MADE_UP = ["A 203.0.113.77", "AAAA 2001:db8::77", 'TXT "made up"', "0 MX 10 mail.de."]


def random_rules(random: Random, names: list[str], servers: list[str]) -> list[OverrideRule]:
    """Return rules for some of the names; ``servers`` are addresses that one may forward to."""
    rules = []
    for number in range(random.randrange(RULES)):
        action = random.choice(list(ACTIONS))
        values: dict[str, object] = {
            "id": f"r{number}",
            "action": action,
            "name": random.choice([name for name in names if name != "."]),
            "match": "subtree" if action == "insecure" else random.choice(list(REACHES)),
            "types": random.sample(TYPES, random.choice((0, 0, 1, 3))),
            "reason": "fuzz",
            "author": "fuzz",
        }
        if action == "records":
            values["records"] = random.sample(MADE_UP, random.randint(1, len(MADE_UP)))
        elif action == "cname":
            values["target"] = random.choice(["www.", ""]) + random.choice(names)
        elif action == "forward":
            values["servers"] = random.sample(servers, 2)
        rules.append(read_rule(values, None))
    return rules
