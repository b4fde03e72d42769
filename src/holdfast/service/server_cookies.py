"""DNS cookies toward clients (RFC 7873), in the form that servers of different make agree on (RFC 9018).

A client that returns a server cookie has received one at its address, so the address is not forged. The cookie is a
hash over the client's own cookie, the time and its address; nothing is remembered for a cookie to be good.
"""

from hashlib import blake2b
from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings
from holdfast.base.siphash import KEY_OCTETS, siphash24
from holdfast.dns.reader import u32

CLIENT_COOKIE_OCTETS: Final = 8  # RFC 7873 section 4
SERVER_COOKIE_MINIMUM: Final = 8
SERVER_COOKIE_MAXIMUM: Final = 32
COOKIE_OCTETS: Final = 16  # RFC 9018 section 4: version, reserved, time stamp, hash
VERSION: Final = 1
LIFETIME_S: Final = 3600  # RFC 9018 section 4.3: older ones are not good any more
RENEW_S: Final = 1800  # RFC 9018 section 4.3: from half of it on the client gets a new one
FUTURE_S: Final = 300  # RFC 9018 section 4.3: clocks of servers that share a secret may differ by this
SECRET_PERIOD_S: Final = (
    86400  # a generated secret signs for a day; RFC 7873 section 7.1 wants a new one within 36 days
)
KNOWN_COOKIES: Final = 10_000  # recently checked ones, so that a busy client costs one hash in half an hour

MALFORMED: Final = 0
ABSENT: Final = 1  # no server cookie, or not a good one
GOOD: Final = 2


@mypyc_attr(acyclic=True)
class CheckedCookie:
    """A cookie of a client: ``state`` is MALFORMED, ABSENT or GOOD; ``reply`` is what the response carries."""

    def __init__(self, state: int, reply: bytes) -> None:
        self.state: Final = state
        self.reply: Final = reply


class ServerCookies:
    """Makes and checks server cookies.

    Configured secrets are used as they are, the first for new cookies, all for checking: roll one over by putting the
    new one second, then first, then alone (RFC 9018 section 5). Otherwise the secret of each day is derived from a seed
    that all workers share, and a cookie's own time stamp says which day's made it.
    """

    def __init__(self, settings: EngineSettings, seed: bytes) -> None:
        self.secrets: Final[list[bytes]] = settings.cookie_secrets
        self.seed: Final = settings.cookie_seed if settings.cookie_seed else seed
        self.derived: Final[dict[int, bytes]] = {}
        self.known: Final[dict[bytes, int]] = {}  # address and whole cookie, to when it was made

    def check(self, cookie: bytes, address: bytes, now: Instant) -> CheckedCookie:
        """Judge the COOKIE option of a query from a packed address."""
        size = len(cookie) - CLIENT_COOKIE_OCTETS
        if size < 0 or 0 < size < SERVER_COOKIE_MINIMUM or size > SERVER_COOKIE_MAXIMUM:
            return CheckedCookie(MALFORMED, b"")
        now_s = now.wall_s & 0xFFFFFFFF
        if size == COOKIE_OCTETS and cookie[CLIENT_COOKIE_OCTETS] == VERSION and self.is_good(cookie, address, now_s):
            made_s = u32(cookie, CLIENT_COOKIE_OCTETS + 4)
            if age_s(made_s, now_s) <= RENEW_S:
                return CheckedCookie(GOOD, cookie)
            return CheckedCookie(GOOD, self.make(cookie[:CLIENT_COOKIE_OCTETS], address, now_s))
        return CheckedCookie(ABSENT, self.make(cookie[:CLIENT_COOKIE_OCTETS], address, now_s))

    def make(self, client_cookie: bytes, address: bytes, now_s: int) -> bytes:
        """Return client and server cookie for a response."""
        secret = self.secrets[0] if self.secrets else self.secret_of(now_s)
        start = client_cookie + bytes([VERSION, 0, 0, 0]) + now_s.to_bytes(4, "big")
        return start + siphash24(secret, start + address)

    def is_good(self, cookie: bytes, address: bytes, now_s: int) -> bool:
        """Tell whether a cookie of the right form was made here for this client, not too long ago."""
        made_s = u32(cookie, CLIENT_COOKIE_OCTETS + 4)
        age = age_s(made_s, now_s)
        if age > LIFETIME_S or age < -FUTURE_S:
            return False
        key = address + cookie
        if key in self.known:
            return True
        start = cookie[: CLIENT_COOKIE_OCTETS + 8]
        for secret in self.secrets if self.secrets else [self.secret_of(made_s)]:
            if siphash24(secret, start + address) == cookie[CLIENT_COOKIE_OCTETS + 8 :]:
                if len(self.known) >= KNOWN_COOKIES:
                    self.known.clear()
                self.known[key] = made_s
                return True
        return False

    def secret_of(self, time_s: int) -> bytes:
        """Return the secret of the day that a time lies in."""
        day = time_s // SECRET_PERIOD_S
        secret = self.derived.get(day)
        if secret is None:
            if len(self.derived) > 1:
                self.derived.clear()
            secret = blake2b(str(day).encode(), key=self.seed, digest_size=KEY_OCTETS).digest()
            self.derived[day] = secret
        return secret


def age_s(made_s: int, now_s: int) -> int:
    """Return how old a 32-bit time stamp is, by serial number arithmetic (RFC 1982); negative: made in the future."""
    age = (now_s - made_s) & 0xFFFFFFFF
    return age - 0x100000000 if age >= 0x80000000 else age
