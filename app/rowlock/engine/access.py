"""Who may do what: API keys are made, listed, revoked, and recognised.

A key reads `rlk_<id>_<secret>`. The id is public and names it in lists, logs and the audit log; of the whole only a
SHA-256 is stored, which is enough for a secret of 256 random bits. A `KeyRing` remembers valid keys for a moment, so
that a request does not cost a query: a key revoked in the same process is forgotten by all rings at once, one that was
revoked elsewhere, or expired, within `REMEMBERED_SECONDS`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from weakref import WeakSet

from rowlock.domain import bounds
from rowlock.domain.errors import (
    DatabaseUnavailable,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    Unauthenticated,
)
from rowlock.store import access
from rowlock.store.access import KeyRecord
from rowlock.store.database import Database
from rowlock.store.operations import Actor
from rowlock.store.reading import Reading
from rowlock.telemetry.logs import get_logger

SCOPES = ("read", "write", "admin")  # each includes those before it
REMEMBERED_SECONDS = 1.5
REMEMBERED_KEYS = 10_000
MAX_KEY_NAME = 100
LONGEST_KEY = 200
TOUCH_EVERY = timedelta(minutes=1)

_ALPHABET = string.ascii_letters + string.digits
_SECRET_CHARS = 43  # 62^43 > 2^256
_log = get_logger("rowlock.access")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a key stands for."""

    key_id: str
    tenant_id: str
    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether one of its scopes is, or includes, `scope`."""
        return not self.scopes.isdisjoint(SCOPES[SCOPES.index(scope) :])

    def actor(self, request_id: str | None = None) -> Actor:
        """The key as the audit log names it."""
        return Actor(f"key:{self.key_id}", request_id)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `key` is shown this once and cannot be had again."""

    id: str
    key: str = field(repr=False)
    tenant_id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None


async def create_key(
    database: Database,
    tenant_id: str,
    name: str,
    scopes: Sequence[str],
    actor: str | Actor,
    *,
    expires_at: datetime | None = None,
) -> NewKey:
    """Makes a key for a tenant. Raises `InvalidArgument` for a bad name, scope, tenant or date."""
    scopes = _checked_scopes(scopes)
    _check_name(name)
    if expires_at is not None:
        expires_at = bounds.check_run_at(expires_at, field="expires_at")
    key_id = secrets.token_hex(6)
    key = f"rlk_{key_id}_{''.join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARS))}"
    made = await access.insert_key(
        database,
        bounds.check_tenant(tenant_id),
        key_id=key_id,
        key_hash=_hash(key),
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        actor=_as_actor(actor),
    )
    return NewKey(key_id, key, made.tenant_id, name, made.scopes, made.created_at, made.expires_at)


async def list_keys(database: Database, tenant_id: str | None, *, past: str = "", limit: int = 100) -> list[KeyRecord]:
    """Keys in order of their ids, from beyond `past`. Without a tenant those of all, for operators."""
    return await access.list_keys(Reading(database), tenant_id, past=past, limit=limit)


async def revoke_key(database: Database, tenant_id: str | None, key_id: str, actor: str | Actor) -> KeyRecord:
    """Revokes a key for good; once more is fine. Raises `NotFound`, also for another tenant's."""
    revoked = await access.revoke_key(database, tenant_id, key_id, _as_actor(actor))
    if revoked is None:
        raise NotFound(f"There is no key {bounds.shown(key_id)}.")
    for ring in _rings:
        ring.forget(key_id)
    return revoked


async def authenticate(database: Database, presented: str) -> Principal:
    """Whom the key stands for; `Unauthenticated` for one that is malformed, unknown, revoked or expired."""
    return _principal(await _recognised(database, presented))


class KeyRing:
    """Recognises keys, and remembers valid ones for a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, bytes, Principal]] = {}
        self._revocations = 0
        _rings.add(self)

    async def authenticate(self, presented: str) -> Principal:
        """As the function of that name."""
        known = self._known.get(_key_id(presented))
        if known is not None and known[0] > time.monotonic():
            if hmac.compare_digest(known[1], _hash(presented)):
                return known[2]
            raise _refusal()
        until, revocations = time.monotonic() + REMEMBERED_SECONDS, self._revocations
        record = await _recognised(self._database, presented)
        principal = _principal(record)
        if revocations == self._revocations:  # else it may be this key that was revoked meanwhile
            if len(self._known) >= REMEMBERED_KEYS:
                self._known.clear()
            self._known[record.id] = (until, record.key_hash, principal)
        return principal

    def forget(self, key_id: str) -> None:
        """Asks the database again with the next use of the key."""
        self._revocations += 1
        self._known.pop(key_id, None)


_rings: WeakSet[KeyRing] = WeakSet()


async def _recognised(database: Database, presented: str) -> KeyRecord:
    record = await access.get_key(Reading(database), _key_id(presented))
    # The hash is compared for an unknown key as well, so that time tells nothing.
    right = hmac.compare_digest(record.key_hash if record else bytes(32), _hash(presented))
    if record is None or not right or not record.valid:
        raise _refusal()
    await _touch(database, record)
    return record


async def _touch(database: Database, record: KeyRecord) -> None:
    if record.last_used_at and datetime.now(UTC) - record.last_used_at < TOUCH_EVERY:
        return  # only a hint from this machine's clock: the statement decides by the database's
    try:
        await access.touch_key(database, record.id)
    except (DatabaseUnavailable, OutcomeUnknown) as error:
        _log.warning("The last use of a key could not be noted.", key_id=record.id, error=str(error))


def _principal(record: KeyRecord) -> Principal:
    return Principal(record.id, record.tenant_id, record.name, frozenset(record.scopes))


def _key_id(presented: str) -> str:
    """The public part, or a refusal where `presented` does not read like a key."""
    kind, _, rest = presented.partition("_")
    key_id, separator, secret = rest.partition("_")
    if kind != "rlk" or not separator or not secret or len(presented) > LONGEST_KEY:
        raise _refusal()
    if not (presented.isascii() and key_id.isalnum()):
        raise _refusal()
    return key_id


def _refusal() -> Unauthenticated:
    return Unauthenticated("The API key is unknown, revoked or expired. Make one with `rowlock keys create`.")


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _as_actor(actor: str | Actor) -> Actor:
    return Actor(actor) if isinstance(actor, str) else actor


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_KEY_NAME or name != bounds.storable_text(name):
        raise InvalidArgument(
            f"The field name is {bounds.shown(name)}, but must be 1 to {MAX_KEY_NAME} characters of text.",
            field="name",
        )


def _checked_scopes(scopes: Sequence[str]) -> list[str]:
    """Each once, in the order of their strength."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if isinstance(scopes, str) or unknown or not scopes:
        raise InvalidArgument(
            f"The scopes {bounds.shown(scopes)} must be one or more of {', '.join(SCOPES)}.",
            field="scopes",
        )
    return [scope for scope in SCOPES if scope in scopes]
