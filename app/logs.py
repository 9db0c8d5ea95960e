"""Logs: one JSON object a line, with the request id and without personal data."""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

_EMAIL = re.compile(r"[^\s@\"']+@[^\s@\"']+")
_DIGITS = re.compile(r"\+?\d[\d\s().-]{6,}\d")


def redact(value: str) -> str:
    """Return the text with e-mail addresses and runs of digits like phone numbers taken out."""
    return _DIGITS.sub("[digits]", _EMAIL.sub("[e-mail]", value))


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in ("event", "error"):
        if isinstance(event.get(name), str):
            event[name] = redact(event[name])
    return event


def fault(error: BaseException, **more: Any) -> None:
    """Log where an error came from, frame by frame; its words may hold personal data and stay out."""
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    structlog.get_logger().error("fault", kind=type(error).__name__, frames=frames[-12:], **more)


def set_up(level: str) -> None:
    """Send all logs to standard error as JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact_event,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, 20)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
