"""A consent in plain words: what a person reads before they agree, and what is kept as the text they agreed to.

The one invariant: the words are made from the terms, so that they cannot say anything else than what holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ehb.domain.coding import VIETNAM
from ehb.domain.consent import GranteeKind
from ehb.domain.consent_terms import Terms
from ehb.domain.provision import Action, Purpose
from ehb.domain.records import Section
from ehb.domain.selection import Selection
from ehb.domain.sensitivity import SENSITIVITY_LABELS

VERSION = "2026-11-2"
"""Of the sentences below; a changed sentence is a new version."""

SECTIONS: dict[Section, tuple[str, str]] = {
    Section.IMMUNIZATIONS: ("tiêm chủng", "vaccinations"),
    Section.SCREENINGS: ("sàng lọc", "screenings"),
    Section.HEALTH_CHECKS: ("khám sức khỏe", "health checks"),
    Section.RISK_FACTORS: ("yếu tố nguy cơ", "risk factors"),
    Section.ENCOUNTERS: ("lượt khám", "visits"),
    Section.CONDITIONS: ("chẩn đoán", "diagnoses"),
    Section.ALLERGIES: ("dị ứng", "allergies"),
    Section.PROCEDURES: ("phẫu thuật, thủ thuật", "procedures"),
    Section.PRESCRIPTIONS: ("đơn thuốc", "prescriptions"),
    Section.LABORATORY_RESULTS: ("kết quả xét nghiệm", "laboratory results"),
    Section.IMAGING_RESULTS: ("chẩn đoán hình ảnh", "imaging results"),
    Section.CLINICAL_NOTES: ("diễn biến lâm sàng", "clinical notes"),
    Section.DISCHARGE_PAPERS: ("giấy ra viện và chứng nhận", "discharge papers"),
    Section.RECORD_SUMMARIES: ("tóm tắt hồ sơ bệnh án", "record summaries"),
    Section.REFERRALS: ("giấy chuyển cơ sở", "referrals"),
    Section.REEXAMINATION_APPOINTMENTS: ("giấy hẹn khám lại", "re-examination appointments"),
    Section.CARE_PLANS: ("kế hoạch chăm sóc", "care plans"),
    Section.HOME_READINGS: ("chỉ số đo tại nhà", "home readings"),
    Section.MATERNAL_AND_CHILD_CARE: ("sức khỏe bà mẹ và trẻ em", "maternal and child care"),
    Section.REHABILITATION: ("phục hồi chức năng", "rehabilitation"),
}
PURPOSES: dict[Purpose, tuple[str, str]] = {
    Purpose.PATIENT_REQUEST: ("cho chính bạn", "for yourself"),
    Purpose.FAMILY_REQUEST: ("theo yêu cầu của người thân", "at a family member's request"),
    Purpose.TREATMENT: ("để khám bệnh, chữa bệnh", "for treatment"),
    Purpose.EMERGENCY_TREATMENT: ("để cấp cứu", "for emergency treatment"),
    Purpose.PUBLIC_HEALTH: ("cho y tế công cộng", "for public health"),
    Purpose.RESEARCH: ("để nghiên cứu", "for research"),
    Purpose.PAYMENT: ("để thanh toán", "for payment"),
    Purpose.ADMINISTRATION: ("để quản lý", "for administration"),
}
ACTIONS: dict[Action, tuple[str, str]] = {
    Action.READ: ("xem", "see"),
    Action.DOWNLOAD: ("tải về", "download"),
    Action.RESHARE: ("chia sẻ tiếp", "pass on"),
}
_GRANTEES: dict[GranteeKind, tuple[str, str]] = {
    GranteeKind.FACILITY: ("người hành nghề của cơ sở {name}", "practitioners of {name}"),
    GranteeKind.PRACTITIONER: ("người hành nghề {name}", "the practitioner {name}"),
    GranteeKind.ROLE: ("mọi người hành nghề phạm vi {name}", "every practitioner of {name}"),
    GranteeKind.PERSON: ("người có số định danh mà bạn đã nhập", "the person whose number you gave"),
    GranteeKind.ORGANIZATION: ("tổ chức {name}", "the organisation {name}"),
    GranteeKind.ANYBODY: ("tất cả những người khác", "everybody else"),
}

_OWN_BOOK = ("sổ sức khỏe của bạn", "your health book")
_THEIR_BOOK = ("sổ sức khỏe của người mà bạn đại diện", "the health book of the person whom you represent")
_OF = ("trong", "of")


def text_of(terms: Terms, language: str, *, grantee_name: str, facilities: Mapping[str, str], own: bool = True) -> str:
    """The whole agreement as sentences, in Vietnamese or English. `own`: whoever agrees speaks of their own book."""
    en = language == "en"
    whom = _GRANTEES[terms.grantee_kind][en].format(name=grantee_name)
    actions = _listed((ACTIONS[one][en] for one in sorted(terms.actions)), en=en)
    what = _selection(terms.select, facilities, en=en, own=own)
    why = _listed((PURPOSES[one][en] for one in sorted(terms.purposes)), en=en)
    if terms.permit:
        said = [
            f"You permit {whom} to {actions} {what}, {why}." if en else f"Bạn cho phép {whom} {actions} {what}, {why}."
        ]
    else:
        said = [
            f"You do not permit {whom} to {actions} {what}, {why}."
            if en
            else f"Bạn không cho phép {whom} {actions} {what}, {why}."
        ]
    for one in terms.exceptions:
        part = _selection(one, facilities, en=en, own=own)
        said.append(f"Not among it: {part}." if en else f"Không bao gồm: {part}.")
    if terms.without:
        fields = ", ".join(sorted(terms.without))
        said.append(f"These details stay closed: {fields}." if en else f"Các chi tiết sau được ẩn: {fields}.")
    if terms.permit:
        said.append(_labels(terms.labels, en=en))
    said += _validity(terms, en=en)
    said.append(
        "You can withdraw this at any time; what was seen before stays lawful."
        if en
        else "Bạn có thể rút lại bất cứ lúc nào; những gì đã xem trước đó vẫn hợp pháp."
    )
    return " ".join(said)


def _labels(labels: frozenset[str], *, en: bool) -> str:
    if not labels:
        return "Sensitive records stay closed." if en else "Thông tin nhạy cảm vẫn được giữ kín."
    names = _label_names(labels, en=en)
    return f"Sensitive records are open too, about: {names}." if en else f"Bao gồm cả thông tin nhạy cảm về: {names}."


def _validity(terms: Terms, *, en: bool) -> list[str]:
    said = []
    if terms.valid_from is not None:
        said.append(f"From {_day(terms.valid_from)}." if en else f"Từ {_day(terms.valid_from)}.")
    if terms.valid_until is not None:
        said.append(f"Until {_day(terms.valid_until)}." if en else f"Đến {_day(terms.valid_until)}.")
    if terms.max_uses is not None:
        times = "once" if terms.max_uses == 1 else f"{terms.max_uses} times"
        said.append(f"It may be opened {times} at most." if en else f"Tối đa {terms.max_uses} lần mở.")
    return said


def _selection(select: Selection, facilities: Mapping[str, str], *, en: bool, own: bool) -> str:
    parts: list[str] = []
    if select.records is not None:
        count = len(select.records)
        chosen = "one chosen record" if count == 1 else f"{count} chosen records"
        parts.append(chosen if en else f"{count} bản ghi đã chọn")
    if select.sections is not None:
        parts.append(_listed((SECTIONS[one][en] for one in Section if one in select.sections), en=en))
    if select.kinds is not None:
        parts.append(", ".join(sorted(select.kinds)))
    if select.labels is not None:
        names = _label_names(select.labels, en=en)
        parts.append(f"sensitive records ({names})" if en else f"thông tin nhạy cảm ({names})")
    book = _OWN_BOOK if own else _THEIR_BOOK
    whole = ", ".join(parts) if parts and own else f"{', '.join(parts)} {_OF[en]} {book[en]}" if parts else book[en]
    if select.facilities is not None:
        names = _listed((facilities.get(code, code) for code in sorted(select.facilities)), en=en)
        whole += f" from {names}" if en else f" từ {names}"
    if select.since is not None:
        whole += f" since {_day(select.since)}" if en else f" kể từ {_day(select.since)}"
    if select.until is not None:
        whole += f" before {_day(select.until)}" if en else f" trước {_day(select.until)}"
    return whole


def _label_names(labels: frozenset[str], *, en: bool) -> str:
    """Names hold commas of their own."""
    known = (SENSITIVITY_LABELS.get(label) for label in sorted(labels))
    return "; ".join(name.en if en else name.vi for name in known if name is not None)


def _listed(words: Iterable[str], *, en: bool) -> str:
    found = list(words)
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {'and' if en else 'và'} {found[-1]}"


def _day(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
