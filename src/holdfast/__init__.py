"""holdfast: a DNSSEC-validating recursive resolver.

The Python API is `Resolver` and `query` (docs/python-api.md). They are imported on first use, so that
`import holdfast` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.answer import (
        Answer,
        DelegationSigner,
        ExtendedError,
        Key,
        Link,
        Record,
        SecurityStatus,
        Signature,
    )
    from holdfast.api import Resolver, query

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "DelegationSigner",
    "ExtendedError",
    "Key",
    "Link",
    "Record",
    "Resolver",
    "SecurityStatus",
    "Signature",
    "__version__",
    "query",
]


def __getattr__(name: str) -> Any:
    """Import a part of the API when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    home = "holdfast.api" if name in ("Resolver", "query") else "holdfast.answer"
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
