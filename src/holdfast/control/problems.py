"""How bad input is reported: every problem of one source at once, each as one line that names the place and the fix."""

from collections.abc import Sequence


class InputError(ValueError):
    """What a user gave cannot be used. ``problems`` has one line for each thing to fix; ``str()`` joins them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def read_text(path: str) -> str:
    """Return the text of a file; `InputError` says why it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise InputError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise InputError([f"{path}: is not UTF-8 text (octet {error.start})"]) from None
