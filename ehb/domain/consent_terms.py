"""The terms that somebody proposes for a consent, what is wrong with them, and whose agreement they need.

Everything that is wrong is said together. The one invariant: terms without a problem name somebody, something and
a purpose, and end after they begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ehb.domain.consent import READING, Consent, GranteeKind, Party
from ehb.domain.guardianship import ASSENT_FROM, OF_AGE
from ehb.domain.provision import Action, Purpose
from ehb.domain.reason import visible
from ehb.domain.records import KINDS
from ehb.domain.selection import EVERYTHING, Selection, unknown_fields
from ehb.domain.sensitivity import covered, is_known

LONGEST = timedelta(days=5 * 366)
"""A permit ends; whoever wants it to go on says so again."""
MOST_EXCEPTIONS, MOST_USES = 20, 10_000
_CARE = (GranteeKind.FACILITY, GranteeKind.PRACTITIONER, GranteeKind.ROLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is proposed. `grantee` is a code, a licence, a scope, a personal number, or empty for anybody."""

    permit: bool
    grantee_kind: GranteeKind
    grantee: str = ""
    grantee_label: str = ""
    """For a person: the giver's own words for them."""
    purposes: frozenset[Purpose]
    actions: frozenset[Action] = frozenset({Action.READ})
    select: Selection = EVERYTHING
    exceptions: tuple[Selection, ...] = ()
    labels: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    max_uses: int | None = None


LONGEST_NAME, MOST_LISTED, MAX_LABEL = 200, 200, 60
TOO_LONG = frozenset({"LIST_TOO_LONG", "TOO_MANY_EXCEPTIONS", "GRANTEE_UNUSABLE"})
"""Problems of terms that are not worth looking anything up for."""


@dataclass(frozen=True, slots=True)
class TermsProblem:
    """One thing that is wrong: a stable code, the argument it stands in, and words for people."""

    code: str
    field: str
    vi: str
    en: str


def block_purposes() -> frozenset[Purpose]:
    """What a deny keeps out unless it says more: everything but saving a life."""
    return frozenset(Purpose) - {Purpose.EMERGENCY_TREATMENT, Purpose.PATIENT_REQUEST}


def problems_of(terms: Terms, now: datetime) -> list[TermsProblem]:
    """All that is wrong with terms, whoever proposes them."""
    return [*_whom(terms), *_what(terms), *_when(terms, now)]


def _whom(terms: Terms) -> Iterator[TermsProblem]:
    anybody = terms.grantee_kind is GranteeKind.ANYBODY
    if anybody and terms.permit:
        yield TermsProblem(
            "GRANTEE_TOO_WIDE", "grantee", "Không thể cho phép tất cả mọi người.", "Name whom you permit."
        )
    if not anybody and not terms.grantee:
        yield TermsProblem("GRANTEE_MISSING", "grantee", "Chưa nêu ai được phép.", "Name whom this is about.")
    if anybody and terms.grantee:
        yield TermsProblem(
            "GRANTEE_OF_ANYBODY", "grantee", "Để trống khi nói về tất cả mọi người.", "Leave it empty for everybody."
        )
    if len(terms.grantee) > LONGEST_NAME or not terms.grantee.isprintable():
        yield TermsProblem("GRANTEE_UNUSABLE", "grantee", "Tên hoặc mã không hợp lệ.", "This is no code and no name.")
    if not terms.purposes:
        yield TermsProblem("PURPOSE_MISSING", "purposes", "Chưa nêu mục đích.", "Name at least one purpose.")
    if Purpose.PATIENT_REQUEST in terms.purposes:
        yield TermsProblem(
            "PURPOSE_IS_YOURS", "purposes", "Mục đích này chỉ dành cho chính bạn.", "This purpose is your own alone."
        )
    if terms.permit and terms.grantee_kind in _CARE and Purpose.FAMILY_REQUEST in terms.purposes:
        yield TermsProblem(
            "PURPOSE_NOT_THEIRS", "purposes", "Mục đích này dành cho người thân.", "This purpose is for family."
        )
    if not terms.actions or not terms.actions <= READING:
        yield TermsProblem("ACTION_UNKNOWN", "actions", "Hành động không hợp lệ.", "Name READ.")
    elif terms.permit and terms.actions != {Action.READ}:
        yield TermsProblem(
            "ACTION_UNAVAILABLE",
            "actions",
            "Chưa có chức năng tải về hoặc chia sẻ tiếp nên chưa thể cho phép; chỉ dùng READ.",
            "Nothing downloads or passes records on yet, so it cannot be permitted: name READ alone.",
        )
    label = terms.grantee_label
    if label and (terms.grantee_kind is not GranteeKind.PERSON or len(label) > MAX_LABEL or not visible(label)):
        yield TermsProblem(
            "LABEL_UNUSABLE",
            "granteeLabel",
            f"Tên gợi nhớ chỉ dùng cho một cá nhân và dài từ 1 đến {MAX_LABEL} ký tự đọc được.",
            f"A label is for a person, and has 1 to {MAX_LABEL} readable characters.",
        )


def _what(terms: Terms) -> Iterator[TermsProblem]:
    if len(terms.exceptions) > MOST_EXCEPTIONS:
        yield TermsProblem("TOO_MANY_EXCEPTIONS", "exceptions", "Quá nhiều ngoại lệ.", "Too many exceptions.")
        return
    for name, select in (("select", terms.select), *(("exceptions", one) for one in terms.exceptions)):
        if select.ends_before_it_begins:
            yield TermsProblem(
                "PERIOD_REVERSED",
                name,
                "Khoảng thời gian kết thúc trước khi bắt đầu.",
                "The period ends before it begins.",
            )
        narrowings = (select.sections, select.kinds, select.records, select.facilities, select.labels)
        if any(one is not None and not one for one in narrowings):
            yield TermsProblem(
                "SELECTION_EMPTY", name, "Có danh sách trống.", "A list is empty: leave it out or fill it."
            )
        if any(one is not None and len(one) > MOST_LISTED for one in narrowings):
            yield TermsProblem("LIST_TOO_LONG", name, "Danh sách quá dài.", "A list holds 200 at most.")
        if name == "exceptions" and select.is_everything:
            yield TermsProblem(
                "EXCEPTION_OF_ALL", name, "Ngoại lệ này không để lại gì.", "This exception leaves nothing to see."
            )
        if select.kinds is not None and not select.kinds <= set(KINDS):
            yield TermsProblem(
                "KIND_UNKNOWN", name, "Loại bản ghi không có trong sổ.", "There is no such kind of record."
            )
        if select.labels is not None and not all(is_known(label) for label in select.labels):
            yield TermsProblem("LABEL_UNKNOWN", name, "Nhãn nhạy cảm không tồn tại.", "There is no such label.")
    if terms.exceptions and not terms.permit:
        yield TermsProblem(
            "EXCEPTION_OF_DENY", "exceptions", "Lệnh chặn không có ngoại lệ.", "A deny has no exceptions."
        )
    if not all(is_known(label) for label in terms.labels):
        yield TermsProblem("LABEL_UNKNOWN", "labels", "Nhãn nhạy cảm không tồn tại.", "There is no such label.")
    if terms.permit and terms.select.labels is not None and not terms.select.labels <= covered(terms.labels):
        yield TermsProblem(
            "LABELS_MISSING",
            "labels",
            "Phần đã chọn là thông tin nhạy cảm nên phải nêu cả trong labels thì mới mở được.",
            "What you select is sensitive: name its labels in `labels` too, or nothing opens.",
        )
    if terms.labels and not terms.permit:
        yield TermsProblem(
            "LABELS_OF_DENY", "labels", "Dùng select.labels để chặn theo nhãn.", "Use select.labels in a deny."
        )
    if unknown_fields(terms.without, terms.select.kinds):
        yield TermsProblem("FIELD_UNKNOWN", "without", "Trường này không thể ẩn.", "This field cannot be left out.")


def _when(terms: Terms, now: datetime) -> Iterator[TermsProblem]:
    begins = terms.valid_from or now
    if terms.valid_until is not None and terms.valid_until <= max(begins, now):
        yield TermsProblem("VALIDITY_OVER", "validUntil", "Thời hạn đã qua.", "It would be over before it begins.")
    if terms.permit and terms.valid_until is None:
        yield TermsProblem(
            "VALIDITY_MISSING",
            "validUntil",
            "Cần nêu thời hạn, tối đa 5 năm.",
            "A permit needs an end, within five years.",
        )
    elif terms.permit and terms.valid_until is not None and terms.valid_until - begins > LONGEST:
        yield TermsProblem(
            "VALIDITY_TOO_LONG", "validUntil", "Cần nêu thời hạn, tối đa 5 năm.", "Name an end, within five years."
        )
    if terms.max_uses is not None and not (terms.permit and 1 <= terms.max_uses <= MOST_USES):
        yield TermsProblem(
            "USES_OUT_OF_RANGE", "maxUses", "Số lần không hợp lệ.", "A permit may have 1 to 10,000 uses."
        )


def needed(terms: Terms, years: int | None, *, ward: bool) -> frozenset[Party]:
    """Whose agreement the terms need, by the age of the person (Law 91/2025 Art 24). An unknown age is an adult's.

    To be kept out nobody needs anybody else. Research and third parties need the managing unit, too (Decree 102/2025
    Art 10.2c). Nobody opens what is sensitive of somebody else to a private person: they have to agree themselves.
    """
    parties = {Party.PERSON}
    if ward or (years is not None and years < ASSENT_FROM):
        parties = {Party.REPRESENTATIVE}
    elif years is not None and years < OF_AGE:
        parties = {Party.PERSON, Party.REPRESENTATIVE}
    if terms.labels and terms.grantee_kind is GranteeKind.PERSON:
        parties.add(Party.PERSON)
    if terms.grantee_kind is GranteeKind.ORGANIZATION or Purpose.RESEARCH in terms.purposes:
        parties.add(Party.MANAGING_UNIT)
    return frozenset(parties)


def approval_of(party: Party, needs: frozenset[Party], *, child_agrees: bool, years: int | None) -> frozenset[Party]:
    """Whose agreement is there at once. A child of 7 to 13 has no account: the guardian says that it agrees."""
    by_guardian = party is Party.REPRESENTATIVE and years is not None and ASSENT_FROM <= years < ACCOUNT_FROM
    return frozenset({party, Party.PERSON}) & needs if by_guardian and child_agrees else frozenset({party}) & needs


ACCOUNT_FROM = 14
"""From this age a person has an account of their own (Decree 69/2024)."""
__all__ = ["Consent", "Terms", "TermsProblem", "approval_of", "block_purposes", "needed", "problems_of"]
