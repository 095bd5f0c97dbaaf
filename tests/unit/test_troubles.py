"""What PostgreSQL and libpq say, told apart."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from rowlock.domain.errors import DatabaseUnavailable, LeaseLost
from rowlock.domain.trouble import Trouble
from rowlock.store.errors import domain_error, lost_in_flight
from rowlock.store.troubles import sentence, trouble_of_state

# The sentences of servers and of libpq, where there is no SQLSTATE: a connection that could not be made.
WORDS = {
    'connection to server at "10.0.0.1", port 5432 failed: Connection refused': Trouble.UNREACHABLE,
    "connection timeout expired": Trouble.UNREACHABLE,
    'could not translate host name "db.internal" to address: Name or service not known': Trouble.UNREACHABLE,
    "server does not support SSL, but SSL was required": Trouble.UNREACHABLE,
    "SSL error: certificate verify failed": Trouble.UNREACHABLE,
    "FATAL:  sorry, too many clients already": Trouble.TOO_MANY_CONNECTIONS,
    'FATAL:  too many connections for role "jobs"': Trouble.TOO_MANY_CONNECTIONS,
    "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute": (
        Trouble.TOO_MANY_CONNECTIONS
    ),
    "FATAL:  no more connections allowed (max_client_conn)": Trouble.TOO_MANY_CONNECTIONS,
    "FATAL:  the database system is starting up": Trouble.STARTING,
    "FATAL:  the database system is in recovery mode": Trouble.STARTING,
    "FATAL:  the database system is shutting down": Trouble.STARTING,
    "FATAL:  the database system is not yet accepting connections": Trouble.STARTING,
    'FATAL:  database "shop" is not currently accepting connections': Trouble.STARTING,
    'connection to server at "10.0.0.2", port 5432 failed: session is read-only': Trouble.READ_ONLY,
    'FATAL:  password authentication failed for user "jobs"': Trouble.ACCESS_REFUSED,
    'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "jobs"': Trouble.ACCESS_REFUSED,
    'FATAL:  database "shop" does not exist': Trouble.ACCESS_REFUSED,
    'FATAL:  permission denied for database "shop"': Trouble.ACCESS_REFUSED,
    'FATAL:  role "jobs" is not permitted to log in': Trouble.ACCESS_REFUSED,
}


@pytest.mark.parametrize(("text", "trouble"), WORDS.items())
def test_words_of_a_connection_that_was_not_made_tell_the_trouble(text: str, trouble: Trouble) -> None:
    known = domain_error(psycopg.OperationalError(text))
    assert isinstance(known, DatabaseUnavailable)
    assert known.trouble is known.kind is trouble
    assert text.rsplit("FATAL:  ", maxsplit=1)[-1] in known.message


def test_of_several_hosts_the_one_that_can_be_helped_is_told() -> None:
    said = "host a: Connection refused\nMultiple connection attempts failed:\n- a: refused\n- b: session is read-only"
    known = domain_error(psycopg.OperationalError(said))
    assert isinstance(known, DatabaseUnavailable)
    assert known.trouble is Trouble.READ_ONLY


def test_a_right_that_is_missing_is_named_and_is_no_matter_of_the_password() -> None:
    known = domain_error(errors.InsufficientPrivilege("permission denied for table tasks_live"))
    assert isinstance(known, DatabaseUnavailable)
    assert known.trouble is Trouble.ACCESS_REFUSED
    assert "permission denied for table tasks_live" in known.message
    assert "password" not in known.message


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_is_told_in_whole_sentences_with_the_server_s_words(trouble: Trouble) -> None:
    told = sentence(trouble, "no space left")
    assert "no space left" in told
    assert told[0].isupper()
    assert told.endswith(".")


def test_a_statement_that_is_wrong_is_no_trouble_of_the_database() -> None:
    assert trouble_of_state("42601") is None
    assert trouble_of_state("23505") is None


def test_what_is_no_trouble_goes_by_its_problem_in_metrics() -> None:
    assert LeaseLost("Lost.").kind == "lease-lost"


class _Ended(errors.AdminShutdown):
    """An error as a session's end brings it, of which only state and severity matter."""

    def __init__(self, state: str | None, severity: str) -> None:
        super().__init__("ended")
        self.sqlstate = state
        self._severity = severity

    @property
    def diag(self) -> object:  # type: ignore[override]
        return type("Diagnostic", (), {"severity_nonlocalized": self._severity})


@pytest.mark.parametrize(
    ("state", "severity", "unknown"),
    [
        (None, "", True),  # the connection is gone without a word
        ("57P01", "FATAL", True),  # ended by an administrator, perhaps while it waited for a synchronous standby
        ("53100", "PANIC", True),  # a full WAL, with the commit record already written
        ("57P05", "FATAL", False),  # an idle session that was given up
        ("25P03", "FATAL", False),
        ("40001", "ERROR", False),
    ],
)
def test_an_end_in_the_midst_of_work_leaves_the_outcome_unknown(
    state: str | None, severity: str, unknown: bool
) -> None:
    assert (lost_in_flight(_Ended(state, severity)) is not None) is unknown
