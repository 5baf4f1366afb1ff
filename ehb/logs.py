"""Logs: JSON lines for machines, readable lines in a terminal, and nothing about anybody (standards row E5).

Owns the list of what a line may hold. Everything goes through it: what is not named here is not written, and a value
that does not look as its name promises is written as `?`, so that nobody can leak by accident. Of a line by somebody
else's library only the words in its source are written, never what was put into them, and of an exception only its
type and place. Leaves to the rooms what is worth a line.

The one invariant: no value of a request gets into a line but those that are shaped like one of ours.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

import orjson
import structlog

from ehb.errors import EhbError

Shape = re.Pattern[str] | tuple[type, ...]
"""How a value must look: the whole of a text, or one of these types."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-(?![0-9]{12})[0-9a-f]{12}")
"""An id made at random (RFC 9562); one that ends in twelve decimal digits, as a person's number has, is none."""
_PLACE = re.compile(r"[A-Za-z_]\w*\.py:[0-9]{1,6}|\?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{0,79}")
_NUMBER = (int, float)
METHOD = re.compile(r"GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|other")

NAMED: Mapping[str, Shape] = {
    "request": UUID,
    "method": METHOD,
    "route": re.compile(r"(/[a-z.{}_-]+)+|/|other"),
    "status": _NUMBER,
    "milliseconds": _NUMBER,
    "operation": re.compile(r"query|mutation|subscription"),
    "roots": _NAME,
    "document": re.compile(r"sha256:[0-9a-f]{64}"),
    "kind": re.compile(r"[A-Z]{3,20}"),
    "session": re.compile(r"[A-Za-z0-9_-]{16,64}"),
    "codes": re.compile(r"[A-Z][A-Z0-9_]{2,59}"),
    "code": re.compile(r"[A-Z][A-Z0-9_]{2,59}"),
    "error": _NAME,
    "place": _PLACE,
    "ours": _PLACE,
    "claim": re.compile(r"[A-Za-z_]{1,40}"),
    "why": re.compile(r"timeout|name|address|size|encoding|url|JWK set|status [1-5][0-9]{2}|[A-Z][A-Za-z]{2,40}Error"),
    "number": _NUMBER,
    "facility": re.compile(r"[0-9A-Z]{5}"),
    "count": _NUMBER,
    "usual": _NUMBER,
    "dropped": re.compile(r"[a-z_]{1,40}"),
}
"""What a line may say besides its event, level, time and logger, and how it must look. A list holds such values."""
_ALWAYS = ("event", "level", "logger", "time")
_OWN = ("ehb", "auth", "graphql_schema")
_WORDS = ("uvicorn",)
"""Others whose words are written; of the rest only where a warning came from."""
_SENTENCE = re.compile(r"(?!.*[0-9]{6})[^\n]{1,120}")
"""A line of a source; uvicorn also passes on whole tracebacks, which quote what went wrong."""


def only_named(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line without whatever is not named. For structlog's chain of processors."""
    kept: dict[str, Any] = {"event": str(line.get("event", ""))[:200]}
    dropped = []
    for name, value in line.items():
        if name in _ALWAYS or name.startswith("_"):
            kept.setdefault(name, value)
        elif name in NAMED:
            kept[name] = shown(NAMED[name], value)
        else:
            dropped.append(name)
    if dropped:  # the names stand in our source, the values may not
        kept["dropped"] = shown(NAMED["dropped"], dropped)
    return kept


def shown(shape: Shape, value: object) -> object:
    """The value, or `?` when it does not look like that; of a list, each."""
    if isinstance(value, list | tuple | set | frozenset):
        return [shown(shape, one) for one in value][:50]
    if isinstance(shape, tuple):
        return value if isinstance(value, shape) else "?"
    return value if isinstance(value, str) and shape.fullmatch(value) else "?"


def place_of(error: BaseException | None) -> dict[str, str]:
    """The type of an exception, where it was raised, and the nearest place in our own code; never its text."""
    if error is None:
        return {}
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if Path(one.filename).is_relative_to(_HOUSE)]
    found = {"error": type(error).__name__, "place": _place(frames[-1:])}
    return {**found, "ours": _place(ours[-1:])} if ours and ours[-1] != frames[-1] else found


_HOUSE = Path(__file__).resolve().parents[1]


def _place(frames: list[traceback.FrameSummary]) -> str:
    return f"{Path(frames[0].filename).name}:{frames[0].lineno}" if frames else "?"


def _of_a_library(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A record of the standard library's logging: its words as they stand in the source, without what fills them in."""
    record: logging.LogRecord = line["_record"]
    found: dict[str, Any] = {name: line[name] for name in line if name.startswith("_")}
    found |= {name: value for name, value in vars(record).items() if name in NAMED}
    if record.exc_info:
        found |= place_of(record.exc_info[1])
    room = record.name.partition(".")[0]
    if room not in _OWN and not (room in _WORDS and isinstance(record.msg, str) and _SENTENCE.fullmatch(record.msg)):
        return found | {"event": "of a library", "place": f"{Path(record.pathname).name}:{record.lineno}"}
    return found | {"event": record.msg if isinstance(record.msg, str) else "?"}


def family() -> list[type[EhbError]]:
    """Every class of errors that is loaded."""
    found = [EhbError]
    for kind in found:
        found += [one for one in kind.__subclasses__() if one not in found]
    return found


class _Output:
    """Where the lines of this process go, from which level on and in which form. A logger, as structlog wants one."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self.level = logging.WARNING
        self.console: Callable[..., str] | None = None

    def write(self, line: str) -> None:
        """One line. Until anybody configured the log it goes to standard error."""
        stream = self.stream or sys.stderr
        stream.write(f"{line}\n")
        stream.flush()

    debug = info = warning = error = critical = write


_output = _Output()
current_request: ContextVar[str] = ContextVar("current_request", default="")
"""The id of the request that is being answered, which every line says that is written meanwhile."""
_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()}


def _loud_enough(_: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if _LEVELS[method] < _output.level:
        raise structlog.DropEvent
    line["level"], line["logger"] = method, "ehb"
    return line


def _of_request(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request := current_request.get():
        line.setdefault("request", request)
    return line


def _rendered(logger: object, method: str, line: MutableMapping[str, Any]) -> str:
    return _output.console(logger, method, line) if _output.console else orjson.dumps(line).decode()


_SHARED: tuple[Any, ...] = (
    _of_request,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    only_named,
)
structlog.configure(
    processors=[_loud_enough, *_SHARED, _rendered],
    wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    logger_factory=lambda *_: _output,
    cache_logger_on_first_use=True,
)
log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
"""What the rooms write with: `log.warning("words that stand in the source", named=value)`."""


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every line of the process to `stream` (standard error): readable in a terminal, JSON elsewhere.

    `level` is that of our own lines. Libraries are heard from WARNING on, for their lines are about their insides.
    Ours do not pass through the library that theirs come by, which took twice as long.
    """
    _output.stream = stream = stream or sys.stderr
    _output.level = _LEVELS[level.lower()]
    _output.console = structlog.dev.ConsoleRenderer(timestamp_key="time") if stream.isatty() else None
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            _of_a_library,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            *_SHARED,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _rendered],
        keep_exc_info=False,
        keep_stack_info=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    for name in _WORDS:
        logging.getLogger(name).setLevel(max(logging.INFO, _output.level))
