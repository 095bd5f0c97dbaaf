"""What `rowlock up` prints when it is ready: where to look, how to get in, and a request to paste."""

from __future__ import annotations

import json
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

import rowlock
from rowlock.cli.startup.readiness import reachable_host

ANY_KEY = "KEY"  # a word for people to put theirs in its place


@dataclass(frozen=True)
class Welcome:
    """`key` is None unless it has been made just now; `example` says whether the example application runs."""

    url: str
    psql: str
    key: str | None
    example: bool

    def text(self) -> str:
        return "\n".join(
            [
                "",
                "rowlock is ready.",
                "",
                f"  Page      {self.url}/",
                f"  API docs  {self.url}/docs",
                f"  SQL       {self.psql}",
                *self._access(),
                "",
                "Try it:" if self.key else f"Try it, with your key in the place of {ANY_KEY}:",
                "",
                *self._request(),
                "",
                "Ctrl-C stops everything; `rowlock up` then goes on where it was.",
                "",
            ]
        )

    def document(self) -> dict[str, object]:
        """The same for programs."""
        return {"url": self.url, "docs_url": f"{self.url}/docs", "psql": self.psql, "api_key": self.key}

    def _access(self) -> list[str]:
        if self.key:
            return [f"  API key   {self.key}", "            (shown this once; it may do everything)"]
        return ["  API key   the one you have, or another: rowlock keys create --name NAME"]

    def _request(self) -> list[str]:
        bearer = f"Authorization: Bearer {self.key or ANY_KEY}"
        lines = [f"  curl -s {shlex.quote(f'{self.url}/v1/tasks')} \\", f"    -H {shlex.quote(bearer)}"]
        if self.example:
            root, out = Path(rowlock.__file__).parent, Path(tempfile.gettempdir(), "rowlock-archive")
            payload = json.dumps({"root": str(root), "out": str(out)})
            task = f'{{"name": "archive.tree", "payload":\n        {payload}}}'
            lines[-1] += " \\"
            lines += ["    -H 'Content-Type: application/json' \\", f"    -d {shlex.quote(task)}"]
        return lines


def base_url(host: str, port: int) -> str:
    """The API's address as a browser on this machine needs it."""
    reachable = reachable_host(host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
