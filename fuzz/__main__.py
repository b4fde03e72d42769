"""`python -m fuzz`: random, truncated and mutated packets, until something breaks or enough were sent."""

import argparse
import resource
import sys
import time
import traceback
from pathlib import Path

import holdfast.engine.engine
from fuzz import reproducer
from fuzz.corpus import Corpus
from fuzz.episode import Episode, Finding, Tally, replay
from fuzz.stream import StreamFinding, fuzz_streams

PACKETS = 1_000_000
EPISODE_PACKETS = 20_000  # one engine's share: its caches overflow within it, and a reproducer stays readable
STREAM_SHARE = 200  # one stream of TCP garbage per this many packets
WARM_UP_EPISODES = 3  # memory is compared with what is in use after these
GROWTH_MAXIMUM_KIB = 64 * 1024  # caches are emptied with each engine; a leak of 100 octets per packet would show
PAGE_KIB = resource.getpagesize() // 1024


def main() -> int:
    """Run the command line; returns the exit code: 1 for a finding, 2 for a wrong call."""
    options = _parse_options()
    try:
        return _replay(options.replay) if options.replay else _run(options.seed, options.packets)
    except reproducer.UnreadableReproducer as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "--packets", type=_positive, default=PACKETS, help="fuzzed packets to send (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="everything follows from it (default: %(default)s)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="play a reproducer that an earlier run wrote")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _run(seed: int, packets: int) -> int:
    corpus = Corpus.build()
    total = Tally()
    answers = authentic = drops = 0
    started = time.monotonic()
    baseline_kib = 0
    print(f"fuzz: seed {seed}, {packets} packets, {_kind_of_build()} engine", flush=True)
    number = 0
    while total.fuzzed < packets:
        episode = Episode(corpus, seed, number)
        try:
            episode.run(min(EPISODE_PACKETS, packets - total.fuzzed))
        except Finding as finding:
            _report(corpus, finding)
            return 1
        for kind, count in episode.tally.counts.items():
            total.counts[kind] = total.counts.get(kind, 0) + count
        answers += episode.driver.answers
        authentic += episode.driver.authentic
        drops += episode.driver.drops
        number += 1
        if number == WARM_UP_EPISODES:
            baseline_kib = _resident_kib()
        elif number > WARM_UP_EPISODES and _resident_kib() - baseline_kib > GROWTH_MAXIMUM_KIB:
            print(
                f"fuzz: memory grew from {baseline_kib} to {_resident_kib()} KiB by episode {number}", file=sys.stderr
            )
            return 1
        _progress(total, packets, started)
    streams = max(packets // STREAM_SHARE, 1)
    try:
        messages = fuzz_streams(corpus, seed, streams)
    except StreamFinding as finding:
        print(f"fuzz: {finding}", file=sys.stderr)
        return 1
    elapsed_s = time.monotonic() - started
    for kind, count in sorted(total.counts.items()):
        print(f"  {count:>9}  {kind}")
    print(f"  {answers:>9}  answers to clients, {authentic} of them with AD (all true); {drops} queries dropped")
    print(f"  {streams:>9}  TCP streams of garbage, {messages} answers framed in them")
    grown_kib = max(_resident_kib() - baseline_kib, 0) if baseline_kib else 0
    print(
        f"fuzz: {total.fuzzed} packets in {elapsed_s:.0f} s ({total.fuzzed / elapsed_s:.0f} per second), "
        f"{number} engines; {_resident_kib() // 1024} MiB resident, {grown_kib} KiB more than after warming up; "
        "nothing found"
    )
    return 0


def _progress(total: Tally, packets: int, started: float) -> None:
    if sys.stdout.isatty():
        rate = total.fuzzed / (time.monotonic() - started)
        print(f"\r  {total.fuzzed} of {packets} packets, {rate:.0f} per second ", end="", flush=True)
        if total.fuzzed >= packets:
            print("\r\x1b[K", end="")


def _report(corpus: Corpus, finding: Finding) -> None:
    """Say what was found, where, and how to see it again."""
    episode = finding.episode
    last = episode.inputs[-1]
    traceback.print_exception(finding.error)
    path = reproducer.write(corpus, finding)
    place = f"seed {episode.seed}, episode {episode.number}, step {len(episode.inputs)}"
    print(f"fuzz: {type(finding.error).__name__} at {place}")
    print(f"fuzz: packet ({last.kind}): {last.wire.hex() or '-'}")
    print(f"fuzz: to see it again: python -m fuzz --replay {path}")


def _replay(path: Path) -> int:
    seed, number, error_text, inputs = reproducer.read(path)
    print(f"fuzz: {len(inputs)} inputs that led to: {error_text}")
    failed = replay(Corpus.build(), seed, number, inputs)
    if failed is None:
        print("fuzz: nothing fails any more")
        return 0
    position, error = failed
    traceback.print_exception(error)
    print(f"fuzz: fails at input {position + 1}: {inputs[position].wire.hex() or inputs[position].kind}")
    return 1


def _resident_kib() -> int:
    """Memory in use now (field 2 of statm; ru_maxrss would only ever rise)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_KIB


def _kind_of_build() -> str:
    return "compiled" if str(holdfast.engine.engine.__file__).endswith(".so") else "interpreted"


if __name__ == "__main__":
    sys.exit(main())
