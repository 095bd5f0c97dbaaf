"""What the command line's exit codes mean. `docs/cli.md` holds the same table, and a test compares the two."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """One code for each thing that a script would handle differently; those of errors are the domain's."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "Done."
    NO = 1, "Done, and the answer is no: `doctor` found a problem, or what was watched ended as dead or cancelled."
    INVALID = 2, "An argument, a payload or a setting cannot be used. Nothing was stored."
    NOT_FOUND = 3, "What was asked for does not exist for this tenant."
    CONFLICT = 4, "Its state does not allow what was asked, or its key or name is taken."
    FORBIDDEN = 5, "The API key is unknown or lacks the scope."
    UNAVAILABLE = (
        6,
        "The database, or something else that is needed, cannot be reached now. Nothing was stored; try again.",
    )
    UNKNOWN = (
        7,
        "The connection broke while the work was being stored, or the answer could not be written to stdout: "
        "it may be stored or not. Ask by id first.",
    )
    OUTDATED = 8, "The database's migrations are not those of this version. Run `rowlock migrate`."
    DEFECT = 70, "Something unexpected went wrong: a defect in rowlock or in your code. `--debug` shows where."
    INTERRUPTED = 130, "Ended by Ctrl-C."
