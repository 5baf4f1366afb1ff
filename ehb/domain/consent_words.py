"""A consent in plain words: what a person reads before they agree, and what is kept as the text they agreed to.

The text is regular: one sentence for each term, one clause for each narrowing, names in «quotation marks», lists with
semicolons. What narrows is said as narrowing ("of these, only …"), because a selection means all its parts at once.
Invariant: the text read back by its grammar gives the terms again, or the terms are refused as not sayable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ehb.domain.coding import VIETNAM
from ehb.domain.consent import READING, GranteeKind
from ehb.domain.consent_terms import Terms
from ehb.domain.consent_vocabulary import ACTIONS, FIELDS, KINDS, PURPOSES, SECTIONS, label_word
from ehb.domain.provision import Action, Purpose
from ehb.domain.records import Section
from ehb.domain.selection import Selection

VERSION = "2026-12-2"
"""Of the sentences below; a changed sentence is a new version."""
_GRANTEES: dict[GranteeKind, tuple[str, str]] = {
    GranteeKind.FACILITY: ("người hành nghề của cơ sở {name}", "the practitioners of {name}"),
    GranteeKind.PRACTITIONER: ("người hành nghề {name}", "the practitioner {name}"),
    GranteeKind.ROLE: ("mọi người hành nghề phạm vi {name}", "every practitioner of {name}"),
    GranteeKind.PERSON: ("người {name}", "the person {name}"),
    GranteeKind.ORGANIZATION: ("tổ chức {name}", "the organisation {name}"),
    GranteeKind.ANYBODY: ("bất kỳ ai khác", "anybody else"),
}
_BOOKS = {
    True: ("sổ sức khỏe của bạn", "your health book"),
    False: ("sổ sức khỏe của người mà bạn đại diện", "the health book of the person whom you represent"),
}
_EVERYTHING = ("toàn bộ", "everything")
_DETAILS_OF = ("các chi tiết nêu dưới đây của ", "the details named below, of ")
"""Begins what a refusal of fields closes: the fields alone, not the records."""


def in_seconds(terms: Terms) -> Terms:
    """The terms with moments to the second: what is finer cannot be said."""

    def cut(moment: datetime | None) -> datetime | None:
        return moment.replace(microsecond=0) if moment is not None else None

    def selected(select: Selection) -> Selection:
        return replace(select, since=cut(select.since), until=cut(select.until))

    return replace(
        terms,
        select=selected(terms.select),
        exceptions=tuple(selected(one) for one in terms.exceptions),
        valid_from=cut(terms.valid_from),
        valid_until=cut(terms.valid_until),
    )


def text_of(terms: Terms, language: str, *, grantee_name: str, facilities: Mapping[str, str], own: bool = True) -> str:
    """The whole agreement as sentences, in Vietnamese or English. `own`: the reader speaks of their own book.

    `grantee_name` is a name from the register with its code, a scope, or for a person the giver's words for them.
    """
    en = language == "en"
    whom = _GRANTEES[terms.grantee_kind][en].format(name=quoted(grantee_name))
    doing = _listed(ACTIONS[one][en] for one in Action if one in terms.actions)
    book, what = _BOOKS[own][en], _selection(terms.select, facilities, en=en)
    why = _listed(PURPOSES[one][en] for one in Purpose if one in terms.purposes)
    if terms.without and not terms.permit:
        what = f"{_DETAILS_OF[en]}{what}"
    if en:
        said = [f"You {'permit' if terms.permit else 'do not permit'} {whom} to {doing} in {book}: {what}."]
        said.append(f"Purpose: {why}.")
    else:
        said = [f"Bạn {'cho phép' if terms.permit else 'không cho phép'} {whom} {doing} trong {book}: {what}."]
        said.append(f"Mục đích: {why}.")
    for one in terms.exceptions:
        part = _selection(one, facilities, en=en)
        said.append(f"Not included: {part}." if en else f"Không bao gồm: {part}.")
    if terms.without:
        fields = _listed(FIELDS[one][en] for one in sorted(terms.without))
        if terms.permit:
            said.append(f"These details stay closed: {fields}." if en else f"Các chi tiết sau được giữ kín: {fields}.")
        elif en:
            said.append(f"Of these records, only these details are closed: {fields}.")
        else:
            said.append(f"Trong các hồ sơ này, chỉ các chi tiết sau bị giữ kín: {fields}.")
    if terms.permit:
        said.append(_labels(terms.labels, en=en))
    else:
        said.append(_emergency(terms, en=en))
    said += _validity(terms, en=en)
    said.append(
        "You can withdraw this at any time; what was seen before stays lawful."
        if en
        else "Bạn có thể rút lại bất cứ lúc nào; những gì đã xem trước đó vẫn hợp pháp."
    )
    return " ".join(said)


def quoted(name: str) -> str:
    """A name that comes from outside, so that nothing in it can be read as a part of the text.

    Control characters, line breaks and marks of writing direction become spaces.
    """
    printable = "".join(one if one.isprintable() else " " for one in name)
    return f"«{printable.replace('«', '‹').replace('»', '›')}»"


def is_sayable(terms: Terms) -> bool:
    """Whether the words above can say these terms, with nothing left out."""
    selections = (terms.select, *terms.exceptions)
    named = all(kind in KINDS for select in selections for kind in select.kinds or ())
    return named and all(field in FIELDS for field in terms.without) and terms.actions <= READING


def _labels(labels: frozenset[str], *, en: bool) -> str:
    if not labels:
        return "Sensitive records stay closed." if en else "Thông tin nhạy cảm vẫn được giữ kín."
    names = _listed(label_word(one, en=en) for one in sorted(labels))
    return f"Sensitive records are open too, about: {names}." if en else f"Bao gồm cả thông tin nhạy cảm về: {names}."


def _emergency(terms: Terms, *, en: bool) -> str:
    """What a refusal means for an emergency: the one purpose that opens without being asked."""
    if Purpose.EMERGENCY_TREATMENT in terms.purposes:
        return "It stays closed in an emergency, too." if en else "Cả khi cấp cứu cũng không được mở."
    return "In an emergency it can still be opened." if en else "Khi cấp cứu, phần này vẫn có thể được mở."


def _validity(terms: Terms, *, en: bool) -> list[str]:
    said = []
    if terms.valid_from is not None:
        begins = _from(terms.valid_from, en=en)
        said.append(f"It holds {begins}." if en else f"Có hiệu lực {begins}.")
    if terms.valid_until is not None:
        ends = _until(terms.valid_until, en=en)
        said.append(f"It holds {ends}." if en else f"Có hiệu lực {ends}.")
    if terms.max_uses is not None:
        said.append(f"It may be opened at most {terms.max_uses} time(s)." if en else f"Tối đa {terms.max_uses} lần mở.")
    return said


def _selection(select: Selection, facilities: Mapping[str, str], *, en: bool) -> str:
    """A part of a book: the sections, and then each narrowing as a clause of its own."""
    clauses: list[str] = []
    if select.kinds is not None:
        kinds = _listed(KINDS[one][en] for one in sorted(select.kinds))
        clauses.append(f"the kinds: {kinds}" if en else f"loại: {kinds}")
    if select.records is not None:
        count = len(select.records)
        clauses.append(f"{count} chosen record(s)" if en else f"{count} bản ghi đã chọn")
    if select.labels is not None:
        names = _listed(label_word(one, en=en) for one in sorted(select.labels))
        clauses.append(f"what is about: {names}" if en else f"thông tin nhạy cảm về: {names}")
    if select.facilities is not None:
        names = _listed(quoted(f"{facilities.get(one, one)} ({one})") for one in sorted(select.facilities))
        clauses.append(f"what was sent by {names}" if en else f"hồ sơ do {names} gửi")
    if select.since is not None:
        clauses.append(_from(select.since, en=en) if en else f"hồ sơ {_from(select.since, en=en)}")
    if select.until is not None:
        clauses.append(_until(select.until, en=en) if en else f"hồ sơ {_until(select.until, en=en)}")
    only, of_these = ("only", "of these only") if en else ("chỉ", "trong đó chỉ")
    if select.sections is not None:
        sections = _listed(SECTIONS[one][en] for one in Section if one in select.sections)
        if len(select.sections) > 1:  # said of the list, not of its last entry
            of_these = "of all these only" if en else "trong tất cả các mục này chỉ"
        return ", ".join([sections, *(f"{of_these} {clause}" for clause in clauses)])
    if not clauses:
        return _EVERYTHING[en]
    return ", ".join([f"{only} {clauses[0]}", *(f"{of_these} {clause}" for clause in clauses[1:])])


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words)


def _from(moment: datetime, *, en: bool) -> str:
    """From this moment on, in the time of Vietnam."""
    local = moment.astimezone(VIETNAM)
    if not _is_midnight(local):
        return f"from {local:%H:%M:%S} on {_day(local)}" if en else f"từ {local:%H:%M:%S} ngày {_day(local)}"
    return f"from {_day(local)}" if en else f"từ ngày {_day(local)}"


def _until(moment: datetime, *, en: bool) -> str:
    """Before this moment. Midnight is said as the end of the day before: nobody takes it for that day's evening."""
    local = moment.astimezone(VIETNAM)
    if not _is_midnight(local):
        return f"before {local:%H:%M:%S} on {_day(local)}" if en else f"trước {local:%H:%M:%S} ngày {_day(local)}"
    last = local - timedelta(days=1)
    return f"until the end of {_day(last)}" if en else f"đến hết ngày {_day(last)}"


def _is_midnight(local: datetime) -> bool:
    return (local.hour, local.minute, local.second) == (0, 0, 0)


def _day(local: datetime) -> str:
    return f"{local:%d/%m/}{local.year:04}"
