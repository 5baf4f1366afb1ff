"""Showing part of one's book: what may be shown, the code for it, and the picture of the code."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta

import segno

from ehb.custodian import Custodian
from ehb.custodian.presentations import Closed, OpenedPresentation, Showing
from ehb.domain.identity import Principal
from ehb.domain.presentation import (
    LONGEST,
    PASSCODE_LENGTHS,
    SHORTEST,
    HeldPresentation,
    code_of,
    secret_of,
)
from ehb.domain.records import Section
from ehb.domain.sensitivity import is_known
from ehb.errors import BadInput

MINUTES = range(int(SHORTEST / timedelta(minutes=1)), int(LONGEST / timedelta(minutes=1)) + 1)
"""How long something can be shown."""
_PIXELS_OF_MODULE = 10
_QUIET_ZONE = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown, with the code that opens it; the code is given once and kept nowhere."""

    held: HeldPresentation
    code: str


async def start(
    custodian: Custodian,
    principal: Principal,
    patient_id: bytes | None,
    *,
    sections: frozenset[Section],
    minutes: int,
    passcode: str | None,
    labels: frozenset[str],
    path: str,
) -> Shown:
    """Show these sections for some minutes. Raises Forbidden and BadInput."""
    if (problem := _problem(sections, minutes, passcode, labels)) is not None:
        await custodian.presentations.may_start(principal, patient_id, path=path)
        raise problem
    showing = Showing(sections, timedelta(minutes=minutes), passcode, labels)
    held, secret = await custodian.presentations.start(principal, patient_id, showing, path=path)
    return Shown(held, code_of(secret))


def _problem(
    sections: frozenset[Section], minutes: int, passcode: str | None, labels: frozenset[str]
) -> BadInput | None:
    if not sections:
        return BadInput(vi="Hãy chọn ít nhất một mục.", en="Choose at least one section.")
    if minutes not in MINUTES:
        return BadInput(
            vi=f"Thời gian phải từ {MINUTES[0]} đến {MINUTES[-1]} phút.",
            en=f"The time must be {MINUTES[0]} to {MINUTES[-1]} minutes.",
        )
    if passcode is not None and (
        len(passcode) not in PASSCODE_LENGTHS or not (passcode.isascii() and passcode.isdigit())
    ):
        return BadInput(
            vi=f"Mã bảo vệ gồm {PASSCODE_LENGTHS[0]} đến {PASSCODE_LENGTHS[-1]} chữ số.",
            en=f"A passcode has {PASSCODE_LENGTHS[0]} to {PASSCODE_LENGTHS[-1]} digits.",
        )
    if not all(is_known(label) for label in labels):
        return BadInput(vi="Có nhãn nhạy cảm không tồn tại.", en="One of the sensitivity labels does not exist.")
    return None


async def open_presentation(
    custodian: Custodian, principal: Principal, code: str, passcode: str | None, *, path: str
) -> OpenedPresentation | Closed:
    """Open what a code shows, as the practitioner that one is. Raises Forbidden."""
    return await custodian.presentations.open(principal, secret_of(code), passcode, path=path)


def qr_svg(code: str) -> str:
    """The QR code of a code, as an SVG document that scales."""
    return _drawn(code, "svg").decode()


def qr_png(code: str) -> bytes:
    """The QR code of a code, as a PNG."""
    return _drawn(code, "png")


def _drawn(code: str, kind: str) -> bytes:
    drawn = io.BytesIO()
    light = {"light": "#fff"}
    segno.make(code, error="m", micro=False).save(
        drawn, kind=kind, scale=_PIXELS_OF_MODULE, border=_QUIET_ZONE, **light
    )
    return drawn.getvalue()
