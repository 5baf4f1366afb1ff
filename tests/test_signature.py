"""Signed visits through the whole house: what the receipt says, what the book says, and what a resend changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from ehb.formats.visit_signing import sign
from ehb.services.registry_lists import Wish, load_certificates
from ehb.store import remembered
from ehb.store.registry import Registry
from tests.builders import DRUG, FACILITY, NATIONAL_ID, visit_file
from tests.formats.signing import certificate, key, registered
from tests.house import House

TODAY = datetime.now(UTC)
YEAR = timedelta(days=365)
ASKED = """{ myHealthBook { timeline(first: 50) { nodes {
  provenance { signed legalStatus signer signedAt version } } } } }"""


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The house learns of a new certificate at once, not after ten seconds."""
    monkeypatch.setattr(remembered, "SECONDS", 0.0)


def current(name: str = "facility") -> x509.Certificate:
    return certificate(name, since=TODAY - YEAR, until=TODAY + YEAR)


def signed(body: bytes, name: str = "facility") -> bytes:
    return sign(body, key(name), current(name), now=TODAY)


async def hold(house: House, *certificates: x509.Certificate) -> None:
    """Register certificates of the facility."""
    found = {FACILITY: registered(*certificates)}
    await load_certificates(Registry(house.mongo), "certificates", found, (), Wish(TODAY.date()))


async def warnings_of(house: House, body: bytes) -> tuple[str, list[tuple[str, str]]]:
    receipt = (await house.submit(await house.facility(FACILITY), body)).json()
    return receipt["status"], [
        (one["severity"], one["rule"]) for one in receipt["problems"] if one["rule"].startswith("signature.")
    ]


async def provenances(house: House) -> Sequence[dict[str, Any]]:
    book = await house.data(await house.citizen(NATIONAL_ID), ASKED)
    return [one["provenance"] for one in book["myHealthBook"]["timeline"]["nodes"]]


async def test_a_signed_visit_says_who_signed_it_and_when(house: House) -> None:
    await hold(house, current())

    status, warnings = await warnings_of(house, signed(visit_file()))

    assert (status, warnings) == ("ACCEPTED", [])
    found = await provenances(house)
    assert len(found) > 5
    for one in found:
        assert one["signed"] is True
        assert one["legalStatus"] == "SIGNED"
        assert one["signer"] == "Bệnh viện facility"
        assert one["signedAt"] == TODAY.isoformat(timespec="seconds")


async def test_a_bad_signature_warns_and_the_visit_is_kept_for_what_it_is(house: House) -> None:
    await hold(house, current())

    status, warnings = await warnings_of(house, signed(visit_file(), "stranger"))

    assert (status, warnings) == ("ACCEPTED", [("WARNING", "signature.invalid")])
    assert {(one["signed"], one["legalStatus"], one["signer"]) for one in await provenances(house)} == {
        (False, "SIGNATURE_INVALID", None)
    }


async def test_a_facility_without_certificates_is_told_that_nobody_checked(house: House) -> None:
    status, warnings = await warnings_of(house, signed(visit_file()))

    assert (status, warnings) == ("ACCEPTED", [("WARNING", "signature.unverified")])
    assert {one["legalStatus"] for one in await provenances(house)} == {"SIGNATURE_UNVERIFIED"}


async def test_an_unsigned_visit_is_welcome_without_a_warning(house: House) -> None:
    await hold(house, current())

    assert await warnings_of(house, visit_file()) == ("ACCEPTED", [])
    assert {one["legalStatus"] for one in await provenances(house)} == {"UNSIGNED"}


async def test_another_facilitys_certificate_does_not_count(house: House) -> None:
    await hold(house, current("other"))
    await load_certificates(
        Registry(house.mongo), "certificates", {"99002": registered(current())}, (), Wish(TODAY.date())
    )

    _, warnings = await warnings_of(house, signed(visit_file()))

    assert warnings == [("WARNING", "signature.invalid")]


async def test_a_resend_after_the_certificate_was_registered_is_signed(house: House) -> None:
    body = signed(visit_file())
    await warnings_of(house, body)
    await hold(house, current())

    status, _ = await warnings_of(house, body)

    assert status == "ACCEPTED"
    assert {(one["legalStatus"], one["version"]) for one in await provenances(house)} == {("SIGNED", 2)}


async def test_what_was_signed_when_it_came_stays_so_when_it_is_sent_again_after_the_certificate_ended(
    house: House,
) -> None:
    body = signed(visit_file())
    await hold(house, current())
    await warnings_of(house, body)
    await house.mongo.database["facilities"].update_one(
        {"_id": FACILITY}, {"$set": {"certificates.0.not_after": TODAY - timedelta(days=1)}}
    )

    status, _ = await warnings_of(house, body)

    assert status == "UNCHANGED"
    assert {(one["legalStatus"], one["version"]) for one in await provenances(house)} == {("SIGNED", 1)}


async def test_signing_anew_without_a_change_is_no_new_version(house: House) -> None:
    await hold(house, current())
    await warnings_of(house, signed(visit_file()))

    later = sign(visit_file(), key(), current(), now=TODAY - timedelta(minutes=1))

    assert await warnings_of(house, later) == ("UNCHANGED", [])


async def test_a_large_file_is_verified_too(house: House) -> None:
    await hold(house, current())
    many = [{**DRUG, "STT": str(number), "MA_THUOC": f"40.{number}"} for number in range(1, 801)]

    body = signed(visit_file(with_tables={"XML2": many}))

    assert len(body) > 200_000
    assert await warnings_of(house, body) == ("ACCEPTED", [])
    assert {one["legalStatus"] for one in await provenances(house)} == {"SIGNED"}
