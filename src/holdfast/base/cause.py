"""Why something is not as it should be: the value that travels unchanged from the place of failure to the client."""

from typing import Final


class Cause:
    """One reason, in the terms of RFC 8914.

    ``info_code`` is the EDE code (``holdfast.dns.iana`` has the names), ``extra_text`` names what broke (owner, type,
    key tag, server), ``site`` is a short tag unique to the line of code that raised it, so that a ticket points to it.
    Outer layers may add a cause beside this one; they never replace it. ``subject`` (``owner/TYPE``) and ``key_tag``
    say once more, for programs, which RRset and key the text is about; "" and -1: none in particular.
    """

    def __init__(self, info_code: int, extra_text: str, site: str, subject: str = "", key_tag: int = -1) -> None:
        self.info_code: Final = info_code
        self.extra_text: Final = extra_text
        self.site: Final = site
        self.subject: Final = subject
        self.key_tag: Final = key_tag

    def __repr__(self) -> str:
        """Show the cause as it would be logged."""
        return f"Cause(EDE {self.info_code}, {self.extra_text!r}, {self.site})"
