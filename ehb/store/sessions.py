"""Sign-ins on disk: logins under way, their one-time codes, sessions, and the facilities' used assertions.

Implements what `auth` asks of a store, without knowing it. Each method is one atomic command on one document, so
"once" holds across workers; documents are found by `_id` alone, a hash or a random key, so every collection is
shardable on a hashed `_id`. TTL indexes tidy up within a minute or so; nobody relies on them, `auth` compares
every time with its clock.

Invariant: everything that a caller could present lies here only as its SHA-256, and nothing in clear leads from a
person to the licence or the workplace of a practitioner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.session import AccessToken, Account, Delegation, Login, LoginCode, Rotation, Session
from ehb.store.mongo import CODEC, Database, Document, by_id, translated
from ehb.store.together import Together
from ehb.store.vault import Vault

_USED_CODES_KEPT = timedelta(days=1)
"""How long a used code is remembered, so that its second use is noticed."""
_ACCESS_KEPT = 3
"""How many access tokens of one session may be good at once: the current one, and those of calls under way."""
_TTL = {"logins": "expires_at", "login_codes": "forget_at", "sessions": "ends_at"}
_DELEGATIONS_KEPT = 20
"""How many tokens of one session systems of facilities may hold at once; the oldest makes room."""
_USED_IDS = ("assertion_ids", "proof_ids")
_ROLES, _DELEGATED = b"roles\0", b"delegated\0"
"""Places of sealed values, each before the key of its session."""
_IDS_KEPT = timedelta(minutes=10)
"""How long a used id outlives what it belongs to: the database tidies up by its own clock, not by ours."""


async def create_indexes(database: Database) -> None:
    """Safe to run again and from several processes at once."""
    for name, field in _TTL.items():
        await database[name].create_index(field, expireAfterSeconds=0)
    for name in _USED_IDS:
        await database[name].create_index("expires_at", expireAfterSeconds=0)
    for name in ("login_codes", "sessions"):
        for field in ("account.subject", "account.sid", "principal.patient_id"):
            await database[name].create_index(field, sparse=True)


@translated
class SignIns:
    """The collections of this module. Give it a database with majority writes."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._vault = vault
        self._logins = database.get_collection("logins", codec_options=CODEC)
        self._codes = database.get_collection("login_codes", codec_options=CODEC)
        self._sessions = database.get_collection("sessions", codec_options=CODEC)
        self._assertions = database.get_collection("assertion_ids", codec_options=CODEC)
        self._proofs = database.get_collection("proof_ids", codec_options=CODEC)
        self._together = Together[bytes, Document | None](self._find, "find", "sessions")

    async def add_login(self, login: Login) -> None:
        await self._logins.insert_one(
            {
                "_id": login.state,
                "browser": login.browser,
                "client_id": login.client_id,
                "redirect_uri": login.redirect_uri,
                "code_challenge": login.code_challenge,
                "app_state": login.app_state,
                "expires_at": login.expires_at,
                "level": login.level,
                "max_age": login.max_age,
                "jkt": login.jkt,
            }
        )

    async def take_login(self, state: bytes, browser: bytes) -> Login | None:
        """The login of this state and this browser, once. Another browser does not use it up."""
        found = await self._logins.find_one_and_delete({"_id": state, "browser": browser})
        return Login(state=found.pop("_id"), **found) if found else None

    async def add_code(self, code: LoginCode) -> None:
        await self._codes.insert_one(
            {
                "_id": code.code,
                "session": code.session,
                "client_id": code.client_id,
                "redirect_uri": code.redirect_uri,
                "code_challenge": code.code_challenge,
                "principal": self._principal_document(code.principal, code.session),
                "account": _account_document(code.account),
                "expires_at": code.expires_at,
                "forget_at": code.expires_at + _USED_CODES_KEPT,
                "used": False,
                "jkt": code.jkt,
            }
        )

    async def use_code(self, code: bytes) -> LoginCode | None:
        """The code, for the first caller only."""
        return self._code_from(
            await self._codes.find_one_and_update({"_id": code, "used": False}, {"$set": {"used": True}})
        )

    async def find_used_code(self, code: bytes) -> LoginCode | None:
        return self._code_from(await self._codes.find_one({"_id": code, "used": True}))

    async def open_session(self, session: Session) -> bool:
        """False when the session was forbidden before it began."""
        try:
            await self._sessions.insert_one(
                {
                    "_id": session.key,
                    "principal": self._principal_document(session.principal, session.key),
                    "access": [_access_document(token) for token in session.access],
                    "refresh": session.refresh,
                    "ends_at": session.ends_at,
                    "ended_at": None,
                    "jkt": session.jkt,
                    **({"account": _account_document(session.account)} if session.account else {}),
                }
            )
        except DuplicateKeyError:
            return False
        return True

    async def find_session(self, key: bytes) -> Session | None:
        return self._session_from(await self._together.one(key))

    async def _find(self, keys: Sequence[bytes]) -> list[Document | None]:
        return await by_id(self._sessions, keys)

    async def rotate(self, key: bytes, client_id: str, rotation: Rotation) -> Session | None:
        """Exchange the current refresh token, or within the grace and once the one before it.

        The grace also ends the access tokens: one of them lies in the answer that never arrived.
        """
        living = {
            "_id": key,
            "principal.client_id": client_id,
            "jkt": rotation.jkt,
            "ended_at": None,
            "ends_at": {"$gt": rotation.now},
        }
        access = _access_document(rotation.access)
        found = await self._sessions.find_one_and_update(
            {**living, "refresh": rotation.old},
            {
                "$set": {"refresh": rotation.new, "previous": rotation.old, "rotated_at": rotation.now},
                "$push": {"access": {"$each": [access], "$slice": -_ACCESS_KEPT}},
            },
            return_document=ReturnDocument.AFTER,
        ) or await self._sessions.find_one_and_update(
            {**living, "previous": rotation.old, "rotated_at": {"$gt": rotation.grace_since}},
            {"$set": {"refresh": rotation.new, "access": [access]}, "$unset": {"previous": ""}},
            return_document=ReturnDocument.AFTER,
        )
        return self._session_from(found)

    async def end_session(self, key: bytes, now: datetime) -> None:
        await self._sessions.update_one({"_id": key, "ended_at": None}, {"$set": {"ended_at": now}})

    async def add_delegation(self, key: bytes, subject: bytes, delegation: Delegation) -> bool:
        """False when the session, or its access token with the digest `subject`, is no more."""
        added = await self._sessions.update_one(
            {"_id": key, "ended_at": None, "access.digest": subject},
            {
                "$push": {
                    "delegated": {"$each": [self._delegation_document(delegation, key)], "$slice": -_DELEGATIONS_KEPT}
                }
            },
        )
        return added.matched_count == 1

    async def end_delegation(self, key: bytes, delegated: bytes) -> None:
        """End the one delegated token with this digest."""
        await self._sessions.update_one({"_id": key}, {"$pull": {"delegated": {"digest": delegated}}})

    async def forbid_session(self, key: bytes, now: datetime, until: datetime) -> None:
        """End the session; when it is not there yet, leave a stone in the place where it would be opened."""
        await self._sessions.update_one(
            {"_id": key}, {"$set": {"ended_at": now}, "$setOnInsert": {"ends_at": until}}, upsert=True
        )

    async def end_sessions_of(self, account: Account, now: datetime, until: datetime) -> list[Session]:
        """End all sessions of an account, or of one of its logins at the eID; gives those that were in force.

        A code that is not redeemed yet, or at this moment, opens nothing any more.
        """
        wanted = {f"account.{name}": value for name, value in _account_document(account).items()}
        return await self._end_all(wanted, now, until) if wanted else []

    async def end_other_accounts(
        self, patient_id: bytes, account: Account, now: datetime, until: datetime
    ) -> list[Session]:
        """End what a person opened through any other account than this one; gives the sessions that were in force."""
        wanted = {"principal.patient_id": patient_id, "account.subject": {"$ne": account.subject}}
        return await self._end_all(wanted, now, until)

    async def _end_all(self, wanted: Document, now: datetime, until: datetime) -> list[Session]:
        found = await self._sessions.find({**wanted, "ended_at": None, "ends_at": {"$gt": now}}).to_list()
        async for code in self._codes.find(wanted, {"session": 1}):
            await self.forbid_session(code["session"], now, until)
        await self._sessions.update_many({**wanted, "ended_at": None}, {"$set": {"ended_at": now}})
        return [session for one in found if (session := self._session_from(one)) is not None]

    async def claim_assertion(self, client_id: str, jti: str, expires_at: datetime) -> bool:
        """True for the first caller only, until the assertion has expired."""
        return await _first(self._assertions, client_id, jti, expires_at)

    async def claim_proof(self, jkt: str, jti: str, expires_at: datetime) -> bool:
        """True for the first caller only, until the proof has expired."""
        return await _first(self._proofs, jkt, jti, expires_at)

    def _principal_document(self, principal: Principal, session: bytes) -> Document:
        roles = msgspec.msgpack.encode([asdict(role) for role in principal.roles])
        plain = {name: value for name, value in asdict(principal).items() if name not in ("roles", "role")}
        sealed = self._vault.seal(roles, _ROLES + session) if principal.roles else None
        return {**plain, "kind": principal.kind.value, "sealed_roles": sealed}

    def _principal_from(self, document: Document, session: bytes) -> Principal:
        """The principal; roles that lie in clear are of before, when nobody compared them, and count no more."""
        plain = {name: value for name, value in document.items() if name not in ("roles", "role", "sealed_roles")}
        sealed = document.get("sealed_roles")
        roles = _roles(self._vault.open(sealed, _ROLES + session)) if sealed is not None else ()
        return Principal(**{**plain, "kind": PrincipalKind(document["kind"]), "roles": roles})

    def _delegation_document(self, delegation: Delegation, session: bytes) -> Document:
        to = msgspec.msgpack.encode((delegation.actor, delegation.facility))
        return {
            "digest": delegation.digest,
            "expires_at": delegation.expires_at,
            "jkt": delegation.jkt,
            "sealed_to": self._vault.seal(to, _DELEGATED + session),
        }

    def _delegation_from(self, document: Document, session: bytes) -> Delegation:
        sealed = self._vault.open(document["sealed_to"], _DELEGATED + session)
        actor, facility = msgspec.msgpack.decode(sealed, type=tuple[str, str])
        return Delegation(document["digest"], document["expires_at"], actor, facility, document["jkt"])

    def _code_from(self, document: Document | None) -> LoginCode | None:
        if document is None:
            return None
        return LoginCode(
            code=document["_id"],
            session=document["session"],
            client_id=document["client_id"],
            redirect_uri=document["redirect_uri"],
            code_challenge=document["code_challenge"],
            principal=self._principal_from(document["principal"], bytes(document["session"])),
            account=_account_from(document["account"]) or Account(None),
            expires_at=document["expires_at"],
            jkt=document.get("jkt"),
        )

    def _session_from(self, document: Document | None) -> Session | None:
        if document is None or "principal" not in document:
            return None
        key = bytes(document["_id"])
        return Session(
            key=document["_id"],
            principal=self._principal_from(document["principal"], key),
            access=tuple(AccessToken(**token) for token in document["access"]),
            refresh=document["refresh"],
            ends_at=document["ends_at"],
            ended_at=document["ended_at"],
            account=_account_from(document.get("account")),
            jkt=document.get("jkt"),
            delegated=tuple(
                self._delegation_from(one, key) for one in document.get("delegated", ()) if "sealed_to" in one
            ),
        )


async def _first(used: AsyncCollection[Document], whose: str, name: str, expires_at: datetime) -> bool:
    """Whether nobody has used this name of theirs before."""
    try:
        await used.insert_one(
            {"_id": sha256(f"{whose}\0{name}".encode()).digest(), "expires_at": expires_at + _IDS_KEPT}
        )
    except DuplicateKeyError:
        return False
    return True


def _roles(encoded: bytes) -> tuple[PractitionerRole, ...]:
    return tuple(msgspec.msgpack.decode(encoded, type=list[PractitionerRole]))


def _account_document(account: Account) -> Document:
    return {name: value for name, value in asdict(account).items() if value is not None}


def _account_from(document: Document | None) -> Account | None:
    return Account(document.get("subject"), document.get("sid")) if document is not None else None


def _access_document(token: AccessToken) -> Document:
    return {"digest": token.digest, "expires_at": token.expires_at}
