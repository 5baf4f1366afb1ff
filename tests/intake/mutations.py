"""Valid visits and typed inputs, broken in ways that know their structure: what hypothesis draws from.

The one invariant: what is drawn depends on the draws alone, so hypothesis can shrink it to the smallest fault.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as some

from ehb.formats.field_tables import tables
from tests.builders import FACILITY, SUMMARY, envelope, part, table_xml
from tests.formats.rows import ALL_TABLES

Visit = dict[str, list[dict[str, str]]]
"""The rows of each table."""
_NO_XML = some.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
VALUES = some.one_of(
    some.sampled_from(
        [
            "", " ", "0", "-1", "1e9", "NaN", "9" * 400, "1,5", "²", "٣", "五", "true", "null", "{}", "<a>", "]]>",
            "&amp;", "\u202e", "\u200d", "e\u0301", "\ud7ff", "𠀀", "%s", "$ne", "../..", "LK-2", "99002", "20261005",
            "00010101", "99991231", "999912312359", "202610050800", "20260230", "0" * 12, ";", ";;;", "a;b", "1;2",
            "999185000002",
        ]
    ),
    some.text(alphabet="0123456789.;,-+ ", max_size=20),
    some.text(_NO_XML, max_size=40),
    some.dates().map(lambda day: day.strftime("%Y%m%d")),
    some.integers().map(str),
)  # fmt: skip


@some.composite
def visits(draw: some.DrawFn) -> bytes:
    """A visit file with one to four things wrong in its rows, its tables, its envelope or its bytes."""
    names = draw(some.lists(some.sampled_from(sorted(ALL_TABLES)), unique=True, max_size=5))
    visit: Visit = {"XML1": [dict(SUMMARY)], **{name: [dict(row) for row in ALL_TABLES[name]] for name in names}}
    for _ in range(draw(some.integers(1, 3))):
        draw(some.sampled_from(_CHANGES))(draw, visit)
    body = _file(draw, visit)
    return draw(some.sampled_from(_WHOLE))(draw, body)


def _field(draw: some.DrawFn, visit: Visit) -> tuple[dict[str, str], str] | None:
    rows = [(name, row) for name, found in visit.items() for row in found]
    if not rows:
        return None
    name, row = draw(some.sampled_from(rows))
    return row, draw(some.sampled_from(sorted(tables()[name].fields)))


def _set(draw: some.DrawFn, visit: Visit) -> None:
    if found := _field(draw, visit):
        found[0][found[1]] = draw(VALUES)


def _drop_field(draw: some.DrawFn, visit: Visit) -> None:
    if found := _field(draw, visit):
        found[0].pop(found[1], None)


def _swap(draw: some.DrawFn, visit: Visit) -> None:
    """A value in the wrong column."""
    one, other = _field(draw, visit), _field(draw, visit)
    if one and other:
        one[0][one[1]] = other[0].get(other[1], "")


def _reorder(draw: some.DrawFn, visit: Visit) -> None:
    name = draw(some.sampled_from(sorted(visit)))
    visit[name] = [dict(draw(some.permutations(sorted(row.items())))) for row in visit[name]]


def _drop_table(draw: some.DrawFn, visit: Visit) -> None:
    visit.pop(draw(some.sampled_from(sorted(visit))))
    visit.setdefault("XML8", [])


def _repeat_row(draw: some.DrawFn, visit: Visit) -> None:
    name = draw(some.sampled_from(sorted(visit)))
    visit[name] = visit[name] * draw(some.integers(2, 5))


def _exchange(draw: some.DrawFn, visit: Visit) -> None:
    """The rows of one table under the name of another."""
    one, other = draw(some.sampled_from(sorted(visit))), draw(some.sampled_from(sorted(visit)))
    visit[one], visit[other] = visit[other], visit[one]


_CHANGES: list[Callable[[some.DrawFn, Visit], None]] = [
    *[_set] * 6, _drop_field, _drop_field, _swap, _reorder, _drop_table, _repeat_row, _exchange,
]  # fmt: skip


def _file(draw: some.DrawFn, visit: Visit) -> bytes:
    parts = [part(name, _written(draw, table_xml(name, rows))) for name, rows in visit.items()]
    if draw(some.booleans()):
        parts = draw(some.permutations(parts))
    if draw(some.integers(0, 9)) == 0:
        parts.append(draw(some.sampled_from(parts)))
    facility = FACILITY if draw(some.integers(0, 9)) else draw(VALUES).replace("<", "").replace("&", "")
    return envelope("".join(parts), facility=facility)


def _written(draw: some.DrawFn, text: str) -> bytes:
    encoding = draw(some.sampled_from(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "utf-16-le", "cp1258", "latin-1"]))
    return text.encode(encoding, "replace")


def _as_it_is(_: some.DrawFn, body: bytes) -> bytes:
    return body


def _truncated(draw: some.DrawFn, body: bytes) -> bytes:
    return body[: draw(some.integers(0, len(body)))]


def _wounded(draw: some.DrawFn, body: bytes) -> bytes:
    place = draw(some.integers(0, len(body)))
    return body[:place] + draw(some.binary(max_size=4)) + body[place + draw(some.integers(0, 4)) :]


def _re_encoded(draw: some.DrawFn, body: bytes) -> bytes:
    return body.decode().encode(draw(some.sampled_from(["utf-16", "utf-8-sig", "latin-1", "utf-32"])), "replace")


_WHOLE: list[Callable[[some.DrawFn, bytes], bytes]] = [*[_as_it_is] * 6, _truncated, _wounded, _re_encoded]


JUNK: some.SearchStrategy[Any] = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(-(2**70), 2**70),
    some.floats(allow_nan=False, allow_infinity=False),
    VALUES,
    some.sampled_from(
        ["9" * 5_000, "1e999999", "-0", "2026-02-30", "2026-10-05T08:00:00", "\x00", "\ud800", "a" * 60_000]
    ),
    some.builds(list),
    some.builds(dict),
    some.builds(lambda: [[[]]]),
)


@some.composite
def inputs(draw: some.DrawFn, valid: dict[str, Any]) -> dict[str, Any]:
    """Typed input with one to four things wrong: dropped, repeated, of another type, beyond all bounds, unknown."""
    changed: dict[str, Any] = copy.deepcopy(valid)
    for _ in range(draw(some.integers(1, 4))):
        holder, name = draw(some.sampled_from(list(_places(changed))))
        match draw(some.sampled_from(["set", "set", "set", "drop", "wrap", "many", "add"])):
            case "drop":
                del holder[name]
            case "wrap":
                holder[name] = [holder[name]]
            case "many":
                holder[name] = [holder[name]] * draw(some.integers(2, 60))
            case "add" if isinstance(holder, dict):
                holder[draw(VALUES)] = draw(JUNK)
            case _:
                holder[name] = draw(JUNK)
        if not list(_places(changed)):
            break
    return changed


def _places(tree: Any) -> Any:
    """Every value that can be changed, with what holds it."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in list(items):
        yield tree, name
        yield from _places(value)
