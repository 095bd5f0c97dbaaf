"""Running a page's blocks, one after the other, as a reader would who works through it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import linecache
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from sqlalchemy import Engine
from tests.docs.pages import REPOSITORY, Block, Page

from rowlock import Rowlock
from rowlock.store.embedded_binaries import find_binaries
from rowlock.worker import run_worker

DOCUMENTED_URL = "http://127.0.0.1:8642"
MODULE = "shop"  # what a page's Python is a part of
SECONDS = 50


@dataclass
class Reader:
    """Somebody who follows a page in a folder of their own, with an installation at hand."""

    folder: Path
    database_url: str
    api_url: str | None = None
    api_key: str | None = None
    says_where: bool = True  # by ROWLOCK_DATABASE_URL; else the database is the embedded server of their folder
    module: ModuleType = field(default_factory=lambda: ModuleType(MODULE))
    printed: str = ""
    _background: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Runs every block; fails with the place of the one that does not work."""
        self._furnish()
        with self._environment(), asyncio.Runner() as runner:
            try:
                for block in page.blocks:
                    self._run(block, runner)
            finally:
                runner.run(self._close_what_is_open())
                self._end_background()

    def _run(self, block: Block, runner: asyncio.Runner) -> None:
        if "skip" in block.options or not shutil.which(block.options.get("needs", "sh")):
            return
        if "file" in block.options:
            file = self.folder / block.options["file"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)
            return
        if "output" in block.options:
            self._compare(block)
            return
        match block.language:
            case "python":
                self.printed = runner.run(self._python(block))
            case "sh":
                self.printed = self._shell(block)
            case "sql":
                self.printed = self._sql(block)

    # -- Python

    async def _python(self, block: Block) -> str:
        """In the page's one module; `await` at the top is fine, as in `python -m asyncio`."""
        filename = f"<{block.place}>"
        linecache.cache[filename] = (len(block.text), None, block.text.splitlines(keepends=True), filename)
        code = compile(block.text, filename, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            async with self._worker(block), asyncio.timeout(SECONDS):
                if code.co_flags & inspect.CO_COROUTINE:
                    await eval(code, vars(self.module))
                else:
                    await asyncio.to_thread(exec, code, vars(self.module))
        return out.getvalue()

    @asynccontextmanager
    async def _worker(self, block: Block) -> AsyncIterator[None]:
        """A worker of the application that the block names, if it names one."""
        if "worker" not in block.options:
            yield
            return
        app, stop = vars(self.module)[block.options["worker"]], asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(run_worker(app, app.settings, stop=stop))
            try:
                yield
            finally:
                stop.set()

    async def _close_what_is_open(self) -> None:
        for value in list(vars(self.module).values()):
            if isinstance(value, Rowlock):
                await value.close()
            elif isinstance(value, Engine):
                value.dispose()

    # -- commands

    def _shell(self, block: Block) -> str:
        script = block.text.replace(DOCUMENTED_URL, self.api_url or DOCUMENTED_URL)
        command = ["sh", "-eu", "-c", script]
        if "background" in block.options:
            self._background.append(subprocess.Popen(command, cwd=self.folder, start_new_session=True))
            return ""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        wanted = int(block.options.get("fails", 0))
        assert done.returncode == wanted, f"{block.place}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def _sql(self, block: Block) -> str:
        program = shutil.which("psql") or str(find_binaries(18, None).path("psql"))
        command = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", self.database_url]
        done = subprocess.run(
            command, cwd=self.folder, input=block.text, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
        return done.stdout

    def _end_background(self) -> None:
        for program in self._background:
            os.killpg(program.pid, signal.SIGTERM)
        codes = [program.wait(timeout=SECONDS) for program in self._background]
        self._background.clear()
        assert all(code in (0, -signal.SIGTERM) for code in codes), f"background commands ended with {codes}"

    # -- around

    def _furnish(self) -> None:
        """What a reader has in a clone: the environment that `make` made, and the sources."""
        for name, target in ((".venv", Path(sys.prefix)), ("app", REPOSITORY / "app")):
            (self.folder / name).symlink_to(target)

    def _compare(self, block: Block) -> None:
        pattern = re.escape(block.text.strip()).replace("…", ".*?")
        assert re.fullmatch(pattern, self.printed.strip(), re.DOTALL), (
            f"{block.place}: the page says\n\n{block.text}\nand the block before it printed\n\n{self.printed}"
        )

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """The reader's: rowlock on the path, their database, their key, their folder."""
        given = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(REPOSITORY)]),
            **({"ROWLOCK_DATABASE_URL": self.database_url} if self.says_where else {}),
            "ROWLOCK_TEST_DATABASE_URL": self.database_url,
            "KEY": self.api_key or "",
            "ROWLOCK_LOG_LEVEL": "warning",
            "ROWLOCK_PORT": "0",
            "TMPDIR": str(self.folder),
            "COLUMNS": "100",
        }
        before, old_folder = dict(os.environ), Path.cwd()
        os.environ.pop("ROWLOCK_DATABASE_URL", None)
        os.environ.update(given)
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        sys.modules[MODULE] = self.module
        try:
            yield
        finally:
            del sys.modules[MODULE]
            sys.path.remove(str(self.folder))
            os.chdir(old_folder)
            os.environ.clear()
            os.environ.update(before)
