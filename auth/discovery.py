"""What a client needs to know of us, told twice: SMART App Launch section 8.1 and RFC 8414, the same document.

The one invariant: it names what we do, and nothing that we do not.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth import clients, dpop, exchange


def discovery_routes(*, base_url: str, scopes: tuple[str, ...]) -> list[Route]:
    """The routes of this module. `base_url` is our own origin, without a slash at its end; it is also our issuer."""
    document = {
        "issuer": base_url,
        "authorization_endpoint": f"{base_url}/auth/login",
        "token_endpoint": f"{base_url}/auth/token",
        "revocation_endpoint": f"{base_url}/auth/revoke",
        "jwks_uri": f"{base_url}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", exchange.GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(clients.ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": list(clients.ALGORITHMS),
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": list(scopes),
        "capabilities": ["client-public", "client-confidential-asymmetric", "permission-v2"],
    }

    async def metadata(_: Request) -> Response:
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})

    return [
        Route("/.well-known/smart-configuration", metadata, methods=["GET"]),
        Route("/.well-known/oauth-authorization-server", metadata, methods=["GET"]),
    ]
