"""`holdfast serve` and `holdfast check-config`."""

import os
import pwd
import socket
from collections.abc import Sequence
from contextlib import suppress

from holdfast.base.settings import EngineSettings
from holdfast.control.config import Config, read_config
from holdfast.control.log_output import configure_logging
from holdfast.control.overrides import load_config
from holdfast.control.problems import InputError
from holdfast.control.settings import engine_settings, server_settings
from holdfast.server.settings import ServerError, ServerSettings
from holdfast.server.supervisor import Supervisor


def serve_forever(
    config: str | None,
    listen: Sequence[str],
    root_hints: str | None,
    trust_anchor: str | None,
    state: str | None,
    workers: int | None,
) -> int:
    """Serve until told to stop; returns the exit code. What is given here goes over the configuration file."""

    def load() -> tuple[ServerSettings, EngineSettings]:
        whole = load_config(
            config,
            listen=listen,
            root_hints=root_hints,
            trust_anchor_file=trust_anchor,
            state=state,
            workers=workers,
        )
        prepare_state_directory(whole)
        configure_logging(whole.log.level)
        return server_settings(whole), engine_settings(whole)

    try:
        return Supervisor(*load(), reload=load, serve_api=_serve_api).run()
    except ServerError as error:
        raise InputError([str(error)]) from None


def _serve_api(sockets: Sequence[socket.socket], settings: ServerSettings) -> None:
    """Serve the HTTP API. Imported only in its own process: nothing else needs uvicorn."""
    from holdfast.http_api.process import serve_api

    serve_api(sockets, settings)


def check(path: str) -> None:
    """Check a configuration file and the files that it names; `InputError` has every problem."""
    config = read_config(path)
    engine_settings(config)
    server_settings(config)


def prepare_state_directory(config: Config) -> None:
    """Make the state directory if it is missing, as the property of the user that workers run as."""
    directory = config.server.state_directory
    if not directory or os.path.isdir(directory):
        return
    try:
        os.makedirs(directory, mode=0o750)
        if config.server.user:
            # An unknown user is reported by the server, in better words.
            with suppress(KeyError):
                account = pwd.getpwnam(config.server.user)
                os.chown(directory, account.pw_uid, account.pw_gid)
    except OSError as error:
        raise InputError([f"server.state_directory: {directory} cannot be made: {error.strerror}"]) from None
