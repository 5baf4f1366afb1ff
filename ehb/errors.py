"""The family of errors this project raises on purpose, and nothing else.

    EhbError
    ├── Unauthenticated        UNAUTHENTICATED     the caller: sign in (again)
    ├── Forbidden              FORBIDDEN           nobody at once: no legal ground; the trail holds the reason
    │   ├── OtherFacility      OTHER_FACILITY      the facility: the file names another facility than the key
    │   ├── FacilitySuspended  FACILITY_SUSPENDED  the facility: ask the registry why it is not in force
    │   ├── NotYourFacility    NOT_YOUR_FACILITY   the clinician: name a facility that the registry knows them at
    │   └── StepUpRequired     STEP_UP_REQUIRED    the caller: sign in again, as `details` says (RFC 9470)
    ├── NotFound               NOT_FOUND           the caller: absent and forbidden look the same on purpose
    ├── BadInput               BAD_USER_INPUT      the caller: the request is malformed
    │   ├── CostExceeded       COST_EXCEEDED       the caller: ask for less at once
    │   ├── UnknownDocument    PERSISTED_DOCUMENT_NOT_FOUND   whoever ships the app: add its documents first
    │   ├── TooLarge           TOO_LARGE           the caller: split or shrink what is sent
    │   ├── TooSlow            REQUEST_TIMEOUT     the caller: send the body faster
    │   ├── MethodNotAllowed   METHOD_NOT_ALLOWED  the caller: another method, as `Allow` says
    │   ├── NotAcceptable      NOT_ACCEPTABLE      the caller: another Accept
    │   └── UnsupportedMediaType   UNSUPPORTED_MEDIA_TYPE   the caller: another Content-Type
    ├── Conflict               CONFLICT            the caller: somebody else was first, read again
    ├── RateLimited            RATE_LIMITED        the caller: wait
    ├── Unavailable            UNAVAILABLE         us: a part we need does not answer
    │   └── TookTooLong        UNAVAILABLE         us, or the caller by asking for less: it was stopped
    └── Misconfigured          MISCONFIGURED       the operator: settings or machine

Clients branch on `code`, never on text. Messages are bilingual, Vietnamese first, and never carry a
name, an identity number or a clinical value: they end up in logs of people we do not know.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class Code(enum.StrEnum):
    """The closed list of codes that GraphQL answers with (standards row E2), kept for good.

    A class of the family may have a finer one, which stands in problems over plain HTTP; in GraphQL it is the nearest
    of these, going up the tree.
    """

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    CONSENT_REQUIRED = "CONSENT_REQUIRED"
    """Reserved: so far whoever needs a consent learns no more than FORBIDDEN."""
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    COST_EXCEEDED = "COST_EXCEEDED"
    PERSISTED_DOCUMENT_NOT_FOUND = "PERSISTED_DOCUMENT_NOT_FOUND"
    INTERNAL = "INTERNAL"


class EhbError(Exception):
    """Base of the family; `message(language)` is safe to show to anybody."""

    code = "INTERNAL"
    http_status = 500
    vi = "Có lỗi xảy ra."
    en = "Something went wrong."
    details: Mapping[str, object] = MappingProxyType({})
    """What a program needs besides the code, shown as `extensions` in GraphQL and as members of a problem."""

    def __init__(self, *, vi: str | None = None, en: str | None = None) -> None:
        self.vi = vi or type(self).vi
        self.en = en or type(self).en
        super().__init__(self.en)

    @classmethod
    def shared_code(cls) -> Code:
        """The nearest code of the closed list."""
        known = {one.value: one for one in Code}
        return next(known[kind.code] for kind in cls.__mro__ if issubclass(kind, EhbError) and kind.code in known)

    def message(self, language: str = "vi") -> str:
        return self.en if language == "en" else self.vi


class Unauthenticated(EhbError):
    """Mended by the caller: sign in, or refresh the access token."""

    code = "UNAUTHENTICATED"
    http_status = 401
    vi = "Bạn cần đăng nhập."
    en = "You need to sign in."


class Forbidden(EhbError):
    """No legal ground. The reason stays in the trail."""

    code = "FORBIDDEN"
    http_status = 403
    vi = "Bạn không có quyền thực hiện việc này."
    en = "You may not do this."


class OtherFacility(Forbidden):
    """Mended by the facility: the file and the signed-in key name different facilities."""

    code = "OTHER_FACILITY"
    vi = "Tệp mang mã của một cơ sở khác với cơ sở đã đăng nhập."
    en = "The file carries the code of another facility than the one that signed in."


class FacilitySuspended(Forbidden):
    """Mended by the facility, with whoever keeps the registry: it is suspended, has ended or has not begun."""

    code = "FACILITY_SUSPENDED"
    vi = "Cơ sở đang bị tạm dừng hoặc đã ngừng hoạt động theo danh mục cơ sở."
    en = "The facility is suspended or no longer in force in the registry."


class NotYourFacility(Forbidden):
    """Mended by the caller: `EHB-Facility` names a facility that the registry does not know them at."""

    code = "NOT_YOUR_FACILITY"
    vi = "Bạn không đăng ký hành nghề tại cơ sở này."
    en = "The registry does not know you as a practitioner of this facility."


class StepUpRequired(Forbidden):
    """Mended by the caller: begin a login with these `acr_values` and `max_age` (RFC 9470 section 4)."""

    code = "STEP_UP_REQUIRED"
    vi = "Việc này cần đăng nhập lại ở mức độ xác thực cao hơn."
    en = "This needs a login that is stronger or more recent than yours."

    def __init__(self, *, level: int, max_age: int | None) -> None:
        super().__init__()
        self.details = {"acrValues": str(level), **({"maxAge": max_age} if max_age is not None else {})}


class NotFound(EhbError):
    """Absent, or not yours: outside, the two look the same."""

    code = "NOT_FOUND"
    http_status = 404
    vi = "Không tìm thấy."
    en = "Not found."


class BadInput(EhbError):
    """Mended by the caller: the request is malformed."""

    code = "BAD_USER_INPUT"
    http_status = 400
    vi = "Yêu cầu không hợp lệ."
    en = "The request is not valid."


class CostExceeded(BadInput):
    """Mended by the caller: smaller pages, fewer fields. Both figures are points (`graphql_schema.cost`)."""

    code = "COST_EXCEEDED"

    def __init__(self, cost: int, limit: int) -> None:
        cost = min(cost, 2**53 - 1)  # the largest that every reader of JSON takes as it is (RFC 8259 section 6)
        super().__init__(
            vi=f"Yêu cầu quá nặng: {cost} điểm, giới hạn là {limit}.",
            en=f"The operation is too expensive: {cost} points, the limit is {limit}.",
        )
        self.details = {"cost": cost, "limit": limit}


class UnknownDocument(BadInput):
    """Mended by whoever ships the app: its documents are added before it is (GraphQL over HTTP, appendix A)."""

    code = "PERSISTED_DOCUMENT_NOT_FOUND"
    vi = "Không có tài liệu GraphQL nào mang mã này."
    en = "There is no GraphQL document of this documentId."


class TooSlow(BadInput):
    """Mended by the caller: the body did not come in time."""

    code = "REQUEST_TIMEOUT"
    http_status = 408
    vi = "Dữ liệu được gửi lên quá chậm."
    en = "The body did not come in time."


class TooLarge(BadInput):
    """Mended by the caller: send less at once."""

    code = "TOO_LARGE"
    http_status = 413
    vi = "Dữ liệu gửi lên quá lớn."
    en = "The body is too large."


class MethodNotAllowed(BadInput):
    """Mended by the caller: `Allow` names the methods that there are."""

    code = "METHOD_NOT_ALLOWED"
    http_status = 405
    vi = "Phương thức này không được hỗ trợ ở đây."
    en = "This method is not supported here."


class NotAcceptable(BadInput):
    """Mended by the caller: we answer in none of the media types that Accept names."""

    code = "NOT_ACCEPTABLE"
    http_status = 406
    vi = "Không có định dạng nào trong Accept được hỗ trợ."
    en = "None of the media types in Accept is supported."


class UnsupportedMediaType(BadInput):
    """Mended by the caller: the Content-Type is not one we read here."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    http_status = 415
    vi = "Định dạng nội dung không được hỗ trợ."
    en = "This content type is not supported."


class Conflict(EhbError):
    """Mended by the caller: something changed meanwhile; read again and retry."""

    code = "CONFLICT"
    http_status = 409
    vi = "Dữ liệu vừa được thay đổi, hãy thử lại."
    en = "Something changed meanwhile; try again."


class RateLimited(EhbError):
    """Mended by the caller: wait `retry_after` seconds."""

    code = "RATE_LIMITED"
    http_status = 429
    vi = "Quá nhiều yêu cầu, hãy thử lại sau."
    en = "Too many requests; try again later."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.details = {"retryAfter": retry_after}


class Unavailable(EhbError):
    """Ours to mend: the database or the eID provider does not answer."""

    code = "UNAVAILABLE"
    http_status = 503
    vi = "Hệ thống tạm thời không sẵn sàng."
    en = "A part of the system does not answer."


class Busy(Unavailable):
    """Ours to mend: too much of a kind is under way on this worker; the caller tries again later."""

    code = "UNAVAILABLE"
    vi = "Hệ thống đang bận; hãy gửi lại sau ít giây."
    en = "The system is busy; send it again in a few seconds."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = int(retry_after)


class TookTooLong(Unavailable):
    """It was stopped, so that others are served; what a transaction had not committed did not happen."""

    vi = "Yêu cầu mất quá nhiều thời gian nên đã bị dừng."
    en = "The request took too long and was stopped."


class Misconfigured(EhbError):
    """Mended by the operator: the text names what is missing and how to get it."""

    code = "MISCONFIGURED"
    http_status = 500
    vi = "Cấu hình chưa đúng."
    en = "The configuration is not complete."
