"""Override rules, and what a rehearsal of them found, for people to read."""

from rich.console import Console

from holdfast.dnssec.signature_time import utc_text
from holdfast.server.lines import Values

WHOM = (("types", "type"), ("services", "service"), ("client_groups", "client group"))
MADE_OF = (("records", "record"), ("servers", "server"))


def print_rules(console: Console, command: str, result: Values) -> None:
    """Print the result of a command about rules."""
    if command == "rule.dry-run":
        _print_rehearsal(console, result)
        return
    if command == "rule.remove":
        console.print(f"{result['rules'][0]['id']} is not in force any more", markup=False)
        return
    if not result["total"]:
        console.print("no override rules")
    for rule in result["rules"]:
        _print_rule(console, rule)
    if "next" in result:
        console.print(f"{result['total'] - result['next']} more: holdfast rule list --start {result['next']}")
    if result["rules"] and not result["kept"] and any(not rule["configured"] for rule in result["rules"]):
        console.print("rules of run time are not kept over a restart: the server has no state directory")


def _print_rule(console: Console, rule: Values) -> None:
    reach = {"exact": "", "subtree": " and all below", "below": ""}[rule["match"]]
    name = f"*.{rule['name']}" if rule["match"] == "below" else rule["name"]
    parts = [f"{rule['id']}: {rule['action']} {name}{reach}"]
    parts += [f"{word} {' '.join(rule[key])}" for key, word in WHOM if key in rule]
    if "hits" in rule:
        parts.append(f"{rule['hits']} hits")
    console.print(", ".join(parts), markup=False)
    until = f" until {utc_text(rule['end_s'])}" if "end_s" in rule else ""
    since = "from the configuration" if rule["configured"] else f"since {utc_text(rule['start_s'])}"
    console.print(f"  by {rule['author']}, {since}{until}: {rule['reason']}", markup=False)
    for key, word in MADE_OF:
        for one in rule.get(key, []):
            console.print(f"  {word} {one}", markup=False)
    if "target" in rule:
        console.print(f"  target {rule['target']}", markup=False)


def _print_rehearsal(console: Console, result: Values) -> None:
    if not result["asked"]:
        console.print("no questions are known of the last hour")
        return
    if not result["changed"]:
        console.print(f"none of {result['asked']} questions of the last hour would be answered differently")
        return
    share = 100 * result["changed"] / result["asked"]
    many = "more than " if result["more_clients"] else ""
    console.print(
        f"{result['changed']} of {result['asked']} questions of the last hour ({share:.1f} %), "
        f"of {many}{result['clients']} clients, would be answered differently"
    )
    width = max(len(str(one["questions"])) for one in result["names"])
    for one in result["names"]:
        console.print(f"  {one['questions']:{width}}  {one['name']} {one['type']}", markup=False)
    if result["more_names"]:
        console.print("  and more names")
