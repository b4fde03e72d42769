"""The Python API: resolve names in this process, with the very engine that the server runs (docs/python-api.md).

async with holdfast.Resolver() as resolver:
    answer = await resolver.resolve("www.example.de", "A")
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from holdfast.answer import Answer, answer_of
from holdfast.control.config import Config
from holdfast.control.overrides import load_config
from holdfast.control.settings import engine_settings, server_settings
from holdfast.server.texts import parse_name, parse_type
from holdfast.server.worker import EngineHost

DEFAULT_TIMEOUT_S = 15.0  # the engine gives up on a request after ten


class Resolver:
    """A validating resolver inside this process; use it with ``async with``. It keeps its cache until it is left.

    ``config``: path of a TOML file, or a `Config`; None for the defaults. ``root_hints``: path of a hints file.
    ``trust_anchors``: DS or DNSKEY lines, in place of IANA's root keys. ``forward``: resolvers (``"192.0.2.1"``,
    ``"[2001:db8::1]:5300"``) that everything is asked of; their answers are validated here. ``address_map``: address of
    a server to the endpoint that is asked in its place, for laboratories. ``timeout_s``: the longest time that one
    resolution may take.

    Raises `holdfast.control.problems.InputError`, a `ValueError`, if any of these cannot be used.
    """

    def __init__(
        self,
        *,
        config: str | os.PathLike[str] | Config | None = None,
        root_hints: str | os.PathLike[str] | None = None,
        trust_anchors: Sequence[str] = (),
        forward: Sequence[str] = (),
        address_map: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        whole = load_config(
            config if isinstance(config, Config) or config is None else os.fspath(config),
            root_hints=None if root_hints is None else os.fspath(root_hints),
            trust_anchors=trust_anchors,
            forward=forward,
            address_map=address_map,
        )
        self._engine_settings = engine_settings(whole)
        self._server_settings = server_settings(whole)
        self._timeout_s = timeout_s
        self._host: EngineHost | None = None

    async def __aenter__(self) -> Self:
        """Start the engine on the running event loop."""
        self._host = EngineHost(self._server_settings, self._engine_settings, asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all sockets and forget the cache."""
        if self._host is not None:
            self._host.close()
            self._host = None

    async def resolve(self, name: str, rtype: str = "A", *, checking_disabled: bool = False) -> Answer:
        """Return the answer for a name and type. A name that cannot be resolved gives an answer too (SERVFAIL).

        ``checking_disabled``: leave out validation (RFC 4035 section 3.2.2). Raises `ValueError` if the text is not a
        domain name or the type is unknown, and `TimeoutError` after ``timeout_s``.
        """
        return await self.resolve_wire(parse_name(name), parse_type(rtype), checking_disabled=checking_disabled)

    async def resolve_wire(self, name: bytes, rtype: int, *, checking_disabled: bool = False) -> Answer:
        """Do the same for a lower-cased name in wire format and the number of a type."""
        if self._host is None:
            raise RuntimeError("use the resolver inside `async with holdfast.Resolver() as resolver:`")
        try:
            async with asyncio.timeout(self._timeout_s):
                resolution = await self._host.resolve(name, rtype, checking_disabled)
        except TimeoutError:
            raise TimeoutError(f"no answer within {self._timeout_s:g} s") from None
        return answer_of(name, rtype, resolution)


def query(
    name: str,
    rtype: str = "A",
    *,
    checking_disabled: bool = False,
    config: str | os.PathLike[str] | Config | None = None,
    root_hints: str | os.PathLike[str] | None = None,
    trust_anchors: Sequence[str] = (),
    forward: Sequence[str] = (),
    address_map: Mapping[str, str] | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Answer:
    """Resolve one name without an event loop of your own; options as for `Resolver`. Nothing is kept between calls."""

    async def once() -> Answer:
        async with Resolver(
            config=config,
            root_hints=root_hints,
            trust_anchors=trust_anchors,
            forward=forward,
            address_map=address_map,
            timeout_s=timeout_s,
        ) as resolver:
            return await resolver.resolve(name, rtype, checking_disabled=checking_disabled)

    return asyncio.run(once())
