"""The FAPI 2.0 profile towards an eID that breaks it, and what is encrypted for us by somebody else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey, RSAKey
from pymongo.asynchronous.database import AsyncDatabase

from auth.attempt import Attempt
from auth.eid_config import EidConfig, Profile
from auth.eid_keys import load_keys, new_keys, write_keys
from auth.jwe import decrypted
from auth.jws import NotVerified
from ehb.errors import Misconfigured
from tests.auth.hostile import HostileProvider, walked
from tests.auth.world import World, parameters

KEYS = tuple(new_keys()["keys"])


@pytest.fixture
async def fapi(database: AsyncDatabase[dict[str, Any]], hostile: HostileProvider) -> AsyncIterator[World]:
    hostile.sign = hostile.with_algorithm("PS256", hostile.key)
    hostile.tokens = {"token_type": "DPoP"}
    world = World(database, hostile.issuer, client_secret=None, client_keys=KEYS, profile=Profile.FAPI2)
    yield world
    await world.close()


async def test_the_browser_carries_a_name_for_the_request_and_nothing_of_it(
    fapi: World, hostile: HostileProvider
) -> None:
    """Row O7: what was pushed cannot be changed by whoever holds the browser."""
    begun = parameters((await fapi.begin()).headers["location"])

    assert set(begun) == {"client_id", "request_uri"}
    [pushed] = hostile.pushed
    assert pushed["code_challenge_method"] == "S256"
    assert {"state", "nonce", "redirect_uri", "client_assertion", "dpop_jkt"} <= set(pushed)


async def test_the_code_and_the_token_request_are_proven_with_one_key(fapi: World, hostile: HostileProvider) -> None:
    """Row O9: `dpop_jkt` binds the code to the key that also signs the token request, each with a `jti` of its own."""
    await walked(fapi)

    proofs = [proof for proof in hostile.proofs if proof is not None]
    keys = [ECKey.import_key(jwt_header(proof)["jwk"]) for proof in proofs]
    claims = [jwt.decode(proof, key).claims for proof, key in zip(proofs, keys, strict=True)]
    assert {key.thumbprint() for key in keys} == {hostile.pushed[0]["dpop_jkt"]}
    assert [one["htu"] for one in claims] == [f"{hostile.issuer}/par", f"{hostile.issuer}/token"]
    assert len({one["jti"] for one in claims}) == 2


def jwt_header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["typ"] == "dpop+jwt"
    assert "d" not in header["jwk"]
    return header


async def test_a_token_that_is_not_bound_to_our_key_signs_nobody_in(fapi: World, hostile: HostileProvider) -> None:
    """Row O9."""
    hostile.tokens = {"token_type": "Bearer"}

    assert (await walked(fapi))["error_code"] == "EID_UNAVAILABLE"


async def test_an_answer_without_issuer_is_refused_whatever_the_metadata_says(
    fapi: World, hostile: HostileProvider
) -> None:
    """Row O2, FAPI 2.0 section 5.3.3."""
    hostile.metadata = {"authorization_response_iss_parameter_supported": False}
    hostile.answer = {"iss": None}

    assert (await walked(fapi))["error_code"] == "LOGIN_ISSUER_MISMATCH"


async def test_an_algorithm_outside_of_the_profile_is_refused(fapi: World, hostile: HostileProvider) -> None:
    """Row O3, FAPI 2.0 section 5.4: PS256 and ES256; RS256 is not among them."""
    hostile.sign = hostile.honestly

    assert (await walked(fapi))["error_code"] == "LOGIN_ID_TOKEN_INVALID"


@pytest.mark.parametrize("par", [{"error": "invalid_request"}, {"request_uri": None}, {"request_uri": 7}], ids=str)
async def test_a_push_that_fails_goes_back_to_the_app(
    fapi: World, hostile: HostileProvider, par: dict[str, Any]
) -> None:
    hostile.par = par

    assert (await walked(fapi))["error_code"] == "EID_UNAVAILABLE"


async def test_a_provider_that_requires_it_is_pushed_to_in_the_plain_profile(
    victim: World, hostile: HostileProvider
) -> None:
    hostile.metadata = {"require_pushed_authorization_requests": True}

    assert "code" in await walked(victim)
    assert len(hostile.pushed) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"client_keys": ()},
        {"id_token_algs": ("RS256",)},
        {"client_keys": ({**RSAKey.generate_key(2048).as_dict(private=True), "alg": "RS256"},)},
    ],
    ids=("no key", "weak signature", "weak assertion"),
)
def test_a_configuration_that_breaks_the_profile_is_refused(changes: dict[str, Any]) -> None:
    fitting: dict[str, Any] = {"issuer": "https://eid.test", "client_id": "ehb", "callback_url": "https://ehb.test/cb"}
    EidConfig(**fitting, client_keys=KEYS, profile=Profile.FAPI2)

    with pytest.raises(Misconfigured):
        EidConfig(**{**fitting, "client_keys": KEYS, "profile": Profile.FAPI2, **changes})


def encrypted(text: bytes, key: dict[str, Any], **header: Any) -> str:
    names = ["ECDH-ES+A256KW", "A256GCM", "RSA-OAEP", "RSA-OAEP-256", "DEF"]
    protected = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", **header}
    public = (ECKey if key["kty"] == "EC" else RSAKey).import_key(key)
    return jwe.encrypt_compact(protected, text, public, registry=JWERegistry(algorithms=names))


def otherwise(token: str) -> str:
    """The same token with another tag."""
    rest, _, tag = token.rpartition(".")
    return f"{rest}.{'B' if tag[0] == 'A' else 'A'}{tag[1:]}"


def test_what_is_encrypted_for_us_opens_and_nothing_else() -> None:
    """Row O11: our key, our algorithms, nothing decompressed."""
    ours, theirs = KEYS[1], new_keys()["keys"][1]
    old = {**RSAKey.generate_key(2048).as_dict(private=True), "use": "enc"}

    assert decrypted(encrypted(b"a.b.c", ours), [ours]) == "a.b.c"
    assert decrypted(encrypted(b"a.b.c", ours), [theirs, ours]) == "a.b.c"
    for token, key in (
        (encrypted(b"a.b.c", theirs), ours),
        (encrypted(b"a" * 500_000, ours, zip="DEF"), ours),
        (encrypted(b"a.b.c", old, alg="RSA-OAEP"), old),
        (encrypted(b"\xff\xfe", ours), ours),
        (encrypted(b"a" * 40_000, ours), ours),
        ("a.b.c.d.e", ours),
        (otherwise(encrypted(b"a.b.c", ours)), ours),
    ):
        with pytest.raises(NotVerified):
            decrypted(token, [key])


async def test_an_encrypted_id_token_is_still_checked(fapi: World, hostile: HostileProvider) -> None:
    """Row O11: encryption proves nothing; what is inside has to be signed by the eID."""
    key = KEYS[1]
    sign = hostile.sign
    hostile.sign = lambda claims: encrypted(sign(claims).encode(), key)
    signed_inside = await walked(fapi)
    hostile.sign = lambda claims: encrypted(hostile.honestly(claims).encode(), key)
    weakly_signed_inside = await walked(fapi)

    assert "code" in signed_inside
    assert weakly_signed_inside["error_code"] == "LOGIN_ID_TOKEN_INVALID"


def test_each_browser_has_secrets_of_its_own_that_tell_nothing_of_each_other() -> None:
    one, same, other = Attempt("a" * 43), Attempt("a" * 43), Attempt("b" * 43)

    assert (one.nonce, one.verifier, one.proof_key.thumbprint) == (
        same.nonce,
        same.verifier,
        same.proof_key.thumbprint,
    )
    assert one.proof_key.thumbprint != other.proof_key.thumbprint
    assert len({one.nonce, one.verifier, other.nonce, other.verifier}) == 4
    assert "a" * 43 not in repr(one)


def test_key_files_are_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    write_keys(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert {key["use"] for key in load_keys(path)} == {"sig", "enc"}
    with pytest.raises(FileExistsError):
        write_keys(path)


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', '{"keys": [{"kty": "EC"}]}', '{"keys": 5}'])
def test_a_key_file_that_is_none_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)

    with pytest.raises(Misconfigured, match="JWK set"):
        load_keys(path)
    with pytest.raises(Misconfigured, match="Cannot read"):
        load_keys(tmp_path / "absent.json")
