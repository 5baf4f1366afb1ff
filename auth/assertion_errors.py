"""Why a facility's client assertion was not taken: the `ClientRefused` branch of the tree in `errors`.

The one invariant: what tells more than "unknown, suspended or wrongly signed" is told only to who has signed rightly.
"""

from __future__ import annotations

from auth.errors import TokenRefused


class ClientRefused(TokenRefused):
    """Mended by the facility. Unknown, suspended and wrongly signed look the same on purpose."""

    code = "CLIENT_UNKNOWN"
    http_status = 401
    error = "invalid_client"
    vi = "Không xác thực được hệ thống gọi."
    en = "The client is unknown or its signature does not fit."


class AssertionInvalid(ClientRefused):
    """Mended by the facility: RFC 7523 section 3."""

    code = "ASSERTION_INVALID"
    vi = "Chứng thực của hệ thống gọi không đúng chuẩn RFC 7523."
    en = "The client assertion is not what RFC 7523 asks for."


class AssertionAudience(AssertionInvalid):
    """Mended by the facility: `aud` is our token endpoint."""

    code = "ASSERTION_AUDIENCE"
    vi = "Chứng thực không dành cho hệ thống này."
    en = "The client assertion is meant for another audience."


class AssertionExpired(AssertionInvalid):
    """Mended by the facility: sign a new one, and look at the clock."""

    code = "ASSERTION_EXPIRED"
    vi = "Chứng thực đã hết hạn."
    en = "The client assertion has expired."


class AssertionTooLong(AssertionInvalid):
    """Mended by the facility: at most five minutes (SMART Backend Services)."""

    code = "ASSERTION_TOO_LONG"
    vi = "Chứng thực chỉ được có hiệu lực tối đa năm phút."
    en = "The client assertion may live five minutes at most."


class AssertionReplayed(AssertionInvalid):
    """Mended by the facility: a new `jti` for each request."""

    code = "ASSERTION_REPLAYED"
    vi = "Chứng thực này đã được dùng."
    en = "The client assertion was used before."
