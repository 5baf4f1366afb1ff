"""The trail in plain words: who did what with a book, why, and which rule let them in or kept them out.

The one invariant: words are made from a line's codes and from public names; nothing clinical can get into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ehb.domain.audit import AuditEvent
from ehb.domain.consent_words import PURPOSES, SECTIONS
from ehb.domain.identity import PrincipalKind
from ehb.domain.provision import Action, DenyReason, Ground, Purpose
from ehb.domain.records import Section

ACTIONS: dict[Action, tuple[str, str]] = {
    Action.READ: ("xem", "saw"),
    Action.DOWNLOAD: ("tải về", "downloaded"),
    Action.RESHARE: ("chia sẻ tiếp", "passed on"),
    Action.PREVIEW: ("xem thử người khác sẽ thấy gì trong", "looked at what somebody else would see of"),
    Action.SIGN_IN: ("đăng nhập vào", "signed in to"),
    Action.GIVE_CONSENT: ("ghi nhận một đồng ý hoặc từ chối về", "said who may see or may not see"),
    Action.WITHDRAW_CONSENT: ("rút lại một đồng ý hoặc từ chối về", "took back what was said about"),
    Action.READ_CONSENTS: ("xem các đồng ý và đại diện của", "looked at the consents and guardians of"),
    Action.PRESENT: ("xuất trình hoặc quản lý việc xuất trình", "showed, or looked at the showings of,"),
    Action.OPEN_PRESENTATION: ("mở phần được xuất trình của", "opened what was shown of"),
    Action.OPEN_EMERGENCY: ("mở trong tình huống khẩn cấp", "opened in an emergency"),
    Action.END_EMERGENCY: ("chấm dứt một lần mở khẩn cấp của", "ended an emergency opening of"),
    Action.REVIEW_EMERGENCY: ("xem xét một lần mở khẩn cấp của", "reviewed an emergency opening of"),
    Action.APPOINT_GUARDIAN: ("ghi nhận hoặc chấm dứt người đại diện của", "entered or ended a guardian of"),
    Action.READ_TRAIL: ("xem nhật ký truy cập của", "read the access log of"),
    Action.DISPUTE: ("phản đối một lần truy cập vào", "objected to an access to"),
    Action.LIST_DISPUTES: ("xem các phản đối về", "looked at the objections about"),
    Action.FIND_PATIENT: ("tra số định danh để tìm", "looked up a number to find"),
    Action.SUBMIT: ("gửi hồ sơ khám vào", "sent a visit to"),
    Action.RETRACT: ("thu hồi hồ sơ khám khỏi", "took a visit back from"),
    Action.READ_RECEIPT: ("xem biên nhận gửi vào", "looked at a receipt of"),
    Action.LIST_WAITING: ("xem hồ sơ chờ định danh của", "looked at waiting visits of"),
    Action.RESOLVE_IDENTITY: ("xác định hồ sơ chờ thuộc về", "put a waiting visit into"),
    Action.MERGE_PEOPLE: ("gộp hoặc tách", "merged or parted"),
}
GROUNDS: dict[Ground, tuple[str, str]] = {
    Ground.OWN_BOOK: ("đây là sổ của mình", "it is one's own book"),
    Ground.OWN_IDENTITY: ("danh tính điện tử đã xác thực", "the electronic identity was verified"),
    Ground.REPRESENTATION: ("người đại diện hợp pháp", "a legal representative may"),
    Ground.CONSENT: ("bạn đã đồng ý", "you agreed"),
    Ground.PRESENTATION: ("bạn đã xuất trình", "you showed it"),
    Ground.EMERGENCY: ("bảo vệ khẩn cấp tính mạng, sức khỏe", "urgent protection of life or health"),
    Ground.STATUTORY_TASK: ("nhiệm vụ theo luật định", "a task given by law"),
    Ground.THIRD_PARTY: ("bạn và đơn vị quản lý đã đồng ý", "you and the managing unit agreed"),
    Ground.CARE_ROLE: ("người hành nghề có giấy phép còn hiệu lực", "a practitioner whose licence is in force"),
    Ground.DUTY_TO_SUBMIT: ("cơ sở có nghĩa vụ gửi dữ liệu", "a facility must submit"),
    Ground.STEWARDSHIP: ("đơn vị quản lý chỉnh sửa dữ liệu", "the managing unit corrects data"),
}
REASONS: dict[DenyReason, tuple[str, str]] = {
    DenyReason.NOT_SIGNED_IN: ("chưa đăng nhập", "nobody was signed in"),
    DenyReason.NO_LEGAL_GROUND: ("không có căn cứ nào cho phép", "nothing allows it"),
    DenyReason.BLOCKED: ("bạn đã chặn", "you keep them out"),
    DenyReason.ROLE_NOT_IN_FORCE: (
        "giấy phép hoặc nơi hành nghề không còn hiệu lực",
        "the registry no longer knows them",
    ),
    DenyReason.USED_UP: ("đã hết số lần bạn cho phép", "the openings you allowed are used up"),
    DenyReason.EXCEPTED: ("bạn đã loại trừ", "you left it out"),
    DenyReason.SENSITIVE: ("thông tin nhạy cảm chưa được bạn cho phép", "it is sensitive, and you did not open that"),
    DenyReason.NOT_PRESENTED: (
        "không được xuất trình, đã hết hạn hoặc thuộc về người khác",
        "it was not shown to them",
    ),
    DenyReason.WRONG_PASSCODE: ("sai mã bảo vệ", "the passcode was wrong"),
    DenyReason.OWN_REVIEW: ("không ai tự xem xét việc của mình", "nobody reviews what they did themselves"),
    DenyReason.STEP_UP: ("đăng nhập chưa đủ mạnh hoặc đã lâu", "the login was too weak or too long ago"),
    DenyReason.TOO_OFTEN: ("quá nhiều lần trong một giờ", "it was too often within an hour"),
    DenyReason.DELEGATED: (
        "hệ thống của cơ sở chỉ được thay mặt người hành nghề khi chữa trị cho người khác",
        "a facility's system acts for a practitioner only in treating somebody else",
    ),
    DenyReason.OTHER_FACILITY: ("thuộc cơ sở khác", "it belongs to another facility"),
    DenyReason.FACILITY_SUSPENDED: ("cơ sở không còn hiệu lực", "the facility is not in force"),
    DenyReason.DENIED: ("bị từ chối", "it is denied"),
}
_WHO: dict[str, tuple[str, str]] = {
    "YOURSELF": ("Bạn", "You"),
    "REPRESENTATIVE": ("Người đại diện của bạn", "Your representative"),
    "PRACTITIONER": ("Một người hành nghề", "A practitioner"),
    "PERSON": ("Một cá nhân", "A private person"),
    "FACILITY": ("Một cơ sở", "A facility"),
    "STEWARD": ("Đơn vị quản lý dữ liệu", "The data-managing unit"),
    "NOBODY": ("Không rõ ai", "Somebody unknown"),
}


_THROUGH = ("qua hệ thống", "through the system")


@dataclass(frozen=True, slots=True)
class Who:
    """Who stands in a line: kind of caller and public names. A private name only where the person knows it anyway."""

    kind: str
    name: str | None = field(default=None, repr=False)
    facility_name: str | None = None


def kind_of(event: AuditEvent, own: frozenset[bytes]) -> str:
    """YOURSELF, REPRESENTATIVE, PRACTITIONER, PERSON, FACILITY, STEWARD or NOBODY. `own` are the book's people."""
    if event.agent_kind == PrincipalKind.STEWARD:
        return "STEWARD"
    if event.agent_kind == PrincipalKind.FACILITY:
        return "FACILITY"
    if event.rule == Ground.REPRESENTATION:
        return "REPRESENTATIVE"
    if event.agent_patient_id is None and event.action == Action.SIGN_IN:
        return "YOURSELF"
    if event.agent_patient_id in own and event.agent_patient_id is not None:
        return "YOURSELF"
    if event.agent_licence is not None:
        return "PRACTITIONER"
    return "PERSON" if event.agent_patient_id is not None else "NOBODY"


def sentence(event: AuditEvent, who: Who, language: str) -> str:
    """One line in plain words, in Vietnamese or English."""
    en = language == "en"
    name = f"{who.name} ({_WHO[who.kind][en].lower()})" if who.name else _WHO[who.kind][en]
    if who.facility_name:
        name += f", {who.facility_name}"
    if event.agent_actor:
        name += f", {_THROUGH[en]} {event.agent_actor}"
    did, what = ACTIONS[Action(event.action)][en], _what(event.sections, event.path, en=en)
    purpose = PURPOSES[Purpose(event.purpose)][en]
    if event.outcome == "PERMIT":
        why = GROUNDS[Ground(event.rule)][en]
        return f"{name} {did} {what}, {purpose}. {'Allowed because' if en else 'Được phép vì'}: {why}."
    why = REASONS[DenyReason(event.rule)][en]
    refused = f"was refused; they asked for this: {did} {what}" if en else f"bị từ chối khi muốn {did} {what}"
    return f"{name} {refused}, {purpose}. {'Refused because' if en else 'Bị từ chối vì'}: {why}."


def _what(sections: Sequence[Section], path: str, *, en: bool) -> str:
    book = "the health book" if en else "sổ sức khỏe"
    if path in ("record", "recordVersions", "node", "nodes"):
        return f"one record of {book}" if en else f"một bản ghi trong {book}"
    if not sections or len(sections) == len(Section):
        return book
    names = ", ".join(SECTIONS[section][en] for section in sections)
    return f"{book}: {names}"
