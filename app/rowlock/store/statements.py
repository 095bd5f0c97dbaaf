"""The SQL of rowlock, read from files: one statement a file, written for schema `rowlock`, rendered for any other."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_QUALIFIER = re.compile(r"\browlock\.")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_ROLE = re.compile(r"\browlock_operator\b")


def render(sql: str, schema: str) -> str:
    """`sql` with the schema `rowlock` replaced by `schema`, which the settings hold to a plain identifier."""
    named = sql.replace("@schema@", schema)
    if schema == "rowlock":
        return named
    return _ROLE.sub(f"{schema}_operator", _QUALIFIER.sub(f'"{schema}".', named))


class Statement(str):
    """SQL with named placeholders, as psycopg's cursors take it; and `numbered`, as PostgreSQL prepares it, with the
    parameters' `names` in the order of their numbers."""

    names: tuple[str, ...]
    numbered: bytes

    def __new__(cls, sql: str) -> Statement:
        made = super().__new__(cls, sql)
        made.names = tuple(dict.fromkeys(_PLACEHOLDER.findall(sql)))
        numbers = {name: f"${number}" for number, name in enumerate(made.names, 1)}
        numbered = _PLACEHOLDER.sub(lambda placeholder: numbers[placeholder[1]], sql)
        made.numbered = (numbered.replace("%%", "%") if numbers else numbered).encode()
        return made


@cache
def statement(name: str, schema: str = "rowlock") -> Statement:
    """The statement in `sql/<name>.sql`, rendered for `schema`. Comments stay: they are its documentation."""
    return Statement(render(files("rowlock.sql").joinpath(f"{name}.sql").read_text("utf-8"), schema))


def statement_names() -> list[str]:
    """Names of all statements, sorted."""
    return sorted(f.name.removesuffix(".sql") for f in files("rowlock.sql").iterdir() if f.name.endswith(".sql"))
