"""Log lines for operators: one JSON object a line on standard error, identifiers only, never a value of a record."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Nothing of these names may ever be written, whoever logs it: the last line of defence, not the first.
_NEVER = frozenset({"password", "passphrase", "token", "secret", "totp", "values", "body", "authorization", "cookie"})


def _withhold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if name in _NEVER:
            event[name] = "(withheld)"
    return event


def configure_logging(level: str = "info", form: str = "json") -> None:
    """From now on structlog writes to standard error in `form` (json or text), from `level` upwards."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _withhold,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
