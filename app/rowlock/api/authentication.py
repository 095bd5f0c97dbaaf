"""Who asks: `Authorization: Bearer rlk_…`. The key names the tenant; routes name the scope they need."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from rowlock.api.services import services_of
from rowlock.domain.errors import Forbidden, Unauthenticated
from rowlock.engine.access import SCOPES, Principal
from rowlock.engine.operate import Actor

BEARER = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="rlk_<id>_<secret>",
    description="An API key. Scopes: `read`, `write` (includes read), `admin` (includes both).",
    auto_error=False,
)


class Requires:
    """Dependency: the principal of the request. 401 without a valid key, 403 where it lacks the scope."""

    def __init__(self, scope: str) -> None:
        assert scope in SCOPES
        self.scope = scope

    async def __call__(
        self,
        request: Request,
        presented: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None,
    ) -> Principal:
        if presented is None:
            raise Unauthenticated("This needs an API key: send the header `Authorization: Bearer rlk_…`.")
        principal = await services_of(request).keys.authenticate(presented.credentials)
        request.scope["rowlock.principal"] = principal
        if not principal.may(self.scope):
            raise Forbidden(f"This needs the scope {self.scope!r}, which key {principal.key_id} does not have.")
        return principal


_writes = Requires("write")

Reader = Annotated[Principal, Depends(Requires("read"))]
Writer = Annotated[Principal, Depends(_writes)]
Admin = Annotated[Principal, Depends(Requires("admin"))]

# For routes that ask nothing else of the principal.
READERS_ONLY = Depends(Requires("read"))
ADMINS_ONLY = Depends(Requires("admin"))


async def writer_of(request: Request) -> Principal:
    """The principal that `Writer` is, for routes that ask for it themselves."""
    return await _writes(request, await BEARER(request))


def acting(request: Request, principal: Principal) -> Actor:
    """The key and the request as the audit log names them."""
    return principal.actor(request.scope.get("rowlock.request_id"))
