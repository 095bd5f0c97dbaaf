"""One call of a command: the flags that every command takes, the settings they lead to, and the way to answer.

`@command(group, "name")` registers a function whose first parameter is the `Call`. The common flags may stand
before the command too (`rowlock --schema jobs tasks list`); those behind it count more.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rowlock.config import Settings
    from rowlock.store.database import Database

T = TypeVar("T")
WHERE: dict[str, Any] = {
    "database_url": Annotated[str | None, typer.Option("--database-url", metavar="URL", help="PostgreSQL to use.")],
    "data_dir": Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Home of the embedded PostgreSQL.")
    ],
    "schema": Annotated[
        str | None, typer.Option("--schema", metavar="NAME", help="Database schema of the installation.")
    ],
    "tenant": Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Tenant to act for.")],
}
HOW: dict[str, Any] = {
    "json": Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show tracebacks.")],
}
COMMON = {**WHERE, **HOW}


@dataclass(frozen=True)
class Call:
    """What a command needs to know of how it was called."""

    flags: Mapping[str, Any]  # settings given as flags; None where they were not
    json: bool
    extra: tuple[str, ...] = ()  # arguments that the command passes on

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises `ConfigurationError`."""
        return self.settings_with()

    def settings_with(self, **flags: Any) -> Settings:
        """The settings with further flags of the command."""
        from rowlock.config import load_settings

        return load_settings(**{**self.flags, **flags})

    @staticmethod
    def given(flags: Mapping[str, Any]) -> set[str]:
        """Names of the settings among flags that were given."""
        return {"schema_" if name == "schema" else name for name, value in flags.items() if value is not None}

    def settings_for(self, process: str, **flags: Any) -> Settings:
        """The settings of a server, whose logging is set up by them."""
        from rowlock.telemetry.logs import configure_logging

        settings = self.settings_with(**flags)
        configure_logging(format=settings.log_format, level=settings.log_level, process=process)
        return settings

    @cached_property
    def tenant(self) -> str:
        return self.settings.tenant

    @cached_property
    def actor(self) -> str:
        """Who acts, as the audit log has it."""
        from rowlock.engine.actors import acting_account

        return acting_account("cli").name

    def on_database(
        self, work: Callable[[Database], Awaitable[T]], *, reached: bool = True, settings: Settings | None = None
    ) -> T:
        """Runs `work` with the installation's database, opened and closed around it; that of other settings if given.

        With `reached` a database that cannot be reached is told at once, and with the reason, which a pool keeps.
        """
        import asyncio

        from rowlock.store.database import Database

        async def run() -> T:
            chosen = settings or self.settings
            database = Database(chosen.model_copy(update={"pool_min": 0}), name="rowlock cli")
            if reached:
                await (await database.own_link("check")).close()
            async with database:
                return await work(database)

        return asyncio.run(run())

    def answer(self, document: object, people: Callable[[], RenderableType | str]) -> None:
        """Prints the document with `--json`, and what people read without."""
        from rowlock.cli.output import print_json, show

        if self.json:
            print_json(document)
        else:
            show(people())


def command(group: typer.Typer, name: str, **options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function of a `Call` and its own parameters as a command that takes the common flags too."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def run(context: typer.Context, common: dict[str, Any], own: dict[str, Any]) -> None:
            before = context.find_root().obj or {}
            given = {name: before.get(name) if value in (None, False) else value for name, value in common.items()}
            flags = {name: given[name] for name in WHERE}
            function(Call(flags=flags, json=bool(given["json"]), extra=tuple(context.args)), **own)

        group.command(name, help=inspect.getdoc(function), **options)(_taking_common_flags(function, run))
        return function

    return register


def root(group: typer.Typer) -> Callable[[Callable[..., None]], None]:
    """Registers the function that runs before every command; the common flags given there are kept for it."""

    def register(function: Callable[..., None]) -> None:
        def run(context: typer.Context, common: dict[str, Any], own: dict[str, Any]) -> None:
            context.obj = common
            function(None, **own)

        group.callback()(_taking_common_flags(function, run))

    return register


def _taking_common_flags(
    function: Callable[..., None], run: Callable[[typer.Context, dict[str, Any], dict[str, Any]], None]
) -> Callable[..., None]:
    """A function as typer reads it: the parameters of `function` behind its first, then the common flags."""
    hints = get_type_hints(function, include_extras=True)
    own = [each.replace(annotation=hints[each.name]) for each in inspect.signature(function).parameters.values()][1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [
        inspect.Parameter(name, keyword, annotation=annotation, default=False if name in HOW else None)
        for name, annotation in COMMON.items()
    ]
    context = inspect.Parameter("context", keyword, annotation=typer.Context)

    @functools.wraps(function)
    def taking(**given: Any) -> None:
        run(given.pop("context"), {name: given.pop(name) for name in COMMON}, given)

    parameters = [context, *(each.replace(kind=keyword) for each in own), *common]
    del taking.__wrapped__  # or its signature would be read instead
    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking.__annotations__ = {each.name: each.annotation for each in parameters}
    return taking
