"""The REST API: HTTP in, the engine's calls out. It decides nothing that another entrance would decide otherwise."""

from rowlock.api.app import create_app
from rowlock.api.server import serve

__all__ = ["create_app", "serve"]
