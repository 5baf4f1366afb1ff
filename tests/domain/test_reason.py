"""Reasons: what a reader can see counts, and nothing else."""

from __future__ import annotations

import pytest

from ehb.domain.reason import letters, visible


@pytest.mark.parametrize(
    ("given", "seen", "count"),
    [
        ("Hôn mê,  không có\nngười nhà", "Hôn mê, không có người nhà", 20),
        ("Ho\u0302n me\u0302", "Hôn mê", 5),  # letters with their marks apart
        ("\0" * 20, "", 0),
        ("\u200b\u200c\u200d\ufeff\u2060" * 5, "", 0),  # no width
        ("\u202e\u202d\u2066\u2069\u200f" * 5, "", 0),  # direction
        ("\u3164\uffa0\u115f\u1160\u2800" * 5, "", 0),  # letters to Unicode, blank to a reader
        ("\ue000\U000f0000" * 9, "", 0),  # private use
        ("\u0301" * 20, "\u0301" * 20, 0),  # marks without a letter
        ("1234567890 ... !!!", "1234567890 ... !!!", 0),
        ("a\u200bb\u202ec\0d", "abc d", 4),
        ("𠮷野家で倒れた人です", "𠮷野家で倒れた人です", 10),
    ],
)
def test_only_what_can_be_seen_is_kept_and_only_letters_count(given: str, seen: str, count: int) -> None:
    assert visible(given) == seen
    assert letters(given) == count
