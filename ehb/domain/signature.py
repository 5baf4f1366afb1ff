"""What a facility's signature over a visit is worth, who made it, and when.

The one invariant: SIGNED is said of nothing but what was read: the tables of the visit are the signed ones.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass

from ehb.domain.records import LegalStatus
from ehb.domain.submission import Problem, Severity, VisitSummary


class SignatureFault(enum.StrEnum):
    """Why a signature is SIGNATURE_INVALID. For the sender, who can mend it."""

    FORM = "FORM"
    """Not one XMLDSig signature in its place, or something in it that we do not take."""
    ALGORITHM = "ALGORITHM"
    """Another algorithm than RSA or ECDSA with SHA-256, or another transform than the enveloped one and C14N."""
    COVERAGE = "COVERAGE"
    """It does not cover everything that is read."""
    CHANGED = "CHANGED"
    """The content is not what was signed, or the value fits no registered certificate."""
    CERTIFICATE = "CERTIFICATE"
    """No registered certificate was in force."""
    TIME = "TIME"
    """The stated signing time is in the future, or outside the certificate's validity."""


WORDS: dict[SignatureFault, tuple[str, str]] = {
    SignatureFault.FORM: (
        "Tệp chỉ có một CHUKYDONVI, chứa đúng một chữ ký XMLDSig và không gì khác.",
        "The file must have one CHUKYDONVI, holding exactly one XMLDSig signature and nothing else.",
    ),
    SignatureFault.ALGORITHM: (
        "Chữ ký phải dùng RSA hoặc ECDSA với SHA-256, và chỉ phép biến đổi enveloped-signature và C14N.",
        "The signature must use RSA or ECDSA with SHA-256, and no transform but enveloped-signature and C14N.",
    ),
    SignatureFault.COVERAGE: (
        "Chữ ký phải bao gồm toàn bộ tệp, hoặc cả THONGTINDONVI và THONGTINHOSO.",
        "The signature must cover the whole file, or both THONGTINDONVI and THONGTINHOSO.",
    ),
    SignatureFault.CHANGED: (
        "Nội dung đã thay đổi sau khi ký, hoặc chữ ký không khớp chứng thư đã đăng ký.",
        "The content was changed after signing, or the signature fits no registered certificate.",
    ),
    SignatureFault.CERTIFICATE: (
        "Chứng thư ký chưa đăng ký, đã hết hạn, chưa có hiệu lực hoặc đã bị thu hồi.",
        "The signing certificate is not registered, or not in force today.",
    ),
    SignatureFault.TIME: (
        "Thời điểm ký ở tương lai hoặc ngoài hiệu lực của chứng thư.",
        "The signing time is in the future, or outside the certificate's validity.",
    ),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """The outcome of looking at a signature."""

    status: LegalStatus
    signer: str | None = None
    """The subject of the certificate, when the signature is good."""
    signed_at: str | None = None
    """RFC 3339, as the signer stated and signed it; None when it was not stated."""
    fault: SignatureFault | None = None


UNSIGNED = Signature(LegalStatus.UNSIGNED)
UNVERIFIED = Signature(LegalStatus.SIGNATURE_UNVERIFIED)
"""There is a signature and the facility has no certificate at all: nobody can say anything about it, good or bad."""


def invalid(fault: SignatureFault) -> Signature:
    """A signature that counts for nothing."""
    return Signature(LegalStatus.SIGNATURE_INVALID, fault=fault)


def with_signature(visit: VisitSummary, signature: Signature) -> VisitSummary:
    """The visit with what its signature is worth. A signature that is not good warns, and never refuses a visit."""
    problems = visit.problems
    if signature.fault is not None:
        problems = (*problems, _signature_problem("signature.invalid", *WORDS[signature.fault]))
    elif signature.status is LegalStatus.SIGNATURE_UNVERIFIED:
        vi = "Chữ ký chưa được kiểm tra: cơ sở chưa đăng ký chứng thư nào."
        en = "The signature was not checked: the facility has no registered certificate."
        problems = (*problems, _signature_problem("signature.unverified", vi, en))
    return dataclasses.replace(
        visit,
        problems=problems,
        signature=signature.status,
        signer=signature.signer,
        signed_at=signature.signed_at,
    )


def _signature_problem(rule: str, vi: str, en: str) -> Problem:
    return Problem(Severity.WARNING, rule, vi, en, field="CHUKYDONVI")
