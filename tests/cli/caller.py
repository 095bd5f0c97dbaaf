"""Calling `rowlock` inside the test's own process, as typer's runner does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from rowlock.cli.program import program


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)


class Caller:
    """`cli("tasks", "list")`; the environment is the caller's, on top of the test's."""

    def __init__(self, environment: Mapping[str, str | None]) -> None:
        self.environment = environment

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Answer:
        result = CliRunner(env=self.environment).invoke(program, list(arguments), input=stdin, prog_name="rowlock")
        return Answer(result.exit_code, result.stdout, result.stderr)

    def json(self, *arguments: str, stdin: bytes | None = None) -> Any:
        """The document of a command that succeeds."""
        answer = self(*arguments, "--json", stdin=stdin)
        assert answer.code == 0, answer.err
        return answer.json
