"""The application that a command is given as MODULE:app."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rowlock.client import Rowlock


def load_application(spec: str) -> Rowlock:
    """The application. One that cannot be imported now cannot be in a moment: that is a setting's fault."""
    from rowlock.client import load_app
    from rowlock.domain.errors import ConfigurationError, RowlockError

    try:
        return load_app(spec)
    except RowlockError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines() or ["no reason given"]
        raise ConfigurationError(
            f"The application {spec!r} cannot be imported ({type(error).__name__}: {said[0]}). --debug shows where."
        ) from error
