"""The composition root: settings → store → custodian → auth + schema + routes.

The only place where everything is wired. The one invariant: the custodian gets the store, services get the
custodian, and nobody else holds either.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from auth.attempts import Attempts, public_address
from auth.backend import TokenBackend, unauthenticated
from auth.clients import FacilityAuthentication
from auth.discovery import discovery_routes
from auth.dpop import Proofs
from auth.eid_config import EidConfig, Profile
from auth.eid_keys import load_keys
from auth.exchange import Exchange
from auth.key_sets import KeySets
from auth.logins import Logins, MobileClient
from auth.logout import LogoutTokens
from auth.logout_routes import logout_routes
from auth.oidc import RelyingParty
from auth.outside import Outside
from auth.routes import auth_routes
from auth.sessions import Sessions
from auth.token_endpoint import token_routes
from ehb import collector
from ehb.custodian import Custodian
from ehb.domain.assurance import USUAL, Assurance
from ehb.domain.coding import VIETNAM
from ehb.domain.identity import ElectronicIdentity, PractitionerRole, Principal, SignedIn
from ehb.errors import EhbError, Misconfigured, Unauthenticated
from ehb.formats.sensitivity_lists import code_lists
from ehb.logs import log
from ehb.metrics import MetricsMiddleware
from ehb.problems import MaskBugs, SecurityHeaders, here, problem, refused_by_routing
from ehb.request_log import RequestLog
from ehb.routes import MAX_FILES_AT_ONCE, plain_routes
from ehb.server import BEFORE_SHUTDOWN
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
from graphql_schema.limits import Judge
from graphql_schema.operations import Operations
from graphql_schema.running import Streams
from graphql_schema.schema import make_schema
from graphql_schema.transport_ws import Admission, SocketEndpoint
from graphql_schema.trusted_documents import Documents

FACILITY_SCOPES = ("system/*.c",)
"""What a facility may be granted (SMART App Launch 2): create, nothing else."""
SEAL_EVERY = 30.0
"""Seconds between two looks for lines to seal."""


def utc_now() -> datetime:
    """The clock of the house."""
    return datetime.now(UTC)


def create_app(settings: Settings, keys: Keys, *, clock: Callable[[], datetime] = utc_now) -> Starlette:
    """The whole API as an ASGI app. Raises Misconfigured for settings that cannot work."""
    stop_tracing = collector.begin(collector.sending(settings.traces)) if settings.traces else None
    mongo = connected(settings)
    fresh = timedelta(seconds=settings.step_up_max_age)
    custodian = _door(mongo, keys, clock, Assurance(settings.read_level, settings.step_up_level, fresh))
    vault, signer = Vault(keys), Signer(keys.signing)
    sign_ins = SignIns(mongo.database, vault)
    base = settings.base_url.rstrip("/")

    async def sign_in(who: ElectronicIdentity) -> SignedIn:
        return await identity.sign_in(custodian, who)

    async def ended(whose: Principal) -> None:
        await custodian.presentations.end_with(whose, path="POST /auth/logout")

    config = eid_config(settings)
    eid = RelyingParty(config, clock)
    sessions = Sessions(sign_ins, clock, on_end=ended)
    logout_tokens = LogoutTokens(eid.tokens, config.issuer, sign_ins, clock)
    app_client = MobileClient(settings.mobile_client_id, frozenset(settings.mobile_redirect_uris))
    logins = Logins(sign_ins, eid, sessions, sign_in, app_client, base, clock)
    registry = Registry(mongo)
    key_sets = KeySets(outside(settings), clock)
    facilities = FacilityAuthentication(registry, sign_ins, [f"{base}/auth/token", base], clock, key_sets)
    proofs = Proofs(sign_ins, base, clock)
    backend = TokenBackend(sessions, proofs)
    practitioners = Practitioners(mongo, vault)

    async def role_in_force(role: PractitionerRole) -> bool:
        return await practitioners.in_force(role, clock().astimezone(VIETNAM).date())

    attempts = Attempts(Budgets(mongo), clock)
    exchange = Exchange(sign_ins, proofs, role_in_force, base, clock)
    streams = Streams(base, settings.allowed_origins)
    allowance = Allowance(
        Budgets(mongo),
        clock,
        person=replace(PERSON, most=settings.person_points),
        facility=replace(FACILITY, most=settings.facility_points),
        at_once=settings.operations_at_once,
    )
    endpoint = GraphQLEndpoint(
        Operations(make_schema(), Judge(introspection=settings.developer)),
        custodian=custodian,
        facilities=registry,
        practitioners=practitioners,
        ids=OpaqueIds(keys.opaque),
        signer=signer,
        clock=clock,
        principal_from=backend.principal_from,
        address_of=public_address,
        streams=streams,
        allowance=allowance,
        documents=Documents(TrustedDocuments(mongo), only_trusted=settings.only_trusted_documents),
        seconds=settings.request_seconds,
    )

    async def admit(headers: Headers) -> Admission:
        principal, admitted = await backend.admit(headers, method="GET", path="/graphql")
        return principal, partial(backend.principal_of, admitted) if admitted is not None else _nobody

    sockets = SocketEndpoint(endpoint, admit, streams, public_address)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, object]]:
        await migrate(mongo)
        await bind(mongo, keys)
        sealing = asyncio.create_task(_seal_now_and_then(TrailSeals(mongo, signer, clock)))
        try:
            yield {BEFORE_SHUTDOWN: streams.close}
        finally:
            sealing.cancel()
            await asyncio.gather(sealing, return_exceptions=True)
            await eid.close()
            await mongo.close()
            if stop_tracing is not None:
                stop_tracing()

    async def graphql(request: Request) -> Response:
        return await endpoint(request)

    app = Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"] if settings.developer else ["POST"]),
            WebSocketRoute("/graphql", sockets.serve),
            *auth_routes(logins=logins, attempts=attempts, base_url=base),
            *token_routes(
                sessions=sessions,
                facilities=facilities,
                proofs=proofs,
                exchange=exchange,
                attempts=attempts,
                scopes=FACILITY_SCOPES,
            ),
            *discovery_routes(base_url=base, scopes=FACILITY_SCOPES),
            *logout_routes(sessions=sessions, eid=eid, logout_tokens=logout_tokens, client_jwks=config.public_jwks),
            *plain_routes(
                custodian=custodian,
                registry=registry,
                principal_from=backend.principal_from,
                clock=clock,
                ready=mongo.ping,
                turn=partial(allowance.turn, most=MAX_FILES_AT_ONCE),
                spend=allowance.spend,
                largest_file=settings.largest_file,
                public_keys=signer.public_jwks(),
            ),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(RequestLog),
            Middleware(MetricsMiddleware),
            Middleware(MaskBugs),
        ],
        exception_handlers={
            Unauthenticated: here(unauthenticated),
            EhbError: here(problem),
            HTTPException: here(refused_by_routing),
        },
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
            await seals.seal(at_least=timedelta(seconds=SEAL_EVERY))
        except EhbError as error:
            log.warning("sealing the trail failed, trying again", code=error.code)


def _door(mongo: Mongo, keys: Keys, clock: Callable[[], datetime], assurance: Assurance = USUAL) -> Custodian:
    return Custodian(Store(mongo, Vault(keys), code_lists()), clock, assurance)


def connected(settings: Settings) -> Mongo:
    """The database of the settings. Raises Misconfigured when they name none."""
    if settings.mongo_uri is None:
        raise Misconfigured(vi="Thiếu EHB_MONGO_URI.", en="EHB_MONGO_URI is not set: it names the MongoDB replica set.")
    return connect(settings.mongo_uri.get_secret_value(), settings.database)


def eid_config(settings: Settings) -> EidConfig:
    """The eID provider as `auth` knows it. Raises Misconfigured for settings that contradict each other."""
    eid = settings.eid
    if settings.step_up_level > max(eid.default_level, *eid.level_map.values()):
        raise Misconfigured(
            vi="EHB_STEP_UP_LEVEL cao hơn mọi mức trong EHB_EID__LEVEL_MAP: không ai cho phép ai được.",
            en="EHB_STEP_UP_LEVEL is above every level of EHB_EID__LEVEL_MAP: nobody could ever give a consent.",
        )
    return EidConfig(
        issuer=eid.issuer,
        client_id=eid.client_id,
        profile=Profile(eid.profile),
        client_keys=load_keys(eid.keys_file) if eid.keys_file else (),
        logged_out_url=f"{settings.base_url.rstrip('/')}/auth/logged-out",
        client_secret=eid.client_secret.get_secret_value() if eid.client_secret else None,
        callback_url=f"{settings.base_url.rstrip('/')}/auth/callback",
        scope=eid.scope,
        national_id_claim=eid.national_id_claim,
        old_national_id_claim=eid.old_national_id_claim,
        name_claim=eid.name_claim,
        birth_date_claim=eid.birth_date_claim,
        level_claim=eid.level_claim,
        level_map=eid.level_map,
        usual_level=settings.read_level,
        default_level=eid.default_level,
        id_token_algs=eid.id_token_algs,
        allow_http=eid.allow_http,
    )


def outside(settings: Settings) -> Outside:
    """Where keys of facilities may be fetched from. Raises Misconfigured for certificates that cannot be read."""
    tls = None
    if settings.facility_keys_ca is not None:
        try:
            tls = ssl.create_default_context(cafile=settings.facility_keys_ca)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                vi="Không đọc được EHB_FACILITY_KEYS_CA.", en="EHB_FACILITY_KEYS_CA is no readable PEM file."
            ) from error
    return Outside(settings.facility_keys_networks, tls)


async def _nobody() -> None:
    """Whoever nobody is may still be nobody."""
