"""`rowlock up` from its first step to its last."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.startup.embedded import EmbeddedDatabase
from rowlock.cli.startup.example import example_app
from rowlock.cli.startup.installation import bring_schema_to_head, first_key
from rowlock.cli.startup.places import DataDirectory, free_port
from rowlock.cli.startup.progress import Progress
from rowlock.cli.startup.readiness import wait_until_ready
from rowlock.cli.startup.welcome import Welcome, base_url
from rowlock.cli.supervision.child import ChildSpec
from rowlock.cli.supervision.environment import PLACE, child_environment
from rowlock.cli.supervision.signals import listen_for_signals
from rowlock.cli.supervision.supervisor import Supervisor, grace_seconds
from rowlock.cli.values import shown_url
from rowlock.config import Settings, default_data_dir

READY_SECONDS = 120.0


def children(settings: Settings, worker: str, environment: dict[str, str]) -> list[ChildSpec]:
    """What is run: the API, a scheduler, and a worker of that application in that environment."""
    address = ["--host", settings.host, "--port", str(settings.port)]
    return [
        ChildSpec("api", ["api", *address], child_environment(settings)),
        ChildSpec("scheduler", ["scheduler"], child_environment(settings)),
        # Wherever the application works otherwise, here it works beside the others.
        ChildSpec("worker", ["worker", worker], child_environment(settings, position=1, given=PLACE) | environment),
    ]


@dataclass
class Run:
    """One run of `rowlock up`. `app` is None for the example application."""

    settings: Settings
    app: str | None
    progress: Progress
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    supervising: bool = False

    async def to_the_end(self) -> int:
        """Starts everything, supervises it, and ends it in the reverse order. The exit code."""
        listen_for_signals(self.stop, on_first=self._say_stopping, on_second=self._make_haste)
        worker, environment = self._worker()
        async with AsyncExitStack() as ending:
            directory = await self._claim_directory(ending)
            port = free_port(self.settings.host, self.settings.port)
            server = await self._start_server(directory, ending)
            settings = self.settings.model_copy(
                update={"port": port, "database_url": server.url if server else self.settings.database_url}
            )
            welcome = await self._prepare(settings, server)
            if welcome is None:
                return ExitCode.DONE
            return await self._supervise(children(settings, worker, environment), directory, server, welcome)
        return ExitCode.DONE

    async def _claim_directory(self, ending: AsyncExitStack) -> DataDirectory | None:
        """The data directory, ours alone; None where a database is configured and none is needed."""
        if self.settings.database_url:
            return None
        directory = DataDirectory(self.settings.data_dir or default_data_dir())
        ending.callback(directory.release)
        directory.claim()
        patience = grace_seconds(self.settings.drain_seconds, self.settings.force_seconds)
        if not await directory.wait_for_former_children(patience, self.stop, self._say_waiting):
            self.progress.say("Processes of an earlier run are still there; going on beside them.")
        return directory

    async def _start_server(self, directory: DataDirectory | None, ending: AsyncExitStack) -> EmbeddedDatabase | None:
        if directory is None or self.stop.is_set():
            return None
        server = EmbeddedDatabase(directory.folder, self.progress)
        ending.push_async_callback(server.stop)
        await server.start()
        return server

    async def _prepare(self, settings: Settings, server: EmbeddedDatabase | None) -> Welcome | None:
        """Schema and key; None where we were told to stop meanwhile."""
        url = settings.database_url
        if url is None or self.stop.is_set():
            return None
        await bring_schema_to_head(url, settings, self.progress)
        if self.stop.is_set():
            return None
        return Welcome(
            url=base_url(settings.host, settings.port),
            psql=server.psql_command if server else f"psql {shown_url(url)}",
            key=await first_key(url, settings),
            example=self.app is None,
        )

    async def _supervise(
        self,
        specs: list[ChildSpec],
        directory: DataDirectory | None,
        server: EmbeddedDatabase | None,
        welcome: Welcome,
    ) -> int:
        supervisor = Supervisor(
            specs,
            drain_seconds=self.settings.drain_seconds,
            force_seconds=self.settings.force_seconds,
            log_format=self.settings.log_format,
            tell=self.progress.say,
            output=self.progress.stream,  # what handlers print must not get into the document either
            inherited=directory.inherited if directory else (),
        )
        children_gone = asyncio.Event()
        self.supervising = True
        async with asyncio.TaskGroup() as group:
            group.create_task(self._greet_when_ready(welcome))
            if server:
                group.create_task(server.keep(children_gone))
            code = await supervisor.run(self.stop, self.hurry)
            children_gone.set()
        return code

    async def _greet_when_ready(self, welcome: Welcome) -> None:
        if await wait_until_ready(welcome.url, self.stop, within_seconds=READY_SECONDS):
            if self.progress.json:
                self.progress.document(welcome.document())
            else:
                self.progress.say(welcome.text())
        elif not self.stop.is_set():
            self.progress.say(
                f"The API is not ready after {READY_SECONDS:g} s; its log above says why. It goes on trying."
            )

    def _worker(self) -> tuple[str, dict[str, str]]:
        """The worker's application, and what its environment needs to find it."""
        if self.app is not None:
            return self.app, {}
        example = example_app()
        if example.folder is None:
            return example.spec, {}
        paths = [str(example.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return example.spec, {"PYTHONPATH": os.pathsep.join(paths)}

    def _say_stopping(self) -> None:
        if self.supervising:
            seconds = self.settings.drain_seconds
            self.progress.say(
                f"\nStopping: running tasks have {seconds:g} s to finish; Ctrl-C again ends them at once."
            )
        else:
            self.progress.say("\nStopping after this step; Ctrl-C again leaves at once.")

    def _make_haste(self) -> None:
        self.hurry.set()
        if not self.supervising:
            self.progress.say("Leaving at once. If PostgreSQL runs by now, the next `rowlock up` takes it over.")
            os._exit(ExitCode.INTERRUPTED)  # a step runs in a thread, which nothing else ends

    def _say_waiting(self) -> None:
        self.progress.say("Processes of an earlier run are finishing their work; waiting for them.")
