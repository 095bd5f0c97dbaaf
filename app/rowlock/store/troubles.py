"""What PostgreSQL's refusals mean: from SQLSTATE, or from libpq's words where there is no state, to a `Trouble`.

libpq hides the SQLSTATE of a connection that could not be made, and hands on the server's sentence alone. Servers that
speak another language than English are merely `unreachable` then; nothing but the word in metrics depends on it.
"""

from __future__ import annotations

import re

from rowlock.domain.trouble import Trouble

_BY_STATE = {
    "25006": Trouble.READ_ONLY,
    "25P03": Trouble.SESSION_ENDED,
    "25P04": Trouble.SESSION_ENDED,
    "28000": Trouble.ACCESS_REFUSED,
    "28P01": Trouble.ACCESS_REFUSED,
    "3D000": Trouble.ACCESS_REFUSED,
    "42501": Trouble.ACCESS_REFUSED,
    "40001": Trouble.SERIALIZATION,
    "40P01": Trouble.DEADLOCK,
    "53100": Trouble.DISK_FULL,
    "53200": Trouble.OUT_OF_MEMORY,
    "53300": Trouble.TOO_MANY_CONNECTIONS,
    "55P03": Trouble.LOCK_TIMEOUT,
    "57014": Trouble.STATEMENT_TIMEOUT,
    "57P01": Trouble.SESSION_ENDED,
    "57P02": Trouble.SESSION_ENDED,
    "57P03": Trouble.STARTING,
    "57P05": Trouble.SESSION_ENDED,
}
_BY_CLASS = {"08": Trouble.UNREACHABLE, "53": Trouble.OTHER, "57": Trouble.OTHER}

# Of several hosts each has said its own; the first of these that any has said is what can be done something about.
_BY_WORDS = (
    (Trouble.TOO_MANY_CONNECTIONS, r"too many (clients|connections)|connection slots are reserved|no more connections"),
    (Trouble.STARTING, r"database system is|not (yet |currently )?accepting connections"),
    (Trouble.READ_ONLY, r"session is read-only|server is in hot standby mode"),
    (
        Trouble.ACCESS_REFUSED,
        r"authentication failed|no pg_hba\.conf entry|(role|database) \".*\" does not exist|"
        r"permission denied for database|not permitted to log in",
    ),
)
_PATTERNS = tuple((trouble, re.compile(words)) for trouble, words in _BY_WORDS)

_SAID = {
    Trouble.UNREACHABLE: "The database cannot be reached: {}.",
    Trouble.STARTING: "The database is starting or stopping: {}.",
    Trouble.SESSION_ENDED: "The database has ended the session: {}.",
    Trouble.ACCESS_REFUSED: "The database refuses this login: {}. Mend the URL, the password or the role.",
    Trouble.TOO_MANY_CONNECTIONS: "The database has no connection left: {}. Raise max_connections, or open fewer.",
    Trouble.DISK_FULL: "The database's disk is full: {}. Free space there.",
    Trouble.OUT_OF_MEMORY: "The database's memory is used up: {}.",
    Trouble.READ_ONLY: "The database takes no writes: {}. Promote a standby, or end its read-only mode.",
    Trouble.SERIALIZATION: "Another transaction won a race: {}. Try again.",
    Trouble.DEADLOCK: "Another transaction won a race: {}. Try again.",
    Trouble.SCHEMA_CHANGED: "A migration won a race: {}. Try again; if it does not help, mend the schema.",
    Trouble.LOCK_TIMEOUT: "A lock could not be had in time: {}. Try again.",
    Trouble.STATEMENT_TIMEOUT: "A statement was given up before it had ended: {}.",
}
_SAID_OF_STATE = {
    "42501": "The role lacks a right: {}. Connect as the role that migrated the schema, or as a member of it, "
    "or grant this one what it needs.",
}


def trouble_of_state(state: str) -> Trouble | None:
    """The trouble that a SQLSTATE tells of; None where it tells of none: the statement itself is wrong then."""
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2])


def trouble_of_words(text: str) -> Trouble:
    """The trouble that an error without a SQLSTATE tells of."""
    return next((trouble for trouble, words in _PATTERNS if words.search(text)), Trouble.UNREACHABLE)


def sentence(trouble: Trouble, text: str, state: str | None = None) -> str:
    """What to tell people, of the server's own words."""
    if state in _SAID_OF_STATE:
        return _SAID_OF_STATE[state].format(text)
    return _SAID.get(trouble, "The database is in trouble: {}.").format(text)
