"""Why somebody could not sign in. Two branches of the family, one for browsers and one for machines.

    EhbError
    ├── LoginFailed            LOGIN_FAILED             the citizen: try again
    │   ├── LoginRequestInvalid  LOGIN_REQUEST_INVALID  the app's makers: a parameter is missing or not registered
    │   ├── LoginStateInvalid  LOGIN_STATE_INVALID      the citizen: start again, in one browser, within ten minutes
    │   ├── LoginDenied        LOGIN_DENIED             the citizen: they or the eID said no
    │   ├── IssuerMismatch     LOGIN_ISSUER_MISMATCH    the operator: another issuer answered than the configured one
    │   ├── IdTokenInvalid     LOGIN_ID_TOKEN_INVALID   the eID, or somebody in between
    │   ├── TooManyLogins      RATE_LIMITED             the citizen: wait; too many logins began at this address
    │   ├── LogoutTokenInvalid LOGOUT_TOKEN_INVALID     the eID: not the logout token that the specification asks for
    │   └── LevelTooLow        LOGIN_LEVEL_TOO_LOW      the citizen: prove yourself as strongly as the app asked
    ├── Unauthenticated
    │   └── ProofInvalid       DPOP_PROOF_INVALID       the app: sign a new proof for this very request (RFC 9449)
    ├── Unavailable
    │   └── ProviderUnavailable  EID_UNAVAILABLE        the eID does not answer, or not in its own protocol
    └── TokenRefused           TOKEN_REQUEST_INVALID    the client: the request is malformed
        ├── GrantUnsupported   GRANT_TYPE_UNSUPPORTED   the client
        ├── ScopeInvalid       SCOPE_INVALID            the facility: asked for scopes that we do not know
        ├── CodeInvalid        CODE_INVALID             the app: the code is unknown, late, used, or not this app's
        ├── SessionEnded       SESSION_ENDED            the citizen: sign in again
        ├── BoundElsewhere     TOKEN_BOUND              the app: sign with the key that the session began with
        ├── TokenProofInvalid  DPOP_PROOF_INVALID       the client: sign a new proof for this very request (RFC 9449)
        ├── SubjectTokenInvalid  SUBJECT_TOKEN_INVALID  the facility: ask the clinician for a living access token
        ├── DelegationRefused  DELEGATION_REFUSED       the facility: the registry does not know the clinician there
        ├── TargetInvalid      TARGET_INVALID           the facility: tokens are for us alone
        └── ClientRefused      CLIENT_UNKNOWN           the facility: unknown, suspended, or signed with another key
            ├── AssertionInvalid   ASSERTION_INVALID    the facility: not the assertion that RFC 7523 asks for
            ├── AssertionAudience  ASSERTION_AUDIENCE   the facility: meant for somebody else
            ├── AssertionExpired   ASSERTION_EXPIRED    the facility: sign a new one; look at the clock
            ├── AssertionTooLong   ASSERTION_TOO_LONG   the facility: at most five minutes
            └── AssertionReplayed  ASSERTION_REPLAYED   the facility: a new `jti` each time

Those of client assertions are in `assertion_errors`. `error` is the OAuth word (RFC 6749 sections 4.1.2.1 and 5.2);
`code` is ours and is what clients branch on.
"""

from __future__ import annotations

from ehb.errors import EhbError, Unauthenticated, Unavailable


class LoginFailed(EhbError):
    """Mended by the citizen: try again."""

    code = "LOGIN_FAILED"
    http_status = 400
    error = "server_error"
    vi = "Đăng nhập không thành công, hãy thử lại."
    en = "Signing in did not succeed; try again."


class LoginRequestInvalid(LoginFailed):
    """Mended by the makers of the app."""

    code = "LOGIN_REQUEST_INVALID"
    error = "invalid_request"
    vi = "Ứng dụng gửi yêu cầu đăng nhập không hợp lệ."
    en = "The app sent a login request that is not valid."


class ResponseTypeUnsupported(LoginFailed):
    """Mended by the makers of the app: only the authorization code is given (RFC 6749 section 4.1.2.1)."""

    code = "RESPONSE_TYPE_UNSUPPORTED"
    error = "unsupported_response_type"
    vi = "Chỉ hỗ trợ response_type=code."
    en = "Only response_type=code is supported."


class LoginStateInvalid(LoginFailed):
    """Mended by the citizen: start again, in one browser."""

    code = "LOGIN_STATE_INVALID"
    error = "invalid_request"
    vi = "Phiên đăng nhập đã hết hạn hoặc không thuộc trình duyệt này. Hãy đăng nhập lại từ ứng dụng."
    en = "This login has expired or belongs to another browser. Start again from the app."


class LoginDenied(LoginFailed):
    """The citizen or the eID said no."""

    code = "LOGIN_DENIED"
    http_status = 403
    error = "access_denied"
    vi = "Định danh điện tử đã từ chối đăng nhập."
    en = "The electronic identity refused the login."


class IssuerMismatch(LoginFailed):
    """Mended by the operator: somebody else answered (RFC 9207, OpenID Connect Discovery section 4.3)."""

    code = "LOGIN_ISSUER_MISMATCH"
    vi = "Câu trả lời không đến từ hệ thống định danh đã cấu hình."
    en = "The answer does not come from the configured identity provider."


class IdTokenInvalid(LoginFailed):
    """Mended by the eID; until then nobody is signed in."""

    code = "LOGIN_ID_TOKEN_INVALID"
    vi = "Không xác minh được danh tính do hệ thống định danh gửi."
    en = "The identity that the provider sent could not be verified."


class LogoutTokenInvalid(LoginFailed):
    """Mended by the eID: OpenID Connect Back-Channel Logout 1.0 section 2.6."""

    code = "LOGOUT_TOKEN_INVALID"
    error = "invalid_request"
    vi = "Thông báo đăng xuất không hợp lệ hoặc đã dùng."
    en = "The logout token is not valid or was used before."


class LevelTooLow(LoginFailed):
    """Mended by the citizen: the login was weaker or older than what was asked for."""

    code = "LOGIN_LEVEL_TOO_LOW"
    http_status = 403
    error = "unmet_authentication_requirements"
    vi = "Việc này cần đăng nhập ở mức độ xác thực cao hơn hoặc mới hơn."
    en = "This needs a stronger or a more recent login than the one that took place."


class IdentityNumberMissing(LoginFailed):
    """Mended by the operator, who names the claim, or by the eID: a login without a number would open a second book."""

    code = "IDENTITY_NUMBER_MISSING"
    error = "access_denied"
    vi = "Tài khoản định danh không cung cấp số định danh cá nhân."
    en = "The electronic identity came without a personal identification number."


class ProviderUnavailable(Unavailable):
    """Ours or the eID's to mend: no answer, or an answer that is not OpenID Connect."""

    code = "EID_UNAVAILABLE"
    error = "temporarily_unavailable"
    vi = "Hệ thống định danh điện tử tạm thời không sẵn sàng."
    en = "The electronic identity provider does not answer."


class TokenRefused(EhbError):
    """Mended by the client: the token request is malformed."""

    code = "TOKEN_REQUEST_INVALID"
    http_status = 400
    error = "invalid_request"
    vi = "Yêu cầu cấp mã truy cập không hợp lệ."
    en = "The token request is not valid."


class GrantUnsupported(TokenRefused):
    """Mended by the client: see `/.well-known/smart-configuration`."""

    code = "GRANT_TYPE_UNSUPPORTED"
    error = "unsupported_grant_type"
    vi = "Loại cấp quyền không được hỗ trợ."
    en = "This grant type is not supported."


class ScopeInvalid(TokenRefused):
    """Mended by the facility: see `/.well-known/smart-configuration`."""

    code = "SCOPE_INVALID"
    error = "invalid_scope"
    vi = "Phạm vi yêu cầu không hợp lệ."
    en = "None of the requested scopes is known."


class CodeInvalid(TokenRefused):
    """Mended by the app: start a new login."""

    code = "CODE_INVALID"
    error = "invalid_grant"
    vi = "Mã đăng nhập không hợp lệ hoặc đã dùng."
    en = "The login code is not valid, was used, or was issued for something else."


class SessionEnded(TokenRefused):
    """Mended by the citizen: sign in again."""

    code = "SESSION_ENDED"
    error = "invalid_grant"
    vi = "Phiên đăng nhập đã kết thúc, hãy đăng nhập lại."
    en = "The session has ended; sign in again."


class BoundElsewhere(TokenRefused):
    """Mended by the app: the session is bound to another DPoP key, or to none. It goes on for who holds the key."""

    code = "TOKEN_BOUND"
    error = "invalid_grant"
    vi = "Phiên đăng nhập gắn với một khóa khác."
    en = "The session is bound to another key, or to none."


class ProofInvalid(Unauthenticated):
    """Mended by the app: a new proof for this request, and a look at the clock. `what` says which part is wrong."""

    code = "DPOP_PROOF_INVALID"
    vi = "Bằng chứng DPoP không hợp lệ."
    en = "The DPoP proof is not valid."

    def __init__(self, what: str) -> None:
        super().__init__(vi=f"{self.vi} ({what})", en=f"{self.en} ({what})")


class TokenProofInvalid(TokenRefused):
    """The same, at the token endpoint (RFC 9449 section 5)."""

    code = "DPOP_PROOF_INVALID"
    error = "invalid_dpop_proof"
    vi = "Bằng chứng DPoP không hợp lệ."
    en = "The DPoP proof is not valid."

    def __init__(self, what: str) -> None:
        super().__init__(vi=f"{self.vi} ({what})", en=f"{self.en} ({what})")


class TooManyLogins(LoginFailed):
    """Mended by waiting `retry_after` seconds."""

    code = "RATE_LIMITED"
    http_status = 429
    error = "temporarily_unavailable"
    vi = "Quá nhiều lượt đăng nhập từ địa chỉ này, hãy thử lại sau."
    en = "Too many logins began at this address; try again later."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class SubjectTokenInvalid(TokenRefused):
    """Mended by the facility (RFC 8693 section 2.2.2). Unknown, expired and itself exchanged look the same."""

    code = "SUBJECT_TOKEN_INVALID"
    vi = "subject_token không phải mã truy cập còn hiệu lực của người hành nghề."
    en = "The subject token is not a clinician's own access token in force."


class DelegationRefused(TokenRefused):
    """Mended by the facility, with whoever keeps the registry."""

    code = "DELEGATION_REFUSED"
    vi = "Danh mục không ghi nhận người này hành nghề tại cơ sở."
    en = "The registry does not know this person as a practitioner of the facility."


class TargetInvalid(TokenRefused):
    """Mended by the facility: leave `audience` and `resource` out."""

    code = "TARGET_INVALID"
    error = "invalid_target"
    vi = "Mã truy cập chỉ dùng cho hệ thống này."
    en = "Tokens are issued for this system alone."
