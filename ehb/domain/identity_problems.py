"""The words for doubts about the person of a visit: what contradicts what, and how the facility mends it.

Invariant: a message tells no value that is known of somebody, only which of the sender's own fields to check.
"""

from __future__ import annotations

from collections.abc import Iterable

from ehb.domain.budget import DAY, HOUR, Budget
from ehb.domain.matching import Doubt, Warned
from ehb.domain.submission import Problem, Severity

_MESSAGES: dict[Doubt | Warned, tuple[str, str]] = {
    Doubt.TWO_NUMBERS: (
        "Hồ sơ ghi hai số định danh cá nhân khác nhau; hãy chỉ gửi số của người bệnh.",
        "The visit names two national numbers; send the patient's number alone.",
    ),
    Doubt.DIGITS: (
        "Số định danh không khớp giới tính hoặc năm sinh đã ghi; hãy kiểm tra số, giới tính và ngày sinh.",
        "The digits of the national number say another sex or year of birth; check number, sex and birth date.",
    ),
    Doubt.OTHER_PERSON: (
        "Họ tên và ngày sinh không phải của người mang số này; hãy kiểm tra số định danh, họ tên và ngày sinh.",
        "Name and birth date do not fit the person of this number; check the number, the name and the birth date.",
    ),
    Doubt.OLD_NUMBER: (
        "Số chứng minh nhân dân 9 số chưa đủ để xác định người bệnh; hãy gửi số định danh 12 số, "
        "hoặc họ tên và ngày sinh đầy đủ.",
        "An old nine-digit number does not identify the patient; send the 12-digit number, "
        "or the full name and birth date.",
    ),
    Doubt.CARD_OF_ANOTHER: (
        "Số định danh và thẻ BHYT thuộc hai người khác nhau; hãy kiểm tra lại.",
        "The number and the insurance card belong to two people; check both.",
    ),
    Warned.BIRTH_DATE: (
        "Ngày sinh khác với ngày sinh đã được xác nhận của số này nên không được ghi nhận; hãy kiểm tra.",
        "The birth date differs from the confirmed one of this number and is not kept; check it.",
    ),
    Warned.NAME: (
        "Họ tên khác với họ tên đã biết của số này nên không được ghi nhận; hãy kiểm tra.",
        "The name differs from the known one of this number and is not kept; check it.",
    ),
}

UNCHECKED = Problem(
    Severity.WARNING,
    "identity.unchecked",
    "Hôm nay đã kiểm tra người này nhiều lần nên không trả lời thêm về định danh; hãy gửi chính thức hoặc thử lại sau.",
    "This person was checked many times today: nothing more is said about the identity. Send it, or try later.",
)
IDENTITY_ANSWERS = Budget("IDENTITY_ANSWERS", 5, DAY)
"""How often in a day one facility is told whether a description fits one person."""
REHEARSALS = Budget("DRY_RUN", 600, HOUR)
"""Dry runs of one facility's client."""
CARD_REHEARSALS = Budget("DRY_RUN_CARD", 50, DAY)
"""Those among them that name a card and no number, by one facility: each tells whether a card is known."""

PERSON_CHANGED = Problem(
    Severity.WARNING,
    "episode.person_changed",
    "Mã lượt khám này trước đây gửi cho người khác; hồ sơ được chuyển sang người bệnh mới và người trước được báo.",
    "This visit was sent for another person before; it moves to the new patient, and the first person is told.",
)
EPISODE_DISOWNED = Problem(
    Severity.ERROR,
    "episode.disowned",
    "Người có sổ báo lượt khám này không phải của họ; hãy kiểm tra người bệnh và số định danh.",
    "The person says that this visit is not theirs; check the patient and the number.",
)
EPISODE_OF_NOBODY = Problem(
    Severity.ERROR,
    "episode.no_person",
    "Phiên bản mới của lượt khám này chưa cho biết người bệnh là ai; hãy gửi số định danh hoặc họ tên.",
    "The new version of this visit does not say who the patient is; send the number or the name.",
)
EPISODE_OF_ANOTHER = Problem(
    Severity.ERROR,
    "episode.other_person",
    "Mã lượt khám này đã dùng cho một người có họ tên hoặc ngày sinh khác; hãy dùng mã riêng cho mỗi lượt khám, "
    "hoặc thu hồi hồ sơ cũ trước.",
    "This visit code was used for a person with another name or birth date; give each visit a code of its own, "
    "or take the earlier visit back first.",
)


def waiting_problems(doubts: Iterable[Doubt]) -> tuple[Problem, ...]:
    """Why a visit waits, as warnings of its receipt."""
    return tuple(_problem(one, Severity.WARNING) for one in sorted(doubts))


def refusing_problems(doubts: Iterable[Doubt]) -> tuple[Problem, ...]:
    """The same for a new version of a visit that stands in a book already: nothing changes."""
    return tuple(_problem(one, Severity.ERROR) for one in sorted(doubts))


def warnings_of(warned: Iterable[Warned]) -> tuple[Problem, ...]:
    """What a visit says about its person and is not kept."""
    return tuple(_problem(one, Severity.WARNING) for one in sorted(warned))


def _problem(code: Doubt | Warned, severity: Severity) -> Problem:
    vi, en = _MESSAGES[code]
    return Problem(severity, code.value, vi, en)


def without_answer(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of a receipt without what they tell about a known person."""
    return (*(one for one in problems if not is_answer(one)), UNCHECKED)


def is_answer(problem: Problem) -> bool:
    """Whether a problem tells something about a person whom the book knows."""
    return problem.rule in _ANSWERS


_ANSWERS = frozenset(
    {Warned.BIRTH_DATE.value, Warned.NAME.value, Doubt.OTHER_PERSON.value, Doubt.OLD_NUMBER.value}
    | {Doubt.CARD_OF_ANOTHER.value}
)
