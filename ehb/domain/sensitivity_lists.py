"""Code lists of sensitivity: which code, and which word in a name, calls for which label (standards row C4).

Owns the matching. Leaves the lists themselves to data (`ehb.formats.sensitivity_lists`) and the labels to
`sensitivity`. Codes are looked up by their category, names word by word in one pass, so that a visit costs the same
however long the lists are. Words are compared without accents and case, as old software writes them, and numbers and
strengths between them do not count.

The one invariant: more is never less. A code or a name can only add labels; ORDINARY takes nothing but its own words
out of the search.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

ORDINARY = "-"
"""In place of a label: these words are ordinary care although they hold sensitive ones (hearing aids)."""

_ICD10, _ATC, _LOINC, _PROCEDURE = "icd10", "atc", "loinc", "icd9cm-procedure"
_WORDS, _DRUG_WORDS, _TEST_WORDS = "words", "drug words", "test words"
_SYSTEMS = {
    "http://loinc.org": _LOINC,
    "urn:oid:2.16.840.1.113883.6.1": _LOINC,
    "http://www.whocc.no/atc": _ATC,
    "urn:oid:2.16.840.1.113883.6.73": _ATC,
    "http://hl7.org/fhir/sid/icd-9-cm": _PROCEDURE,
    "urn:oid:2.16.840.1.113883.6.3": _ICD10,
    "urn:oid:2.16.840.1.113883.6.90": _ICD10,
    "urn:vn:byt:qd4750:MA_BENH_YHCT": _ICD10,
}
"""Traditional medicine has codes of its own in U50 and above; an ICD-10 code beside them means what it always means."""
_CATEGORY = {
    _ICD10: re.compile(r"[A-Z][0-9]{2}"),
    _ATC: re.compile(r"[A-Z][0-9]{2}"),
    _PROCEDURE: re.compile(r"[0-9]{2}(?=\.|$)"),  # a diagnosis of the same list has three digits before its point
}
_NAME_END = "\n"
_REMEMBERED = 16_384
_WORD = re.compile(r"\b[a-z][a-z0-9]*|\n", re.ASCII)
_BREAKS = "–—−‐‑·•…’"
"""What stands between words and would be dropped with the accents."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: codes from `first` to `last` of a system, or the words of `first`, and their label."""

    system: str
    first: str
    last: str
    label: str


@dataclass(frozen=True, slots=True)
class Names:
    """What the things of a visit are called: drugs, tests and services, and everything else (diagnoses, papers)."""

    drugs: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


_Phrases = dict[str, list[tuple[tuple[str, ...], str]]]


class CodeLists:
    """The lists in force, ready to be asked."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._codes: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        phrases: dict[str, _Phrases] = {_WORDS: {}, _DRUG_WORDS: {}, _TEST_WORDS: {}}
        for row in rows:
            if row.system in phrases:
                words = tuple(_words(row.first))
                phrases[row.system].setdefault(words[0], []).append((words, row.label))
            else:
                for category in _categories(row):
                    self._codes[row.system, category].append(row)
        self._in_other = _asking(phrases[_WORDS])
        self._in_drug = lru_cache(_REMEMBERED)(_asking(phrases[_WORDS], phrases[_DRUG_WORDS]))
        self._in_test = lru_cache(_REMEMBERED)(_asking(phrases[_WORDS], phrases[_TEST_WORDS]))

    def of_code(self, system: str, code: str) -> frozenset[str]:
        """The labels of one code, whatever its spelling of dots and daggers; none for a list that we do not have."""
        kind = _kind(system)
        if kind is None:
            return frozenset()
        plain = code.strip().upper()
        if kind == _LOINC:
            return frozenset(row.label for row in self._codes.get((kind, plain), ()))
        match = _CATEGORY[kind].match(plain)
        if match is None or (rows := self._codes.get((kind, match[0]))) is None:
            return frozenset()
        plain = plain.replace(".", "")
        return frozenset(
            row.label for row in rows if row.first <= plain[: len(row.first)] and plain[: len(row.last)] <= row.last
        )

    def of_names(self, names: Names) -> frozenset[str]:
        """The labels that the names of a visit call for.

        What drugs and tests are called is remembered, because every visit names the same; diagnoses are free text.
        """
        found = set(self._in_other(_NAME_END.join(names.others)))
        for drug in names.drugs:
            found |= self._in_drug(drug)
        for test in names.tests:
            found |= self._in_test(test)
        return frozenset(found)


def _asking(*parts: _Phrases) -> Callable[[str], frozenset[str]]:
    """What answers which labels a text calls for."""
    phrases = _longest_first(*parts)
    return lambda text: frozenset(_found(text, phrases))


def _found(text: str, phrases: _Phrases) -> Iterator[str]:
    words = _words(text)
    heard = 0
    for at, word in enumerate(words):
        if word not in phrases or at < heard:
            continue
        for phrase, label in phrases[word]:
            if tuple(words[at : at + len(phrase)]) == phrase:
                if label != ORDINARY:
                    yield label
                heard = at + len(phrase)
                break


def _longest_first(*parts: _Phrases) -> _Phrases:
    joined: defaultdict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for part in parts:
        for word, phrases in part.items():
            joined[word].extend(phrases)
    return {word: sorted(phrases, key=lambda one: -len(one[0])) for word, phrases in joined.items()}


def _words(text: str) -> list[str]:
    """The words of a text without accents; what begins with a digit is a strength or a number and is left out."""
    if not text.isascii():
        for mark in _BREAKS:
            text = text.replace(mark, " ")
        text = unicodedata.normalize("NFKD", text).replace("đ", "d").replace("Đ", "D")
        text = text.encode("ascii", "ignore").decode()
    return _WORD.findall(text.lower().replace("_", " "))


def _categories(row: Row) -> Iterator[str]:
    """The keys that a row stands under: a LOINC code itself, else every category between its two ends."""
    if row.system == _LOINC:
        yield row.first
        return
    pattern = _CATEGORY[row.system]
    first, last = pattern.match(_dotted(row, row.first)), pattern.match(_dotted(row, row.last))
    if first is None or last is None or first[0][:-2] != last[0][:-2] or first[0] > last[0]:
        raise ValueError(f"{row.first}–{row.last} is no range of {row.system}")
    for number in range(int(first[0][-2:]), int(last[0][-2:]) + 1):
        yield f"{first[0][:-2]}{number:02}"


def _dotted(row: Row, code: str) -> str:
    return f"{code[:2]}.{code[2:]}" if row.system == _PROCEDURE else code


@lru_cache(1_024)
def _kind(system: str) -> str | None:
    """What kind of list a system is. ICD-10 goes by many names."""
    if (known := _SYSTEMS.get(system)) is not None:
        return known
    return _ICD10 if "icd10" in system.lower().replace("-", "") else None
