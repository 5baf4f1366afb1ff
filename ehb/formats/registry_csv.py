"""Lists of the registry: CSV → entries. What Excel writes is read: UTF-8 with or without its mark, comma or
semicolon, quoted cells over several lines, ="01001" around codes, days as dd/mm/yyyy.

Owns the shape of cells. Leaves to the domain what a row changes. A column that the file does not have says
nothing: what is registered stays. An empty cell of a column that it has says "none".

The one invariant: a row is read whole or refused whole, with its line, its columns and its rules, and no message
repeats a cell.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Any

from ehb.domain.identity import NATIONAL_ID, UnusableIdentifier, identifier_from
from ehb.domain.registry import Entry, Refused, gln_is_right, licence_key
from ehb.domain.registry_rules import ListProblem, list_problem
from ehb.domain.session import FacilityClient
from ehb.formats.public_keys import UnusableKey, key_set_address, public_jwks

_LONGEST = 500
_CODE = re.compile(r"[0-9A-Z]{5}")
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_DAYS = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", re.ASCII),
    re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})", re.ASCII),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", re.ASCII),
)
_YES, _NO = frozenset({"", "true", "1", "yes", "có"}), frozenset({"false", "0", "no", "không"})

Cells = Mapping[str, str]


class _Wrong(ValueError):
    """A cell that breaks a rule."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


@dataclass(frozen=True, slots=True)
class _List:
    """A kind of list: its columns, how each cell is read, and which ones must be filled."""

    key: str
    required: frozenset[str]
    columns: Mapping[str, tuple[str, Callable[[str], Any]]]
    """Column → (attribute, how the cell is read)."""


def read_facilities(source: str, content: bytes) -> Iterator[Entry | Refused]:
    """The rows of a list of facilities, in its order. `source` is what a problem calls the file."""
    for row in _rows(source, content, _FACILITIES):
        yield row if isinstance(row, Refused) else _with_client(source, row)


def read_practitioners(source: str, content: bytes) -> Iterator[Entry | Refused]:
    """The rows of a list of practitioners."""
    return _rows(source, content, _PRACTITIONERS)


def _rows(source: str, content: bytes, kind: _List) -> Iterator[Entry | Refused]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield Refused((list_problem(source, "file.encoding"),))
        return
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    header: list[str] | None = None
    seen: set[str] = set()
    while True:
        line = reader.line_num + 1
        try:
            cells = [_plain(cell) for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error:
            yield Refused((list_problem(source, "row.quoting", line=line),))
            continue
        if not any(cells):
            continue
        if header is None:
            header = [cell.lower() for cell in cells]
            if faults := tuple(_header_problems(source, header, kind)):
                yield Refused(faults)
                return
            continue
        row = _row(source, line, header, cells, kind)
        if isinstance(row, Entry):
            if row.key in seen:
                row = Refused((list_problem(source, "row.repeated", line=line, column=kind.key),))
            else:
                seen.add(row.key)
        yield row
    if header is None:
        yield Refused(tuple(_header_problems(source, [], kind)))


def _row(source: str, line: int, header: list[str], cells: list[str], kind: _List) -> Entry | Refused:
    if len(cells) != len(header):
        return Refused((list_problem(source, "row.cells", line=line),))
    values: dict[str, Any] = {}
    problems: list[ListProblem] = []
    for column, cell in zip(header, cells, strict=True):
        attribute, read = kind.columns[column]
        try:
            values[attribute] = _read(cell, column, read, kind)
        except _Wrong as wrong:
            problems.append(list_problem(source, wrong.rule, line=line, column=column))
    since, until = values.get("valid_from"), values.get("valid_until")
    if since is not None and until is not None and until < since:
        problems.append(list_problem(source, "date.order", line=line, column="valid_until"))
    key = values.pop(kind.key, None)
    if problems or key is None:
        return Refused(tuple(problems))
    if kind is _PRACTITIONERS:
        values["licence"], key = key, licence_key(key)
    return Entry(line, key, values)


def _read(cell: str, column: str, read: Callable[[str], Any], kind: _List) -> Any:
    if not cell and column in kind.required:
        raise _Wrong("cell.required")
    if any(unicodedata.category(one) == "Cc" and one not in "\r\n\t" for one in cell):
        raise _Wrong("cell.control")
    if len(cell) > _LONGEST and column != "jwks":
        raise _Wrong("cell.length")
    return read(cell)


def _with_client(source: str, row: Entry) -> Entry | Refused:
    """The client of a row: its keys under its own id, which is the facility's code unless another is given."""
    values = dict(row.values)
    client_id, jwks, uri = (values.pop(name, None) for name in ("client_id", "jwks", "jwks_uri"))
    if jwks is not None and uri is not None:
        return Refused((list_problem(source, "key.twice", line=row.line, column="jwks_uri"),))
    if jwks is not None or uri is not None:
        values["client"] = FacilityClient(client_id or row.key, row.key, jwks or (), jwks_uri=uri)
    elif client_id is not None:
        return Refused((list_problem(source, "cell.required", line=row.line, column="jwks"),))
    return Entry(row.line, row.key, values)


def _header_problems(source: str, header: list[str], kind: _List) -> Iterator[ListProblem]:
    for column in sorted(kind.required - set(header)):
        yield list_problem(source, "file.header", line=1, column=column)
    for place, column in enumerate(header, start=1):
        if column not in kind.columns:
            yield list_problem(source, "header.unknown", line=1, column=f"#{place}")
        elif column in header[: place - 1]:
            yield list_problem(source, "header.repeated", line=1, column=column)


def _delimiter(text: str) -> str:
    """What separates the names of the header line; no name holds either."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max((",", ";", "\t"), key=first.count)


def _plain(cell: str) -> str:
    """The cell without what Excel puts around text that it must not take for a number."""
    bare = cell.strip()
    excel = _EXCEL_TEXT.fullmatch(bare)
    return (excel[1] if excel else bare.removeprefix("'")).strip()


def _text(cell: str) -> str | None:
    return " ".join(unicodedata.normalize("NFC", cell).split()) or None


def _code(cell: str) -> str:
    if not _CODE.fullmatch(cell.upper()):
        raise _Wrong("code.format")
    return cell.upper()


def _codes(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_code(one) for one in re.split(r"[;,|\s]+", cell) if one))


def _gln(cell: str) -> str | None:
    if cell and not gln_is_right(cell):
        raise _Wrong("gln.format")
    return cell or None


def _province(cell: str) -> str | None:
    if cell and not re.fullmatch(r"[0-9]{2}", cell):
        raise _Wrong("province.format")
    return cell or None


def _day(cell: str) -> date | None:
    if not cell:
        return None
    for shape in _DAYS:
        if found := shape.fullmatch(cell):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
    raise _Wrong("date.format")


def _active(cell: str) -> bool:
    if cell.lower() not in _YES | _NO:
        raise _Wrong("active.format")
    return cell.lower() in _YES


def _jwks(cell: str) -> tuple[dict[str, Any], ...] | None:
    try:
        return public_jwks(cell) if cell else None
    except UnusableKey as unusable:
        raise _Wrong(unusable.rule) from None


def _jwks_uri(cell: str) -> str | None:
    try:
        return key_set_address(cell) if cell else None
    except UnusableKey as unusable:
        raise _Wrong(unusable.rule) from None


def _number(cell: str) -> str | None:
    try:
        identifier = identifier_from(cell)
    except UnusableIdentifier:
        raise _Wrong("number.format") from None
    if identifier is not None and identifier.system != NATIONAL_ID:
        raise _Wrong("number.format")
    return identifier.value if identifier else None


_VALIDITY: dict[str, tuple[str, Callable[[str], Any]]] = {
    "valid_from": ("valid_from", _day),
    "valid_until": ("valid_until", _day),
}
_FACILITIES = _List(
    "code",
    frozenset({"code", "name"}),
    {
        "code": ("code", _code),
        "name": ("name", _text),
        "name_since": ("name_since", _day),
        "gln": ("gln", _gln),
        "province": ("province", _province),
        "type": ("type", _text),
        "active": ("active", _active),
        "client_id": ("client_id", _text),
        "jwks": ("jwks", _jwks),
        "jwks_uri": ("jwks_uri", _jwks_uri),
        **_VALIDITY,
    },
)
_PRACTITIONERS = _List(
    "licence",
    frozenset({"licence", "name", "facilities"}),
    {
        "licence": ("licence", _text),
        "name": ("name", _text),
        "facilities": ("facilities", _codes),
        "scope": ("scope", _text),
        "national_id": ("number", _number),
        **_VALIDITY,
    },
)
FACILITY_COLUMNS, PRACTITIONER_COLUMNS = tuple(_FACILITIES.columns), tuple(_PRACTITIONERS.columns)
