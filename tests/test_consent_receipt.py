"""Receipts of consents, checked as a stranger would: with the published key and nothing else of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey

from ehb.signing import CHECKPOINT, CONSENT_RECEIPT, NotSigned, verified
from tests.builders import FACILITY, NATIONAL_ID
from tests.house import House
from tests.test_consent import permit, seen, world

GIVE = "mutation($terms: ConsentInput!) { giveConsent(consent: $terms) { consent { id text receipt } } }"
RECEIPTS = "{ myConsents { id receipt } }"


async def published(house: House) -> dict[str, Any]:
    answer = await house.http.get("/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    return dict(answer.json())


def read(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    """What a library that we did not write makes of it."""
    key = ECKey.import_key(keys["keys"][0])
    return dict(json.loads(jws.deserialize_compact(token, key, algorithms=["ES256"]).payload))


async def a_record(house: House, citizen: str, book: str) -> str:
    asked = "query($b: ID!) { healthBook(patient: $b, purpose: PATIENT_REQUEST) { timeline { nodes { id } } } }"
    return str((await house.data(citizen, asked, {"b": book}))["healthBook"]["timeline"]["nodes"][0]["id"])


async def test_a_receipt_says_what_was_agreed_to_whoever_has_our_public_key(house: House) -> None:
    citizen, doctor, book = await world(house)
    record = await a_record(house, citizen, book)
    terms = permit(
        select={"sections": ["CONDITIONS"], "since": "2020-01-01T00:00:00+07:00"},
        exceptions=[{"records": [record]}],
        labels=["HIV"],
    )
    given = (await house.data(citizen, GIVE, terms))["giveConsent"]["consent"]
    assert await seen(house, doctor, book) is not None

    claims = read(given["receipt"], await published(house))

    assert (claims["jti"], claims["sub"]) == (given["id"], book)
    assert claims["agreed"]["text"] == given["text"]
    assert (claims["agreed"]["by"], claims["agreed"]["language"], claims["ended_at"]) == ("PERSON", "en", None)
    said = claims["terms"]
    assert (said["permit"], said["grantee_kind"], said["grantee"]) == (True, "FACILITY", FACILITY)
    assert said["select"] == {"sections": ["CONDITIONS"], "since": "2020-01-01T00:00:00+07:00"}
    assert said["exceptions"] == [{"records": [record]}]
    assert (said["labels"], said["purposes"], said["actions"]) == (["HIV"], ["TREAT"], ["READ"])
    assert said["valid_until"] == "2030-01-01T00:00:00+07:00"
    assert NATIONAL_ID not in json.dumps(claims)


async def test_a_receipt_of_an_ended_consent_says_since_when(house: House) -> None:
    citizen, _, _ = await world(house)
    given = (await house.data(citizen, GIVE, permit()))["giveConsent"]["consent"]
    await house.data(citizen, "mutation($id: ID!) { withdrawConsent(id: $id) { id } }", {"id": given["id"]})

    [held] = (await house.data(citizen, RECEIPTS))["myConsents"]

    assert read(held["receipt"], await published(house))["ended_at"] is not None


async def test_a_changed_receipt_and_one_of_another_kind_verify_nowhere(house: House) -> None:
    citizen, _, _ = await world(house)
    token = (await house.data(citizen, GIVE, permit()))["giveConsent"]["consent"]["receipt"]
    keys = await published(house)
    head, body, signature = token.split(".")
    other = ("A" if body[0] != "A" else "B") + body[1:]

    assert verified(CONSENT_RECEIPT, token, keys)["jti"]
    with pytest.raises(NotSigned):
        verified(CHECKPOINT, token, keys)
    with pytest.raises(NotSigned):
        verified(CONSENT_RECEIPT, f"{head}.{other}.{signature}", keys)
    with pytest.raises(BadSignatureError):
        read(f"{head}.{other}.{signature}", keys)
