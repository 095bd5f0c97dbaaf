"""The settings, one frozen object: flags beat the environment, which beats `[tool.rowlock]` in `pyproject.toml`.

Each field's description is its documentation; `docs/configuration.md` holds the table made from them.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rowlock.domain.bounds import check_tenant
from rowlock.domain.errors import ConfigurationError

SCHEMA_PATTERN = r"^[a-z_][a-z0-9_]{0,47}$"


class Settings(BaseSettings):
    """All settings of every rowlock process. Durations are in the unit their name ends in."""

    model_config = SettingsConfigDict(env_prefix="ROWLOCK_", frozen=True, extra="forbid")

    database_url: str | None = Field(
        None,
        description="PostgreSQL to use (`postgresql://…`). Without it: the embedded server of `data_dir`.",
    )
    data_dir: Path | None = Field(
        None,
        description="Home of the embedded server. Default: `.rowlock` beside `pyproject.toml`, else the user's own.",
    )
    schema_: str = Field(
        "rowlock",
        alias="ROWLOCK_SCHEMA",
        pattern=SCHEMA_PATTERN,
        description="Database schema that holds the installation.",
    )
    tenant: str = Field("default", description="Tenant that Python and the CLI act for.")
    strict: bool = Field(
        False,
        description="Whether REST, the command line, MCP and schedules of a handler's name refuse handlers that no "
        "worker has registered and queues that nobody has declared. What Python and SQL enqueue is not held to it.",
    )

    lease_seconds: float = Field(
        30, ge=1, le=86_400, description="How long a lease (visibility timeout) lasts before it must be renewed."
    )
    heartbeat_seconds: float = Field(
        5,
        ge=0.2,
        le=300,
        description="How often a worker writes its own row and renews leases that are a third used up.",
    )
    poll_seconds: float = Field(
        1, ge=0.01, le=60, description="Longest pause between two looks for work when no notification comes."
    )
    lanes_per_scan: int = Field(500, ge=1, le=10_000, description="Lanes found per scan of a queue.")
    lane_refresh_seconds: float = Field(
        0.25, ge=0.01, le=10, description="Age at which a worker's list of lanes is looked up again."
    )
    claim_batch: int = Field(500, ge=1, le=5_000, description="Most tasks one claim takes.")
    finish_batch: int = Field(500, ge=1, le=5_000, description="Most outcomes one statement writes.")
    concurrency: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Tasks that one worker process runs at once. Of those that need a thread or a child process, no "
        "more than there are of these.",
    )
    claim_ahead_seconds: float = Field(
        0.02,
        ge=0,
        le=1,
        description="A worker also claims what it will have begun within so long, by its present pace. 0: nothing.",
    )
    threads: int = Field(
        16, ge=1, le=1_000, description="Threads for `def` handlers in one worker process, and as many for plain steps."
    )
    child_processes: int = Field(2, ge=1, le=256, description='Child processes for `executor="process"` handlers.')
    drain_seconds: float = Field(
        30, ge=0, le=86_400, description="How long a stopping worker lets its tasks finish before it gives them back."
    )
    cancel_grace_seconds: float = Field(
        10,
        ge=0,
        le=86_400,
        description="How long the handler of a cancelled task may take to obey before it is stopped.",
    )
    force_seconds: float = Field(
        5,
        ge=0,
        le=3_600,
        description="How long an async handler may go on after it was cancelled, and a thread after its worker has "
        "told it to stop, before the attempt ends without it.",
    )
    log_format: Literal["console", "json"] | None = Field(
        None, description="`console` or `json`. Default: console on a terminal, else JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Port on which workers and schedulers serve `/metrics`, and the first of those on which several "
        "API processes do (a single one does on its own).",
    )
    metrics_host: str = Field(
        "0.0.0.0",
        description="Address on which workers and schedulers serve `/metrics`: by default all of the machine's. API "
        "processes serve theirs on `host`.",
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8642, ge=0, le=65_535, description="Port the API listens on.")
    max_body_bytes: int = Field(8_388_608, ge=1_024, le=268_435_456, description="Largest REST request body.")
    max_payload_bytes: int = Field(1_048_576, ge=64, le=67_108_864, description="Largest payload, as JSON text.")
    max_result_bytes: int = Field(1_048_576, ge=64, le=67_108_864, description="Largest result, as JSON text.")
    max_step_bytes: int = Field(
        262_144, ge=64, le=67_108_864, description="Largest result of a durable step, as JSON text."
    )
    step_retention_days: int = Field(
        7,
        ge=1,
        le=365,
        description="Days that results of durable steps are kept; those of tasks that may still run stay longer.",
    )
    max_batch: int = Field(1_000, ge=1, le=100_000, description="Most tasks in one REST batch.")
    pool_min: int = Field(1, ge=0, le=100, description="Connections a pool keeps open.")
    pool_max: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Connections a pool opens at most. A process has one pool (a worker one for its handlers, and a "
        "small one for itself), and another for synchronous code.",
    )
    connect_seconds: float = Field(
        5, ge=0.1, le=120, description="How long opening a connection, or waiting for a free one, may take."
    )
    idempotency_hours: float = Field(24, ge=0.01, le=8_760, description="How long an idempotency key names its task.")
    sync_schedules: bool = Field(
        True, description="Whether a starting worker brings its application's schedules to what the code declares."
    )
    scheduler_tick_seconds: float = Field(1, ge=0.05, le=60, description="How often the leader looks for due windows.")
    election_seconds: float = Field(2, ge=0.1, le=60, description="How often a standby asks for the leader's lock.")
    partitions_ahead_days: int = Field(
        14, ge=2, le=365, description="Days of partitions that maintenance keeps ready beyond the longest retention."
    )
    maintenance_seconds: float = Field(
        3_600, ge=1, le=86_400, description="How often the leader makes and drops partitions."
    )

    @field_validator("database_url")
    @classmethod
    def _must_be_postgresql(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.partition("+")[0] not in {"postgresql", "postgres"}:
            raise ValueError("must start with postgresql://")
        return f"postgresql://{rest}"

    @field_validator("tenant")
    @classmethod
    def _must_be_a_tenant(cls, tenant: str) -> str:
        return check_tenant(tenant)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class fixes the signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _PyprojectSource(settings_cls))


class _PyprojectSource(PydanticBaseSettingsSource):
    """`[tool.rowlock]` of the nearest `pyproject.toml`, looked for upwards from the working folder."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - abstract
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        home = project_folder(Path.cwd())
        if home is None:
            return {}
        table = _read_toml(home / "pyproject.toml").get("tool", {}).get("rowlock", {})
        given = {"ROWLOCK_SCHEMA" if name == "schema" else name: value for name, value in table.items()}
        data_dir = given.get("data_dir")
        if isinstance(data_dir, str) and not data_dir.startswith("~"):
            given["data_dir"] = home / data_dir  # a file's paths are its folder's, wherever it is found from
        return given


def _read_toml(path: Path) -> dict[str, Any]:
    """What the file says; `ConfigurationError` says where it cannot be read, for its settings would not be missed."""
    try:
        return _parsed(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        why = f"it is not UTF-8 (at line {error.object[: error.start].count(10) + 1})"
    except tomllib.TOMLDecodeError as error:
        why = str(error)
    except OSError as error:
        why = error.strerror or str(error)
    raise ConfigurationError(f"The settings in {path} cannot be read: {why}.")


@lru_cache(maxsize=1)
def _parsed(text: str) -> dict[str, Any]:
    """What a text in TOML says; to be read only. One file's settings are loaded again and again; parsing takes 4 ms."""
    return tomllib.loads(text)


def project_folder(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds a `pyproject.toml`."""
    return next((f for f in (start, *start.parents) if (f / "pyproject.toml").is_file()), None)


def load_settings(**flags: Any) -> Settings:
    """Settings from flags (those not None), environment and pyproject; raises `ConfigurationError` in one sentence, and
    `InvalidArgument` for what no tenant can be called."""
    given = {("ROWLOCK_SCHEMA" if k in {"schema", "schema_"} else k): v for k, v in flags.items() if v is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).removeprefix("ROWLOCK_").lower()
        raise ConfigurationError(f"Setting {name!r} cannot be used: {first['msg'].lower()}.") from error


def default_data_dir(start: Path | None = None) -> Path:
    """Where the embedded server lives when no setting says so."""
    if home := project_folder((start or Path.cwd()).resolve()):
        return home / ".rowlock"
    import platformdirs

    return platformdirs.user_data_path("rowlock")


@cache
def documented_settings() -> tuple[tuple[str, str, str, str], ...]:
    """Rows of the settings table: environment variable, type, default, description."""
    rows = []
    for name, field in Settings.model_fields.items():
        kind = str(field.annotation).replace("typing.", "").replace("<class '", "").replace("'>", "")
        default = "" if field.default is None else str(field.default)
        rows.append((f"ROWLOCK_{name.rstrip('_').upper()}", kind, default, field.description or ""))
    return tuple(rows)
