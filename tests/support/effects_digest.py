"""`python -m tests.support.effects_digest SEED`: play fuzz episodes, and print a digest of all that the engine did."""

import sys

import holdfast.engine.engine
from fuzz.corpus import Corpus
from fuzz.episode import Episode

EPISODES = 2
PACKETS = 300


def effects_digest(seed: int) -> str:
    """The digests of some episodes: answers, effects, and their order."""
    corpus = Corpus.build()
    digests = []
    for number in range(EPISODES):
        episode = Episode(corpus, seed, number)
        episode.run(PACKETS)
        digests.append(f"{episode.driver.digest.hexdigest()[:24]}/{episode.driver.answers}")
    return " ".join(digests)


def kind_of_build() -> str:
    """Which engine this process runs."""
    return "compiled" if str(holdfast.engine.engine.__file__).endswith(".so") else "interpreted"


if __name__ == "__main__":
    print(kind_of_build(), effects_digest(int(sys.argv[1])))
