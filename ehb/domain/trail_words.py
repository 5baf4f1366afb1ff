"""The trail in plain words: who did what with a book, why, and which rule let them in or kept them out.

The one invariant: words are made from a line's codes and from public names; nothing clinical can get into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ehb.domain.audit import AuditEvent
from ehb.domain.consent_vocabulary import PURPOSES, SECTIONS
from ehb.domain.identity import PrincipalKind
from ehb.domain.provision import Action, DenyReason, Ground, Purpose
from ehb.domain.records import Section

ACTIONS: dict[Action, tuple[str, str]] = {
    Action.READ: ("xem {what}", "saw {what}"),
    Action.DOWNLOAD: ("tải về {what}", "downloaded {what}"),
    Action.RESHARE: ("chia sẻ tiếp {what}", "passed on {what}"),
    Action.PREVIEW: ("xem thử người khác sẽ thấy gì trong {what}", "looked at what others would see of {what}"),
    Action.SIGN_IN: ("đăng nhập vào {what}", "signed in to {what}"),
    Action.GIVE_CONSENT: ("thay đổi ai được xem {what}", "changed who may see {what}"),
    Action.WITHDRAW_CONSENT: ("rút lại điều đã cho phép hoặc đã chặn về {what}", "withdrew a consent about {what}"),
    Action.READ_CONSENTS: ("xem ai được phép và ai đại diện trong {what}", "looked at who may see {what}"),
    Action.PRESENT: ("xem các lần xuất trình {what}", "looked at the showings of {what}"),
    Action.OPEN_PRESENTATION: ("mở phần được xuất trình của {what}", "opened what was shown of {what}"),
    Action.OPEN_EMERGENCY: ("mở {what} trong tình huống khẩn cấp", "opened {what} in an emergency"),
    Action.END_EMERGENCY: ("chấm dứt một lần mở khẩn cấp {what}", "ended an emergency opening of {what}"),
    Action.REVIEW_EMERGENCY: ("xem xét một lần mở khẩn cấp {what}", "reviewed an emergency opening of {what}"),
    Action.APPOINT_GUARDIAN: ("thay đổi người đại diện trong {what}", "changed a guardian of {what}"),
    Action.DISOWN_VISIT: (
        "báo một lượt khám không phải của mình trong {what}",
        "said that a visit is somebody else's in {what}",
    ),
    Action.READ_TRAIL: ("xem nhật ký truy cập {what}", "read the access log of {what}"),
    Action.DISPUTE: ("phản đối một lần truy cập {what}", "objected to an access to {what}"),
    Action.LIST_DISPUTES: ("xem các phản đối về {what}", "looked at the objections about {what}"),
    Action.FIND_PATIENT: ("tra số định danh để tìm {what}", "looked up a number to find {what}"),
    Action.SUBMIT: ("gửi hồ sơ khám vào {what}", "sent a visit to {what}"),
    Action.RETRACT: ("thu hồi hồ sơ khám khỏi {what}", "took a visit back from {what}"),
    Action.READ_RECEIPT: ("xem biên nhận gửi vào {what}", "looked at a receipt of {what}"),
    Action.LIST_WAITING: ("xem hồ sơ chờ định danh của {what}", "looked at waiting visits of {what}"),
    Action.RESOLVE_IDENTITY: ("đưa hồ sơ đang chờ vào {what}", "put a waiting visit into {what}"),
    Action.MERGE_PEOPLE: ("thay đổi việc dùng chung {what}", "changed who shares {what}"),
}
"""What was done; `DETAILS` says it more exactly where the event does."""
DETAILS: dict[str, tuple[str, str]] = {
    "PERMITTED": ("cho phép người khác xem {what}", "permitted others to see {what}"),
    "BLOCKED": ("chặn người khác xem {what}", "kept others out of {what}"),
    "HIDDEN": ("ẩn một bản ghi trong {what}", "hid one record of {what}"),
    "CLOSED_PART": (
        "hỏi một phần đang được giữ kín của {what} nên không thấy gì",
        "asked for a closed part of {what} and saw nothing",
    ),
    "APPROVED": ("đồng ý thêm cho một việc cho phép về {what}", "agreed to a consent about {what}"),
    "SHOWN": ("xuất trình {what}", "showed {what}"),
    "SHOWING_ENDED": ("chấm dứt một lần xuất trình {what}", "ended a showing of {what}"),
    "GUARDIAN_ENTERED": ("ghi nhận một người đại diện trong {what}", "entered a guardian of {what}"),
    "GUARDIAN_ENDED": ("chấm dứt một người đại diện trong {what}", "ended a guardian of {what}"),
    "MERGED": ("gộp hai hồ sơ định danh vào {what}", "merged two people into {what}"),
    "PARTED": ("tách hai hồ sơ định danh khỏi {what}", "parted two people of {what}"),
    "REHEARSED": (
        "gửi thử một hồ sơ khám, không lưu gì, về {what}",
        "rehearsed a visit without storing it, about {what}",
    ),
    "MOVED_AWAY": (
        "gửi lại một lượt khám cho người khác, nên lượt khám đó rời khỏi {what}",
        "sent a visit again as another person's, so that it left {what}",
    ),
    "REFUSED_FURTHER": (
        "tiếp tục bị từ chối nhiều lần nữa, không ghi từng lần, khi muốn xem {what}",
        "was refused many more times, not listed one by one, about {what}",
    ),
}
_PERMITTED_BY: dict[Action, Ground] = {
    Action.OPEN_EMERGENCY: Ground.EMERGENCY,
    Action.OPEN_PRESENTATION: Ground.PRESENTATION,
}
"""What a line is told to rest on, where the role alone let somebody do it."""
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
    verb = DETAILS[event.detail] if event.detail in DETAILS else ACTIONS[Action(event.action)]
    did = verb[en].format(what=_what(event.sections, event.path, en=en))
    purpose = Purpose(event.purpose)
    aim = PURPOSES[purpose][en]
    why_asked = "" if purpose is Purpose.PATIENT_REQUEST else f" Purpose: {aim}." if en else f" Mục đích: {aim}."
    if event.outcome == "PERMIT":
        why = GROUNDS[_PERMITTED_BY.get(Action(event.action), Ground(event.rule))][en]
        return f"{name} {did}.{why_asked} {'Ground' if en else 'Căn cứ'}: {why}."
    why = REASONS[DenyReason(event.rule)][en]
    if event.detail == "REFUSED_FURTHER":
        return f"{name} {did}.{why_asked}"
    refused = f"was refused; they asked for this: {did}" if en else f"bị từ chối khi muốn {did}"
    return f"{name} {refused}.{why_asked} {'Refused because' if en else 'Bị từ chối vì'}: {why}."


def _what(sections: Sequence[Section], path: str, *, en: bool) -> str:
    book = "the health book" if en else "sổ sức khỏe"
    if path in ("record", "recordVersions", "node", "nodes"):
        return f"one record of {book}" if en else f"một bản ghi trong {book}"
    if not sections or len(sections) == len(Section):
        return book
    names = ", ".join(SECTIONS[section][en] for section in sections)
    return f"{book} ({names})"
