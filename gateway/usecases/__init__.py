"""The verbs: one function, one transaction each. API, console, CLI and SDK call these and nothing else."""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from typing import Any

Verb = Callable[..., Awaitable[Any]]


def _collect() -> dict[str, Verb]:
    verbs: dict[str, Verb] = {}
    for module in pkgutil.iter_modules(__path__):
        theme = importlib.import_module(f"{__name__}.{module.name}")
        for name in getattr(theme, "__all__", ()):
            if name in verbs:
                raise ImportError(f"verb {name!r} stands twice")
            verbs[name] = getattr(theme, name)
    return verbs


VERBS = _collect()
