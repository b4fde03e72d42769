"""Who gets past the door: the token, the name that the client believes to talk to, and how often it may come.

A browser on this machine can be made to send requests here by any page that it shows. What such a page cannot do is set
the ``Authorization`` header without being asked for permission first (CORS), which is never given; beside that, a
request is refused if its ``Host`` is not one of ours (DNS rebinding) or it says that another site sent it.
"""

import hmac
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from holdfast.http_api.problem import ProblemError

SCHEME = "bearer"  # RFC 6750 section 2.1
OWN_SITE = ("same-origin", "none")  # values of Sec-Fetch-Site that no other site can cause
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class Bucket:
    """A token bucket: ``rate`` a second, ``burst`` at once; ``now_s`` is monotonic."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        """Take one; False: there is none left."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """Checks the headers of a request (names in lower case) before anything else is read of it."""

    def __init__(self, token: str, host_names: Iterable[str]) -> None:
        self._token = token.encode()
        self._host_names = {name.lower() for name in (*LOCAL_NAMES, *host_names)}

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the client has the token; how long that takes does not depend on how much of it is right."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)
        return is_right and scheme.lower() == SCHEME

    def check_site(self, headers: Mapping[str, str]) -> None:
        """Raise ProblemError if a browser was made to send this by another site, or under another name."""
        host = headers.get("host", "")
        if _host_name(host) not in self._host_names:
            raise ProblemError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"this server is not {host[:100]!r}; use its address, or list the name in api.host_names",
                "Host",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit_host(origin) != host.lower():
            raise ProblemError(HTTPStatus.FORBIDDEN, "requests from pages of other sites are refused", "Origin")
        if headers.get("sec-fetch-site", "none") not in OWN_SITE:
            raise ProblemError(HTTPStatus.FORBIDDEN, "requests from other sites are refused", "Sec-Fetch-Site")


def urlsplit_host(origin: str) -> str:
    """Return host and port of an origin, "" if it has none (``null``)."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """Return the name or address in a Host header, without port and brackets; "" if it is malformed."""
    try:
        return urlsplit("//" + host).hostname or ""
    except ValueError:
        return ""
