"""FHIR elements that remember what was read of them, so that nothing can be dropped without a word.

Owns typed access to well-shaped resources and the domain words that are made of FHIR's (CodeableConcept, Quantity,
Period, Coding). Leaves shape to `fhir_shapes`; what is asked for here has its right type already.

The one invariant: an element that nobody asked for is in `unread()`.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ehb.domain.coding import CodeableConcept, Coding, Period, Quantity
from ehb.formats.fhir_json import ODD, dumped
from ehb.formats.fhir_shapes import Shape, read_time, shapes


class Fate(enum.Enum):
    """What a resource became."""

    RECORD = enum.auto()
    PART = enum.auto()
    """Folded into the record of another resource."""
    ERROR = enum.auto()
    """Not shown, because it says of itself that it was entered in error."""


class Entangled(ValueError):
    """The resources of a bundle refer to each other so often that their records would be much larger than it is."""


class Ledger:
    """How much went into records by reference: a large resource that thousands name is not copied into each."""

    _MOST = 50_000_000

    def __init__(self) -> None:
        self._spent = 0

    def spend(self, size: int) -> None:
        """Count what one reference brings in. Raises Entangled over the limit."""
        self._spent += size
        if self._spent > self._MOST:
            raise Entangled


class Element:
    """One complex element. `root` is the resource that it stands in."""

    __slots__ = ("_children", "_read", "_skipped", "kind", "root", "shape", "value")

    def __init__(self, value: dict[str, Any], kind: str, root: Resource | None) -> None:
        self.value = value
        self.kind = kind
        self.shape: Shape = shapes()[kind]
        self.root: Resource = root if root is not None else self  # type: ignore[assignment]
        self._read: set[str] = set()
        self._skipped: set[str] = set()
        self._children: dict[str, list[Element | None]] = {}

    def given(self, name: str) -> str | None:
        """The JSON name under which an element is there: valueQuantity for `value`, None when it is not."""
        return next((one for one in self.shape.names[name] if one in self.value), None)

    def kind_of(self, name: str) -> str:
        """The type that an element was given in, empty when it is not there."""
        given = self.given(name)
        return self.shape.fields[given].kind if given else ""

    def each(self, name: str) -> list[Element]:
        """Complex elements under a name, whether there may be one or many; empty for a primitive one."""
        given = self.given(name)
        if given is None or (kind := self.shape.fields[given].kind) not in shapes():
            return []
        self._read.add(given)
        if given not in self._children:
            held = self.value[given]
            items = held if isinstance(held, list) else [held]
            self._children[given] = [Element(item, kind, self.root) if item is not None else None for item in items]
        return [child for child in self._children[given] if child is not None]

    def one(self, name: str) -> Element | None:
        """The first complex element under a name. The rest, if any, stays unread."""
        found = self.each(name)
        return found[0] if found else None

    def primitives(self, name: str) -> list[str]:
        """Primitive elements under a name as NFC text; numbers with their digits."""
        given = self.given(name)
        if given is None or self.shape.fields[given].kind in shapes():
            return []
        self._read.add(given)
        held = self.value[given]
        items = held if isinstance(held, list) else [held]
        return [_text(item) for item in items if item is not None and item is not ODD]

    def text(self, name: str) -> str | None:
        """One primitive element as NFC text."""
        found = self.primitives(name)
        return found[0] if found else None

    def time(self, name: str) -> str | None:
        """A date, dateTime or instant, as precise as it was given."""
        return read_time(self.text(name) or "") if self.kind_of(name) in ("date", "dateTime", "instant") else None

    def whole(self, name: str) -> int | None:
        """A whole number."""
        found = self.value.get(name)
        self._read.add(name)
        return found if isinstance(found, int) else None

    def says(self, name: str) -> bool:
        """Whether a boolean element is there and true."""
        given = self.given(name)
        if given is None or self.value[given] not in (True, False):
            return False
        self._read.add(given)
        return bool(self.value[given])

    def skip(self, *names: str) -> None:
        """These need no place: they are kept by where the record stands, or say nothing about the person."""
        for name in names:
            self._skipped.update(self.shape.names[name])

    def was_skipped(self, name: str) -> bool:
        """Whether somebody said that an element needs no place."""
        return not self._skipped.isdisjoint(self.shape.names[name])

    def was_read(self, name: str) -> bool:
        """Whether somebody asked for an element, or there is none to ask for."""
        given = self.given(name)
        return given is None or given in self._read or given in self._skipped

    def unread(self) -> Iterator[str]:
        """What nobody asked for, as paths without positions; the whole element where nothing of it was read."""
        for name in self.value:
            if name == "resourceType" or name in self._skipped:
                continue
            if name not in self._read:
                yield name
            for child in self._children.get(name, ()):
                if child is not None and not (child._read or child._skipped):
                    yield name
                elif child is not None:
                    yield from (f"{name}.{path}" for path in child.unread())


class Resource(Element):
    """A resource of the bundle, or one contained in another."""

    __slots__ = ("became", "contained", "faulty", "full_url", "ledger", "path", "size")

    def __init__(self, value: dict[str, Any], kind: str, path: str, full_url: str | None = None) -> None:
        super().__init__(value, kind, None)
        self.path = path
        self.full_url = full_url
        self.contained: dict[str, Resource] = {}
        self.faulty = False
        self.became: Fate | None = None
        self.ledger = Ledger()
        self.size = 0

    @property
    def id(self) -> str | None:
        found = self.value.get("id")
        return found if isinstance(found, str) else None

    def fold(self) -> None:
        """Take part in the record of another resource. Raises Entangled when that has happened too often."""
        self.became = self.became or Fate.PART
        self.size = self.size or len(dumped(self.value))
        self.ledger.spend(self.size)

    @property
    def identity(self) -> str:
        """The same in every version of the bundle: the resource's full URL or its id, else what it says."""
        named = self.full_url or (f"{self.kind}/{self.id}" if self.id else None)
        return named or dumped(self.value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return unicodedata.normalize("NFC", str(value))


def concept(element: Element | None) -> CodeableConcept | None:
    """A CodeableConcept (or a Coding alone) as ours; None when it says nothing."""
    if element is None:
        return None
    if element.kind == "Coding":
        found = coding(element)
        return CodeableConcept((found,)) if found else None
    codings = tuple(found for one in element.each("coding") if (found := coding(one)))
    text = element.text("text")
    return CodeableConcept(codings, text) if codings or text else None


def concepts(elements: list[Element]) -> CodeableConcept | None:
    """Several CodeableConcepts as one: all their codes, their words joined."""
    found = [one for element in elements if (one := concept(element))]
    if not found:
        return None
    text = "; ".join(one.text for one in found if one.text) or None
    return CodeableConcept(tuple(code for one in found for code in one.coding), text)


def coding(element: Element) -> Coding | None:
    """A Coding as ours. A display without a code is kept too."""
    code, display = element.text("code"), element.text("display")
    if code is None and display is None:
        return None
    return Coding(element.text("system") or "", code or "", display, element.text("version"))


def name_of(said: CodeableConcept | None) -> str | None:
    """What a person reads of a concept: its words, else the labels of its codes, else the codes."""
    if said is None:
        return None
    return said.text or ", ".join(dict.fromkeys(code.display or code.code for code in said.coding)) or None


def words_of(element: Element | None) -> str | None:
    """What a person reads of a CodeableConcept or Coding."""
    return name_of(concept(element))


def quantity(element: Element | None) -> Quantity | None:
    """A Quantity as ours. Its code is kept when it is the unit, or when there is no other."""
    if element is None or not isinstance(value := element.value.get("value"), int | Decimal):
        return None
    element.skip("value")
    unit = element.text("unit")
    if unit is None or unit == element.value.get("code"):
        unit = element.text("code")
        element.skip("system")
    return Quantity(Decimal(value), unit, element.text("comparator"))


def period(element: Element | None) -> Period | None:
    """A Period as ours, each end as precise as it was given."""
    if element is None:
        return None
    start, end = element.time("start"), element.time("end")
    return Period(start, end) if start or end else None


def concept_of_words(words: str | None) -> CodeableConcept | None:
    """A concept that was only said in words."""
    return CodeableConcept(text=words) if words else None
