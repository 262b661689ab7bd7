"""Log lines for operators: one JSON object a line on standard error, identifiers only, never a value of a record."""

import logging
import sys
import traceback
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


class _Foreign(logging.Handler):
    """Lines of the libraries, in our form. Of a message only its template: arguments and errors may quote values."""

    def emit(self, record: logging.LogRecord) -> None:
        template = str(record.msg).partition("\n")[0][:120]
        line: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            line["error"] = record.exc_info[0].__name__
            line["places"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]
        structlog.get_logger(record.name).log(record.levelno, template, **line)


def configure_logging(level: str = "info", form: str = "json") -> None:
    """From now on all lines go to standard error in `form` (json or text), from `level` upwards; the libraries' from
    "warning" upwards."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    least = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _withhold,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever standard error is at that moment
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _Foreign)] + [_Foreign()]
    root.setLevel(max(least, logging.WARNING))
