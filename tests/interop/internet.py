"""The laboratory's Internet: zones signed and spoiled as told, served by NSD, Knot DNS and BIND on loopback."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop import daemons
from tests.interop.daemons import LOOPBACK, Daemon, running
from tests.interop.faults import plain
from tests.interop.signers import NSEC, Signing, knot_policy, sign, sign_knot
from tests.interop.zones import SERVERS, Zone, broken_zones, good_zones, root_text


@dataclass(frozen=True)
class Internet:
    """The running servers, what a resolver starts from, and two Unbounds: ``fetcher`` (for delv) does not validate."""

    daemons: dict[str, Daemon]
    fetcher: Daemon
    validator: Daemon
    root_hints: Path
    trust_anchor: str
    delv_anchor: Path

    @property
    def address_map(self) -> dict[str, str]:
        """Where each server of the zones really is."""
        return {address: f"{LOOPBACK}:{self.daemons[program].port}" for program, address in SERVERS.items()}

    def logs(self) -> str:
        """What every daemon printed last."""
        running = [*self.daemons.values(), self.fetcher, self.validator]
        return "\n".join(f"--- {one.name}\n{one.log_tail()}" for one in running)


class _Builder:
    """Signs the zones below ``folder``, children first, because a parent publishes the DS of its children."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.zones = [*good_zones(), *broken_zones()]
        self.files: dict[str, dict[str, Path]] = {program: {} for program in SERVERS}
        self.ds: dict[str, list[str]] = {}
        self.knot_folder = folder / "knot"
        self.knot_folder.mkdir()

    def build(self) -> None:
        """Write every zone file."""
        for zone in sorted(self.zones, key=lambda one: one.name.count("."), reverse=True):
            self._add(zone)
        root = Zone(".", "root", Signing("bind", 13, NSEC), root_text(self.zones, self.ds))
        self._add(root)

    def _add(self, zone: Zone) -> None:
        """Sign and spoil one zone."""
        folder = self._folder / "zones" / (zone.name.rstrip(".") or "root")
        folder.mkdir(parents=True)
        origin = f"$ORIGIN {zone.name}\n" if zone.name != "." else ""
        text = origin + zone.text
        if zone.name != ".":
            children = [name for name in self.ds if _parent(name) == zone.name]
            text += "".join(f"{name} DS {ds}\n" for name in children for ds in self.ds[name])
        ds: list[str] = []
        if zone.online:
            (folder / "unsigned").write_text(text)
            assert zone.signing is not None
            ds = sign_knot(folder, zone.name, zone.signing, self.knot_folder).ds
        elif zone.signing is not None:
            signed = sign(folder, zone.name, text, zone.signing)
            text, ds = plain(signed.text, zone.name), signed.ds
        (folder / "zone").write_text(zone.spoil(text) if zone.spoil else text)
        self.files[zone.server][zone.name] = folder / "zone"
        self.ds[zone.name] = zone.spoil_ds(ds) if zone.spoil_ds else ds

    def knot_signing(self) -> tuple[str, dict[str, str]]:
        """The sections about signing of the configuration of Knot DNS, and the options of the zones it signs."""
        policies, modules, options = [], [], {}
        for zone in self.zones:
            if not zone.online:
                continue
            assert zone.signing is not None
            policies.append(knot_policy(zone.name, zone.signing))
            if zone.online == "synthesised":
                modules.append(f'  - id: "{zone.name}"\n    policy: "{zone.name}"\n')
                options[zone.name] = f'    module: "mod-onlinesign/{zone.name}"\n'
            else:
                options[zone.name] = f'    dnssec-signing: on\n    dnssec-policy: "{zone.name}"\n'
        return f"policy:\n{''.join(policies)}mod-onlinesign:\n{''.join(modules)}", options


def _parent(name: str) -> str:
    """The zone that delegates to a child zone: all but one are one label below it, and that one has no DS."""
    return name.split(".", 1)[1] or "."


@contextmanager
def running_internet(folder: Path) -> Iterator[Internet]:
    """Build the zones below the empty ``folder`` and serve them until the end of the block."""
    builder = _Builder(folder)
    builder.build()
    files = builder.files
    signing, options = builder.knot_signing()
    commands = {
        "root": daemons.nsd(files["root"]),
        "nsd": daemons.nsd(files["nsd"]),
        "bind": daemons.bind(files["bind"]),
        "knot": daemons.knot(files["knot"], signing, options),
    }
    hints = folder / "root.hints"
    hints.write_text(f". 86400 NS ns.root-server.\nns.root-server. 86400 A {SERVERS['root']}\n")
    with ExitStack() as stack:
        found = {
            program: stack.enter_context(running(program, folder / program, command, next(iter(files[program]))))
            for program, command in commands.items()
        }
        ports = {zone: found[program].port for program, names in files.items() for zone in names}
        anchor = f". 86400 IN DS {builder.ds['.'][0]}"
        fetcher, validator = (
            stack.enter_context(running(name, folder / name, daemons.unbound(ports, trusted), "."))
            for name, trusted in (("fetcher", ""), ("validator", anchor))
        )
        yield Internet(found, fetcher, validator, hints, anchor, delv_anchor(folder, builder.ds["."][0]))


def delv_anchor(folder: Path, ds: str) -> Path:
    """Write the root's trust anchor as delv reads it."""
    tag, algorithm, digest_type, digest = ds.split(maxsplit=3)
    path = folder / "delv.anchor"
    path.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n')
    return path
