"""Everything that goes over the wire, by theme; `ROUTES` is the whole public interface."""

import importlib
import pkgutil

from .base import Answer, Ask, Done, Instant, Nothing, Page, Paged, Route


def _collect() -> tuple[Route, ...]:
    routes: list[Route] = []
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        if module.name != "base":
            routes.extend(getattr(importlib.import_module(f"{__name__}.{module.name}"), "ROUTES", ()))
    return tuple(routes)


ROUTES = _collect()

__all__ = ["ROUTES", "Answer", "Ask", "Done", "Instant", "Nothing", "Page", "Paged", "Route"]
