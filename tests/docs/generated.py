"""The parts of the documentation that are made from the code: settings, routes, problem types, the schema, and from the
figures that the latest run of `make test-faults` left.

They lie in their pages between `<!-- made from NAME -->` and `<!-- end -->`. A test compares them with the code, and
`python -m tests.docs.generated` writes them anew, on a database of its own where the schema is asked for.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.rows import namedtuple_row
from tests.docs import reliability, routes
from tests.docs.markdown import table

from rowlock.api.openapi import known_kinds
from rowlock.api.problems import PROBLEM_BASE
from rowlock.config import documented_settings
from rowlock.domain import errors
from rowlock.domain.errors import ConfigurationError, RowlockError

DOCS = Path(__file__).parents[2] / "docs"
PARTS = {
    "settings": "configuration.md",
    "routes": "reference/rest.md",
    "problems": "reference/problems.md",
    "views": "reference/sql.md",
    "functions": "reference/sql.md",
    "tables": "reference/sql.md",
    "reliability-figures": "reliability.md",
    "reliability-recovery": "reliability.md",
    "reliability-faults": "reliability.md",
}
# What other languages and people call. The rest is rowlock's own and may change.
STABLE_FUNCTIONS = (
    "enqueue", "enqueue_many", "cancel", "redrive", "redrive_dead", "pause_queue", "resume_queue", "explain_task",
    "create_schedule", "change_schedule", "pause_schedule", "resume_schedule", "trigger_schedule", "backfill_schedule",
    "delete_schedule", "make_partitions",
)  # fmt: skip

_RELATIONS = """
SELECT relation.oid::integer AS oid, relation.relname::text AS name, obj_description(relation.oid) AS comment
  FROM pg_class AS relation
 WHERE relation.relnamespace = 'rowlock'::regnamespace AND relation.relkind = ANY (%s) AND NOT relation.relispartition
   AND relation.relname <> 'migrations'
 ORDER BY relation.relname
"""
_COLUMNS = """
SELECT attribute.attname::text AS name, format_type(attribute.atttypid, attribute.atttypmod) AS type,
       col_description(attribute.attrelid, attribute.attnum) AS comment
  FROM pg_attribute AS attribute
 WHERE attribute.attrelid = %s::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
 ORDER BY attribute.attnum
"""
_FUNCTIONS = """
SELECT proname::text AS name, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result,
       obj_description(oid) AS comment
  FROM pg_proc WHERE pronamespace = 'rowlock'::regnamespace AND proname = ANY (%s)
 ORDER BY array_position(%s, proname::text), pronargdefaults DESC
"""


def settings_table() -> str:
    """Every setting, in the order of the code."""
    rows = [
        (f"`{name}`", _type(kind), f"`{_default(default)}`" if default else "–", description)
        for name, kind, default, description in documented_settings()
    ]
    return table(("Variable", "Type", "Default", "Meaning"), rows)


def problems_table() -> str:
    """Every problem type that a REST reply may have."""
    rows = [
        (f'<a id="{kind.problem}"></a>`{kind.problem}`', str(kind.status), _exit_code(kind), _sentences(kind))
        for kind in _problem_kinds()
    ]
    return f"Each `type` is `{PROBLEM_BASE}` and the name.\n\n" + table(
        ("Name", "Status", "Exit code", "Meaning"), rows
    )


def views(connection: psycopg.Connection) -> str:
    """Operators' views with their columns."""
    return _relations(connection, ["v"])


def tables(connection: psycopg.Connection) -> str:
    """Tables with their columns."""
    return _relations(connection, ["r", "p"])


def functions(connection: psycopg.Connection) -> str:
    """Functions for every language."""
    parts = []
    stable = list(STABLE_FUNCTIONS)
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        for found in cursor.execute(_FUNCTIONS, (stable, stable)).fetchall():
            arguments = found.arguments.replace("timestamp with time zone", "timestamptz")
            arguments = re.sub(r"::[a-z]+(\[\])?", "", arguments)
            signature = ",\n    ".join(re.split(r", (?=[a-z\"_]+ )", arguments))
            result = found.result.replace("timestamp with time zone", "timestamptz")
            parts.append(
                f"### {found.name}\n\n{found.comment}\n\n"
                f"```text\nrowlock.{found.name}(\n    {signature}\n) → {result}\n```"
            )
    return "\n\n".join(_told_apart(parts))


WITHOUT_DATABASE: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "routes": routes.tables,
    "problems": problems_table,
    "reliability-figures": reliability.figures_table,
    "reliability-recovery": reliability.recovery_table,
    "reliability-faults": reliability.faults_table,
}


def contents(url: str | None, name: str) -> str:
    """What belongs into one part; `url` is a migrated database, for those that speak of one."""
    if name in WITHOUT_DATABASE:
        return WITHOUT_DATABASE[name]()
    of_schema: dict[str, Callable[[psycopg.Connection], str]] = {
        "views": views, "tables": tables, "functions": functions,
    }  # fmt: skip
    assert url is not None
    with psycopg.connect(url) as connection:
        return of_schema[name](connection)


def written(name: str) -> str:
    """What lies in the page now."""
    match = _part(name).search((DOCS / PARTS[name]).read_text())
    assert match, f"docs/{PARTS[name]} has no part that is made from {name}."
    return match[2].strip()


def write(name: str, content: str) -> None:
    """Replaces the part of the page."""
    page = DOCS / PARTS[name]
    page.write_text(_part(name).sub(lambda match: f"{match[1]}\n\n{content}\n\n{match[3]}", page.read_text()))


def _part(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- made from {name} -->)(.*?)(<!-- end -->)", re.DOTALL)


def _relations(connection: psycopg.Connection, kinds: list[str]) -> str:
    parts = []
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        for relation in cursor.execute(_RELATIONS, (kinds,)).fetchall():
            columns = cursor.execute(_COLUMNS, (relation.oid,)).fetchall()
            rows = [(f"`{c.name}`", _sql_type(c.type), *([c.comment] if c.comment else [""])) for c in columns]
            titles = ("Column", "Type", "Meaning")
            if not any(row[2] for row in rows):
                rows, titles = [row[:2] for row in rows], titles[:2]
            parts.append(f"### {relation.name}\n\n{relation.comment}\n\n{table(titles, rows)}")
    return "\n\n".join(parts)


def _told_apart(parts: list[str]) -> list[str]:
    """Functions of one name follow each other under one heading."""
    seen: set[str] = set()
    told = []
    for part in parts:
        heading, _, rest = part.partition("\n\n")
        told.append(rest if heading in seen else part)
        seen.add(heading)
    return told


def _default(value: str) -> str:
    return value.lower() if value in ("True", "False") else value


def _type(kind: str) -> str:
    without_none = re.sub(r"^Optional\[(.*)\]$", r"\1", kind).replace(" | None", "")
    without_none = re.sub(r"^pathlib[\w.]*\.Path$", "path", without_none)
    if without_none.startswith("Literal["):
        return " or ".join(f"`{word}`" for word in re.findall(r"'([^']+)'", without_none))
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
        without_none, without_none
    )


def _sql_type(name: str) -> str:
    return name.replace("timestamp with time zone", "timestamptz").replace("double precision", "float8")


def _sentences(kind: type[RowlockError]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _exit_code(kind: type[RowlockError]) -> str:
    """The command line's; what only HTTP knows has none."""
    return str(kind.exit_code) if kind.__module__ == errors.__name__ else "–"


def _problem_kinds() -> list[type[RowlockError]]:
    kinds = known_kinds()  # all of them: the routes have been loaded
    del kinds[ConfigurationError.problem]  # at the API's start only; a request cannot cause it
    return sorted(kinds.values(), key=lambda kind: (kind.status, kind.problem))


def main() -> None:
    """Writes every part anew."""
    from rowlock.store.embedded import EmbeddedServer
    from rowlock.store.migrate import migrate

    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder), settings={"fsync": "off"})
        server.start()
        try:
            migrate(server.url())
            for name in PARTS:
                write(name, contents(server.url(), name))
        finally:
            server.stop("immediate")
    sys.stdout.write(f"{len(PARTS)} parts are written.\n")


if __name__ == "__main__":
    main()
