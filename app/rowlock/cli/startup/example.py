"""Where the example application is: inside the installed package, or in the repository that `app/rowlock` lies in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rowlock.domain.errors import ConfigurationError


@dataclass(frozen=True)
class ExampleApp:
    """How a worker names it; `folder` must be on Python's path for that, unless it is None."""

    spec: str
    folder: Path | None


def example_app() -> ExampleApp:
    """The archive example. Raises `ConfigurationError` where this installation has none."""
    package = Path(__file__).resolve().parents[2]
    if (package / "examples" / "archive").is_dir():
        return ExampleApp("rowlock.examples.archive:app", None)
    repository = package.parents[1]
    if (repository / "examples" / "archive").is_dir():
        return ExampleApp("examples.archive:app", repository)
    raise ConfigurationError("This installation has no example handlers: name your application with --app MODULE:app.")
