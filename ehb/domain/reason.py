"""Reasons that people write: what of a text can be seen, and how much of it is words.

The one invariant: what nobody can see is not kept and does not count.
"""

from __future__ import annotations

import unicodedata

_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Hangul fillers and the empty Braille pattern: letters and signs to Unicode, nothing to a reader."""


def visible(text: str) -> str:
    """The text as a reader sees it: NFC, no control, direction or zero-width characters, single spaces."""
    shown = (_seen(one) for one in unicodedata.normalize("NFC", text))
    return " ".join("".join(shown).split())


def letters(text: str) -> int:
    """How many letters a reader sees."""
    return sum(unicodedata.category(one).startswith("L") for one in visible(text))


def _seen(one: str) -> str:
    if one in _BLANK_LETTERS:
        return ""
    kind = unicodedata.category(one)
    if kind == "Cc":  # a line break parts words
        return " "
    return "" if kind.startswith("C") else one
