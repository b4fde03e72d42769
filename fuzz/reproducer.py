"""Findings on disk: the inputs that lead to a failure, as few as were found to do, one JSON line each."""

import json
from pathlib import Path

from fuzz.corpus import Corpus
from fuzz.driver import Input
from fuzz.episode import Finding, replay, same_failure

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "fuzz"
TAILS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)  # lengths of the last part of the inputs that are tried alone


class UnreadableReproducer(Exception):
    """A file is not a reproducer; the text says where and why."""


def shortened(corpus: Corpus, finding: Finding) -> list[Input]:
    """The shortest of some tails of the inputs that fails in the same way."""
    episode = finding.episode
    for length in TAILS:
        if length >= len(episode.inputs):
            break
        tail = episode.inputs[-length:]
        failed = replay(corpus, episode.seed, episode.number, tail)
        if failed is not None and same_failure(failed[1], finding.error):
            return tail[: failed[0] + 1]
    return episode.inputs


def write(corpus: Corpus, finding: Finding) -> Path:
    """Write the reproducer of a finding; returns its path."""
    episode = finding.episode
    path = FOLDER / f"seed-{episode.seed}-episode-{episode.number}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {
        "seed": episode.seed,
        "episode": episode.number,
        "error": f"{type(finding.error).__name__}: {finding.error}",
    }
    lines = [json.dumps(head)]
    for one in shortened(corpus, finding):
        fields = [one.kind, one.advance_us, one.number, one.address.hex(), one.code, one.wire.hex()]
        lines.append(json.dumps(fields))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def read(path: Path) -> tuple[int, int, str, list[Input]]:
    """Read a reproducer: seed, episode, the error it led to, inputs. Raises UnreadableReproducer."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableReproducer(f"{path}: {error}") from None
    at_line = 1
    inputs: list[Input] = []
    try:
        head = json.loads(lines[0]) if lines else {}
        seed, episode, error_text = int(head["seed"]), int(head["episode"]), str(head["error"])
        for line in lines[1:]:
            at_line += 1
            kind, advance_us, exchange, address, code, wire = json.loads(line)
            inputs.append(Input(kind, advance_us, exchange, bytes.fromhex(address), code, bytes.fromhex(wire)))
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableReproducer(f"{path}:{at_line}: not a reproducer of this program ({error})") from None
    return seed, episode, error_text, inputs
