"""`holdfast query`: resolve one name, in this process or at a server, and show the outcome."""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import typer
from rich.console import Console

from holdfast.answer import Answer
from holdfast.api import Resolver
from holdfast.control.config import Config
from holdfast.control.explain import print_answer, print_chain
from holdfast.control.log_output import configure_logging
from holdfast.control.overrides import load_config
from holdfast.control.problems import InputError
from holdfast.control.remote import NoResponseError, ask, server_endpoint
from holdfast.server.texts import parse_name, parse_type


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The arguments of one `holdfast query`; ``words`` are the name, and in any order a type and ``@SERVER``."""

    words: list[str]
    explain: bool
    as_json: bool
    config: str | None
    root_hints: str | None
    trust_anchor: str | None
    tcp: bool
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: name (wire format) and type, and the server's address and port, or None for this process."""

    name: bytes
    rtype: int
    server: tuple[str, int] | None


def run_query(options: QueryOptions) -> int:
    """Resolve and print. Returns the exit code: 0 for NOERROR and NXDOMAIN, 1 for other RCODEs and for no response."""
    question = parse_words(options.words)
    configure_logging("warning")
    config = load_config(options.config, root_hints=options.root_hints, trust_anchor_file=options.trust_anchor)
    try:
        if question.server is None or options.explain:
            answer = asyncio.run(_resolve_here(question, config, options.timeout_s))
        else:
            answer = ask(question.name, question.rtype, question.server, options.tcp, options.timeout_s)
    except (NoResponseError, TimeoutError) as error:
        typer.echo(f"holdfast: {error}", err=True)
        return 1
    _show(answer, options, config)
    return 0 if answer.rcode in ("NOERROR", "NXDOMAIN") else 1


def parse_words(words: list[str]) -> Question:
    """Return what ``NAME [TYPE] [@SERVER]`` asks; `InputError` says what is wrong with it."""
    servers = [word[1:] for word in words if word.startswith("@")]
    others = [word for word in words if not word.startswith("@")]
    if len(servers) > 1 or len(others) > 2 or not others:
        raise InputError(["query takes NAME [TYPE] [@SERVER]; see `holdfast query --help`"])
    try:
        name = parse_name(others[0])
        rtype = parse_type(others[1] if len(others) == 2 else "A")
    except ValueError as error:
        raise InputError([str(error)]) from None
    return Question(name, rtype, server_endpoint(servers[0]) if servers else None)


async def _resolve_here(question: Question, config: Config, timeout_s: float) -> Answer:
    """Resolve with the engine in this process; a server becomes the one that everything is asked of."""
    forward = [_endpoint_text(*question.server)] if question.server is not None else []
    async with Resolver(config=config, forward=forward, timeout_s=timeout_s) as resolver:
        return await resolver.resolve_wire(question.name, question.rtype)


def _endpoint_text(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _show(answer: Answer, options: QueryOptions, config: Config) -> None:
    if options.as_json:
        json.dump(answer.to_dict(), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    console = Console(highlight=False, markup=False, emoji=False)
    print_answer(console, answer)
    if options.explain:
        fixed_s = config.validation.fixed_validation_time_s
        console.print()
        print_chain(console, answer, datetime.fromtimestamp(fixed_s, UTC) if fixed_s >= 0 else datetime.now(UTC))
