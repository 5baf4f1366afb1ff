"""The composition root: settings → store → custodian → auth + schema + routes.

The only place where everything is wired. The one invariant: the custodian gets the store, services get the
custodian, and nobody else holds either.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.backend import BearerBackend, unauthenticated
from auth.clients import FacilityAuthentication
from auth.logins import Logins, MobileClient
from auth.oidc import RelyingParty
from auth.provider import EidConfig
from auth.routes import auth_routes
from auth.sessions import Sessions
from ehb.custodian import Custodian
from ehb.domain.identity import ElectronicIdentity, SignedIn
from ehb.errors import EhbError, Misconfigured, Unauthenticated
from ehb.formats.sensitivity_lists import code_lists
from ehb.metrics import MetricsMiddleware
from ehb.problems import MaskBugs, language_of, problem_response
from ehb.routes import plain_routes
from ehb.services import identity
from ehb.settings import Settings
from ehb.signing import Signer
from ehb.store.budgets import Budgets
from ehb.store.migrations import bind, migrate
from ehb.store.mongo import Mongo, connect
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.sessions import SignIns
from ehb.store.store import Store
from ehb.store.trail_audit import TrailAudit
from ehb.store.trail_seals import TrailSeals
from ehb.store.trusted_documents import TrustedDocuments
from ehb.store.vault import Keys, Vault
from graphql_schema.allowance import FACILITY, PERSON, Allowance
from graphql_schema.http import GraphQLEndpoint
from graphql_schema.ids import OpaqueIds
from graphql_schema.schema import make_schema
from graphql_schema.trusted_documents import Documents

_log = logging.getLogger("ehb")
SEAL_EVERY = 30.0
"""Seconds between two looks for lines to seal."""


def utc_now() -> datetime:
    """The clock of the house."""
    return datetime.now(UTC)


def create_app(settings: Settings, keys: Keys, *, clock: Callable[[], datetime] = utc_now) -> Starlette:
    """The whole API as an ASGI app. Raises Misconfigured for settings that cannot work."""
    mongo = connected(settings)
    custodian = _door(mongo, keys, clock)
    sign_ins, signer = SignIns(mongo.database), Signer(keys.signing)
    base = settings.base_url.rstrip("/")

    async def sign_in(who: ElectronicIdentity) -> SignedIn:
        return await identity.sign_in(custodian, who)

    eid = RelyingParty(eid_config(settings), clock)
    sessions = Sessions(sign_ins, clock)
    app_client = MobileClient(settings.mobile_client_id, frozenset(settings.mobile_redirect_uris))
    logins = Logins(sign_ins, eid, sessions, sign_in, app_client, base, clock)
    registry = Registry(mongo)
    facilities = FacilityAuthentication(registry, sign_ins, [f"{base}/auth/token", base], clock)
    backend = BearerBackend(sessions)
    endpoint = GraphQLEndpoint(
        make_schema(introspection=settings.developer),
        custodian=custodian,
        facilities=registry,
        practitioners=Practitioners(mongo, Vault(keys)),
        ids=OpaqueIds(keys.opaque),
        signer=signer,
        clock=clock,
        principal_from=backend.principal_from,
        allowance=Allowance(
            Budgets(mongo),
            clock,
            person=replace(PERSON, most=settings.person_points),
            facility=replace(FACILITY, most=settings.facility_points),
            at_once=settings.operations_at_once,
        ),
        documents=Documents(TrustedDocuments(mongo), only_trusted=settings.only_trusted_documents),
        seconds=settings.request_seconds,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await migrate(mongo)
        await bind(mongo, keys)
        sealing = asyncio.create_task(_seal_now_and_then(TrailSeals(mongo, signer, clock)))
        try:
            yield
        finally:
            sealing.cancel()
            await asyncio.gather(sealing, return_exceptions=True)
            await eid.close()
            await mongo.close()

    async def graphql(request: Request) -> Response:
        return await endpoint(request)

    app = Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"] if settings.developer else ["POST"]),
            *auth_routes(logins=logins, sessions=sessions, facilities=facilities, base_url=base),
            *plain_routes(
                custodian=custodian,
                registry=registry,
                principal_from=backend.principal_from,
                clock=clock,
                ready=mongo.ping,
                largest_file=settings.largest_file,
                public_keys=signer.public_jwks(),
            ),
        ],
        middleware=[Middleware(MetricsMiddleware), Middleware(MaskBugs)],
        exception_handlers={Unauthenticated: unauthenticated, EhbError: _problem},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # the redirect would go to whatever Host the request named
    return app


@asynccontextmanager
async def open_custodian(
    settings: Settings, keys: Keys, *, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Custodian]:
    """The door without the API around it, for the operator's commands."""
    mongo = connected(settings)
    try:
        await migrate(mongo)
        await bind(mongo, keys)
        yield _door(mongo, keys, clock)
    finally:
        await mongo.close()


@asynccontextmanager
async def open_trail(settings: Settings, keys: Keys) -> AsyncIterator[tuple[TrailSeals, TrailAudit]]:
    """What seals and verifies the trail, for the operator's commands. It tells places and digests, never a line."""
    mongo, signer = connected(settings), Signer(keys.signing)
    try:
        await migrate(mongo)
        await bind(mongo, keys)
        yield TrailSeals(mongo, signer, utc_now), TrailAudit(mongo, signer)
    finally:
        await mongo.close()


async def _seal_now_and_then(seals: TrailSeals) -> None:
    """Seal the trail behind the lines, for as long as the process lives. What fails is tried again."""
    while True:
        await asyncio.sleep(SEAL_EVERY)
        try:
            await seals.seal()
        except EhbError as error:
            _log.warning("sealing the trail failed, trying again: %s", error.code)


def _door(mongo: Mongo, keys: Keys, clock: Callable[[], datetime]) -> Custodian:
    return Custodian(Store(mongo, Vault(keys), code_lists()), clock)


def connected(settings: Settings) -> Mongo:
    """The database of the settings. Raises Misconfigured when they name none."""
    if settings.mongo_uri is None:
        raise Misconfigured(vi="Thiếu EHB_MONGO_URI.", en="EHB_MONGO_URI is not set: it names the MongoDB replica set.")
    return connect(settings.mongo_uri.get_secret_value(), settings.database)


def eid_config(settings: Settings) -> EidConfig:
    """The eID provider as `auth` knows it."""
    eid = settings.eid
    return EidConfig(
        issuer=eid.issuer,
        client_id=eid.client_id,
        client_secret=eid.client_secret.get_secret_value() if eid.client_secret else None,
        callback_url=f"{settings.base_url.rstrip('/')}/auth/callback",
        scope=eid.scope,
        national_id_claim=eid.national_id_claim,
        old_national_id_claim=eid.old_national_id_claim,
        name_claim=eid.name_claim,
        birth_date_claim=eid.birth_date_claim,
        level_claim=eid.level_claim,
        level_map=eid.level_map,
        default_level=eid.default_level,
        id_token_algs=eid.id_token_algs,
        allow_http=eid.allow_http,
    )


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, EhbError)  # noqa: S101  Starlette hands over what the handler is registered for
    return problem_response(error, language_of(request.headers))
