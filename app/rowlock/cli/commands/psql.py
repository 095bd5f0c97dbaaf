"""`rowlock psql`: a prompt on the installation's database."""

from __future__ import annotations

import typer

from rowlock.cli.call import Call, command

EMBEDDED_VERSION = 18


def register(program: typer.Typer) -> None:
    @command(
        program,
        "psql",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def psql(call: Call) -> None:
        """Open psql on the database.

        Its own options may follow, such as -c 'SELECT …'.
        """
        import os
        import shutil
        import sys

        from rowlock.cli.values import split_password
        from rowlock.domain.errors import ConfigurationError
        from rowlock.store.addresses import url_from_settings
        from rowlock.store.embedded_binaries import find_binaries

        url, password = split_password(url_from_settings(call.settings))
        if password is not None:
            os.environ["PGPASSWORD"] = password
        program_path = shutil.which("psql") or str(find_binaries(EMBEDDED_VERSION, None).path("psql"))
        sys.stdout.flush()
        try:
            os.execv(program_path, ["psql", url, *call.extra])
        except OSError as error:
            raise ConfigurationError(f"psql cannot be run from {program_path}: {error.strerror}.") from error
