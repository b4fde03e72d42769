"""`holdfast query` for people: the answer in a few lines, and its chain of trust drawn link by link."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from holdfast.answer import Answer, DelegationSigner, Key, Link, SecurityStatus, Signature

_STYLES = {
    SecurityStatus.SECURE: "green",
    SecurityStatus.INSECURE: "yellow",
    SecurityStatus.INDETERMINATE: "yellow",
    SecurityStatus.BOGUS: "bold red",
    SecurityStatus.UNCHECKED: "dim",
}
_INDENT = 3


def print_answer(console: Console, answer: Answer) -> None:
    """Print the outcome, the records, and every extended error."""
    console.print(_headline(answer), soft_wrap=True)
    for record in answer.records:
        _line(console, f"{record.name}  {record.ttl_s}  {record.type}  {record.data}")
    for error in answer.extended_errors:
        _line(console, str(error), "red" if answer.rcode == "SERVFAIL" else "yellow")


def print_chain(console: Console, answer: Answer, now: datetime) -> None:
    """Draw the chain of trust from the anchor down to the answer; ``now`` decides what is left of signatures."""
    for depth, link in enumerate(answer.chain):
        _node(console, depth, link.zone, link.status)
        for label, text, style in _link_lines(link, depth, now):
            _detail(console, depth, label, text, style)
    depth = len(answer.chain)
    _node(console, depth, f"{answer.name} {answer.type} {answer.rcode}", answer.status)
    for signature in answer.signatures:
        _detail(console, depth, "RRSIG", *_signature(signature, now))
    for error in answer.extended_errors:
        _detail(console, depth, "cause", str(error), "red")


def _headline(answer: Answer) -> Text:
    line = Text(f"{answer.name} {answer.type}: {answer.rcode}, ")
    line.append(answer.status.value, _STYLES[answer.status])
    return line


def _link_lines(link: Link, depth: int, now: datetime) -> list[tuple[str, str, str]]:
    """Return what is to be said of a link: label, text and style."""
    lines = [("anchor" if depth == 0 else "DS", _signer(signer), "") for signer in link.ds]
    if not link.ds and depth > 0:
        lines.append(("DS", "none", ""))
    lines += [("DNSKEY", _key(key), "") for key in link.keys]
    lines += [("RRSIG", *_signature(signature, now)) for signature in link.signatures]
    if link.error is not None:
        lines.append(("cause", str(link.error), "red" if link.status is SecurityStatus.BOGUS else "yellow"))
    return lines


def _signer(signer: DelegationSigner) -> str:
    return f"{signer.key_tag} {signer.algorithm} {signer.digest_type}"


def _key(key: Key) -> str:
    return f"{key.key_tag} {key.algorithm} {key.role}" + (" (revoked)" if key.revoked else "")


def _signature(signature: Signature, now: datetime) -> tuple[str, str]:
    """Return text and style of a signature: by which key, over which type, and when it counts."""
    window = f"{_moment(signature.inception)} .. {_moment(signature.expiration)}"
    if now < signature.inception:
        left, style = f"not valid for another {_duration(signature.inception - now)}", "red"
    elif now > signature.expiration:
        left, style = f"expired {_duration(now - signature.expiration)} ago", "red"
    else:
        left, style = f"{_duration(signature.expiration - now)} left", ""
    return f"{signature.type_covered} by {signature.key_tag} {signature.signer}, {window}, {left}", style


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(span: timedelta) -> str:
    """Return a duration in its two largest units."""
    seconds = int(span.total_seconds())
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2])


def _node(console: Console, depth: int, text: str, status: SecurityStatus) -> None:
    branch = " " * (_INDENT * (depth - 1)) + "└─ " if depth else ""
    line = Text(branch)
    line.append(f"{text}  ", "bold")
    line.append(status.value, _STYLES[status])
    console.print(line, soft_wrap=True)


def _detail(console: Console, depth: int, label: str, text: str, style: str) -> None:
    _line(console, f"{' ' * (_INDENT * depth)}   {label:<7}{text}", style)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)
