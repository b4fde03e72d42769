"""`holdfast cache check`: validate what a server keeps, offline."""

import time
from pathlib import Path

from rich.console import Console

from holdfast.base.instant import Instant
from holdfast.control.overrides import load_config
from holdfast.control.problems import InputError
from holdfast.control.settings import engine_settings, server_settings
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.server.trust_anchors import TrustAnchorList
from holdfast.store.check import DAMAGED, WRONG, StoreCheck
from holdfast.store.lmdb_cache import FILE_NAME, LmdbCache, StoreError


def check_cache(config: str | None, trust_anchor: str | None, state: str | None) -> int:
    """Check the store in the state directory; returns the exit code, 1 if a record is wrong or damaged."""
    whole = load_config(config, trust_anchor_file=trust_anchor, state=state)
    if not whole.server.state_directory:
        raise InputError(["no state directory: give --state DIR, or a configuration with server.state_directory"])
    directory = Path(whole.server.state_directory)
    if not (directory / FILE_NAME).exists():
        raise InputError([f"{directory / FILE_NAME}: no such file; a server with this state directory makes it"])
    settings = engine_settings(whole)
    added = TrustAnchorList(directory, whole.validation.follow_rollovers, read_only=True)
    settings.trust_anchors = added.merged(settings.trust_anchors)
    settings.store_mark = added.store_mark(settings)
    try:
        cache = LmdbCache.open(directory, server_settings(whole).persistent_cache_octets, settings)
    except StoreError as error:
        raise InputError([str(error)]) from None
    now = Instant(time.monotonic_ns() // 1000, int(time.time()))
    findings = StoreCheck(cache, settings, CryptographyVerifier(), now).run()
    cache.close()
    console = Console()
    for problem in findings.problems:
        console.print(problem, soft_wrap=True, markup=False, highlight=False)
    for outcome, count in sorted(findings.counts.items()):
        console.print(f"{count} {outcome}", markup=False, highlight=False)
    if not findings.counts:
        console.print("the cache is empty")
    return 1 if findings.counts[WRONG] or findings.counts[DAMAGED] else 0
