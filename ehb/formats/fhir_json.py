"""JSON as FHIR needs it: bytes → values with their digits, and the canonical content of a bundle.

The one invariant: nothing in the bytes can make this module raise or take much more memory than they are. What
JSON lets pass and FHIR does not (NaN, one name twice, numbers without measure, broken text) comes back marked in
its place, so that the problem can say where.

Numbers are read from their text, because 72.50 is not 72.5 in a laboratory. The standard parser does it; a faster
one (orjson, msgspec without a schema) gives floats, which have lost the digits before we could ask.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from ehb.formats.sensitivity_lists import code_lists

DEEPEST = 60
"""FHIR data nests to about 15 levels; sections and extensions may go on."""
_MOST_VALUES = 600_000
"""What 10 MB of dense records hold, with room; each takes about a hundred bytes once it is read."""
_LONGEST_NUMBER = 40
_LARGEST_EXPONENT = 30
_BROKEN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Odd:
    """Stands where a number was that is none, or none that anybody measured."""


ODD: Final = Odd()


class Repeated(dict[str, Any]):
    """An object that named a thing twice: which of the two counts is anybody's guess."""


class Unreadable(ValueError):
    """The bytes are no JSON that we take; `rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def parsed(body: bytes) -> Any:
    """The JSON value of a body. Raises Unreadable."""
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > _MOST_VALUES:
        raise Unreadable("fhir.too_many")
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=lambda _: ODD,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise Unreadable("fhir.deep") from None
    except ValueError:
        raise Unreadable("fhir.json") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(found)


def _decimal(text: str) -> Decimal | Odd:
    if len(text) > _LONGEST_NUMBER:
        return ODD
    exponent = text.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > _LARGEST_EXPONENT:
        return ODD
    return Decimal(text)


def _integer(text: str) -> int | Odd:
    return int(text) if len(text) <= _LONGEST_NUMBER else ODD


def faults(value: Any, path: str, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The rules that a value breaks as JSON, each with the path of the fault. Walks without recursion.

    A name that is not `known` stands in a path as `?`: it is no element of FHIR and may be anybody's data.
    """
    waiting: list[Iterator[tuple[Any, str]]] = [iter([(value, path)])]
    while waiting:
        found, place = next(waiting[-1], (None, None))
        if place is None:
            waiting.pop()
        elif isinstance(found, str):
            if _BROKEN_TEXT.search(found):
                yield "fhir.text", place
        elif found is ODD:
            yield "fhir.number", place
        elif isinstance(found, dict | list):
            if len(waiting) > DEEPEST:
                yield "fhir.deep", shortened(place)
                continue
            if isinstance(found, Repeated):
                yield "fhir.key_repeated", place
            waiting.append(_inside(found, place, known))


def _inside(found: dict[str, Any] | list[Any], place: str, known: frozenset[str]) -> Iterator[tuple[Any, str]]:
    if isinstance(found, dict):
        return ((item, f"{place}.{name if name in known else '?'}") for name, item in found.items())
    return ((item, f"{place}[{number}]") for number, item in enumerate(found))


def shortened(path: str) -> str:
    """A path of the length that a person reads."""
    return path if len(path) <= 200 else path[:200] + "…"


def code_labels(value: Any) -> frozenset[str]:
    """The sensitivity labels of every code in a value, wherever it stands, be it kept as a record or not."""
    lists = code_lists()
    labels: set[str] = set()
    waiting: list[Any] = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, dict):
            system, code = found.get("system"), found.get("code")
            if isinstance(system, str) and isinstance(code, str):
                labels |= lists.of_code(system, code)
            waiting.extend(item for item in found.values() if isinstance(item, dict | list))
    return frozenset(labels)


def canonical(bundle: dict[str, Any]) -> bytes:
    """What counts as the content of a bundle: its resources, whatever order they and their names came in.

    When it was bundled, when a server last touched a resource and how it asked to be stored says nothing about
    the person.
    """
    held = bundle.get("entry")
    entries = sorted(
        dumped({"fullUrl": entry.get("fullUrl"), "resource": _without_moments(entry.get("resource"))})
        for entry in (held if isinstance(held, list) else ())
        if isinstance(entry, dict)
    )
    meta = bundle.get("meta")
    security = meta.get("security") if isinstance(meta, dict) else None
    return "\n".join([dumped([security, bundle.get("signature")]), *entries]).encode("utf-8", "surrogatepass")


def _without_moments(resource: Any) -> Any:
    if not isinstance(resource, dict) or not isinstance(meta := resource.get("meta"), dict):
        return resource
    kept = {name: value for name, value in meta.items() if name not in ("lastUpdated", "versionId")}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest


def dumped(value: Any) -> str:
    """JSON in which equal values are equal text, numbers with their digits."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_number_dumped)


def _number_dumped(value: object) -> list[str]:
    return ["number", str(value) if isinstance(value, Decimal) else "odd"]
