"""What the command line and the Python API say on top of a configuration file."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from holdfast.control.config import Config, read_config
from holdfast.control.config_sections import ForwardZoneSection
from holdfast.control.problems import InputError
from holdfast.server.texts import parse_endpoint


def load_config(
    base: str | Config | None = None,
    *,
    listen: Sequence[str] = (),
    root_hints: str | None = None,
    trust_anchor_file: str | None = None,
    trust_anchors: Sequence[str] = (),
    forward: Sequence[str] = (),
    address_map: Mapping[str, str] | None = None,
    state: str | None = None,
    workers: int | None = None,
) -> Config:
    """Return ``base`` (a file's path, or None for the defaults) with what is given here put in its place.

    ``forward`` replaces all forward zones by one for ``.``; trust anchors replace the configured ones.
    """
    config = read_config(base) if isinstance(base, str) else base or Config()
    _check_endpoints("--listen", listen)
    _check_endpoints("forward", forward)
    server: dict[str, object] = {}
    if listen:
        server["listen"] = list(listen)
    if state is not None:
        server["state_directory"] = str(Path(state).absolute())
    if workers is not None:
        server["workers"] = workers
    upstream: dict[str, object] = {}
    if root_hints is not None:
        upstream["root_hints_file"] = str(Path(root_hints).absolute())
    if address_map is not None:
        _check_endpoints("address_map", [*address_map, *address_map.values()])
        upstream["address_map"] = dict(address_map)
    validation: dict[str, object] = {}
    if trust_anchor_file is not None or trust_anchors:
        validation["trust_anchor_file"] = str(Path(trust_anchor_file).absolute()) if trust_anchor_file else ""
        validation["trust_anchors"] = list(trust_anchors)
    changed: dict[str, object] = {
        "server": config.server.model_copy(update=server),
        "upstream": config.upstream.model_copy(update=upstream),
        "validation": config.validation.model_copy(update=validation),
    }
    if forward:
        changed["forward_zone"] = [ForwardZoneSection(name=".", servers=list(forward))]
    return config.model_copy(update=changed)


def _check_endpoints(what: str, endpoints: Iterable[str]) -> None:
    for text in endpoints:
        try:
            parse_endpoint(text)
        except ValueError as error:
            raise InputError([f"{what}: {error}"]) from None
