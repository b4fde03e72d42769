"""`python -m bench virtual`: what an outage in virtual time costs, in CPU per client query."""

import time

from rich.console import Console
from rich.table import Table

from holdfast.lab.outage import find_outage
from holdfast.lab.policies import POLICIES
from holdfast.lab.replay import play
from holdfast.lab.traffic import TrafficParameters

OUTAGE = "de-2026-05-05"
SEED = 1
QUERIES = 300_000  # what the laboratory promises to replay within a minute


def run_virtual(scale: float, console: Console) -> None:
    """Replay the outage under every policy that leaves the resolver alone, and print the CPU time of each query."""
    outage = find_outage(OUTAGE).scaled(scale)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("policy", "client queries", "upstream", "CPU, s", "us a query", f"{QUERIES} queries, s"):
        table.add_column(heading, justify="left" if heading == "policy" else "right", no_wrap=True)
    for policy in POLICIES:
        if not policy.hands_off:
            continue
        began_s = time.process_time()
        run = play(outage, policy, SEED, TrafficParameters().for_zones(outage.zones))
        used_s = time.process_time() - began_s
        queries = run.statistics["client_queries"]
        upstream = run.statistics.get("upstream_queries", 0)
        each_s = used_s / queries
        cells = (str(queries), str(upstream), f"{used_s:.1f}", f"{each_s * 1e6:.0f}", f"{each_s * QUERIES:.0f}")
        table.add_row(policy.name, *cells)
    console.print(table)
