"""What is said to a sender about the sensitivity labels of a visit, whatever format it came in.

A label that nobody knows is kept, so that who meant to hide something did not show it. The one invariant: a message
names the place of a label, never the label.
"""

from __future__ import annotations

from collections.abc import Iterator

from ehb.domain.sensitivity import is_known, with_broader
from ehb.domain.submission import Problem, Severity, VisitSummary


def label_problems(visit: VisitSummary) -> Iterator[Problem]:
    """One warning for each row with such a label, and one for the visit as a whole."""
    named: set[str] = set()
    field = "meta.security" if visit.source == "FHIR" else "labels"
    for draft in visit.drafts:
        unknown = {label for label in draft.record.labels if not _is_label(label)}
        named |= unknown
        if unknown:
            yield _unknown_label(draft.table, draft.row, field)
    if any(not _is_label(label) for label in visit.labels - named):
        yield _unknown_label(None, None, field)


def _is_label(label: str) -> bool:
    return all(is_known(one) for one in with_broader(label))


def _unknown_label(table: str | None, row: int | None, field: str) -> Problem:
    return Problem(
        Severity.WARNING,
        "label.unknown",
        "Nhãn nhạy cảm không có trong danh mục; nhãn được giữ nguyên.",
        "The sensitivity label is none that we know; it is kept.",
        table=table,
        row=row,
        field=field,
    )
