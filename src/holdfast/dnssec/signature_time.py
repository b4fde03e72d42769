"""The times in RRSIG records: 32-bit serial numbers of seconds (RFC 4034 section 3.1.5), and how people read them."""

from typing import Final

_HALF: Final = 0x80000000
_WHOLE: Final = 0x100000000
_DAY_S: Final = 86400


def seconds_between(earlier: int, later: int) -> int:
    """Return ``later - earlier`` in serial number arithmetic (RFC 1982): between -2**31 and 2**31 - 1 seconds."""
    return (later - earlier + _HALF) % _WHOLE - _HALF


def utc_text(wall_s: int) -> str:
    """Return POSIX time as ``2026-05-05T19:30:00Z``."""
    day, second = wall_s // _DAY_S, wall_s % _DAY_S
    # Gregorian calendar in eras of 400 years (146097 days) that begin on 1 March, so that leap days come last.
    day += 719468  # days from 0000-03-01 to 1970-01-01
    era, day_of_era = day // 146097, day % 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153  # 0 is March
    day_of_month = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    hour, minute = second // 3600, second // 60 % 60
    return f"{year:04d}-{month:02d}-{day_of_month:02d}T{hour:02d}:{minute:02d}:{second % 60:02d}Z"


def signature_time_text(time: int, near_s: int) -> str:
    """Return an inception or expiration field as text: the moment nearest to ``near_s`` that the field can mean."""
    return utc_text(near_s + seconds_between(near_s, time))
