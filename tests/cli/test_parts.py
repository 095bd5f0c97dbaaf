"""The small parts: values as people type them, tables that fit, lines that stay whole, places that are taken."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from rowlock.cli.output import age, fitted, seconds_text
from rowlock.cli.startup.example import example_app
from rowlock.cli.startup.places import DataDirectory, free_port
from rowlock.cli.startup.welcome import Welcome, base_url
from rowlock.cli.supervision.log_lines import LONGEST_LINE, Lines
from rowlock.cli.supervision.restarts import LONGEST_PAUSE_SECONDS, SETTLED_SECONDS, Restarts
from rowlock.cli.values import parse_duration, shown_url, split_password
from rowlock.domain.errors import ConfigurationError, Conflict, InvalidArgument

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5h", 5_400),
        ("1h30m", 5_400),
        ("2d", 172_800),
        ("250ms", 0.25),
        ("0", 0),
        ("1w", 604_800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text, what="delay") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "-1", "1x", "1h 30m", "h", "1e3", "٣s", "nan", "inf"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidArgument, match="delay"):
        parse_duration(text, what="delay")


@pytest.mark.parametrize(
    ("url", "without", "password"),
    [
        ("postgresql://u:p%40w@h:5432/d?options=1", "postgresql://u@h:5432/d?options=1", "p@w"),
        ("postgresql://u:a?b@h/d", "postgresql://u@h/d", "a?b"),
        ("postgresql://u:p%40w@h?options=a@b", "postgresql://u@h?options=a@b", "p@w"),
        ("postgresql://u@h/d?sslmode=require&password=p%40w", "postgresql://u@h/d?sslmode=require", "p@w"),
        ("postgresql://u@h/d?%70assword=p%40w&options=1&port=2", "postgresql://u@h/d?options=1&port=2", "p@w"),
        ("postgresql://u:other@h/d?password=p%40w", "postgresql://u@h/d", "p@w"),
        ("postgresql:///d?password=a&password=p%40w", "postgresql:///d", "p@w"),
        ("postgresql://u@h/d", "postgresql://u@h/d", None),
        ("postgresql:///d?host=/a:b@c", "postgresql:///d?host=/a:b@c", None),
        ("postgresql://h", "postgresql://h", None),
    ],
)
def test_a_password_is_taken_out_of_a_url(url: str, without: str, password: str | None) -> None:
    assert split_password(url) == (without, password)
    assert shown_url(url) == shlex.quote(without)
    if password is not None:
        parts = conninfo_to_dict(url)
        assert parts.pop("password") == password
        assert conninfo_to_dict(without) == parts


def test_the_password_of_a_clients_key_is_not_shown() -> None:
    url = "postgresql://u:secret@h/d?sslkey=k&sslpassword=secret&x=1"
    assert shown_url(url) == "'postgresql://u@h/d?sslkey=k&x=1'"
    assert shown_url("postgresql://u@h/d?sslpassword=secret") == "postgresql://u@h/d"
    assert split_password("postgresql://h?sslpassword=needed") == ("postgresql://h?sslpassword=needed", None)


def test_the_widest_columns_are_cut_until_all_fit() -> None:
    assert fitted([36, 9, 60, 10], 80) == [36, 9, 19, 10]
    assert fitted([5, 5], 80) == [5, 5]
    assert fitted([36, 9, 9], 20) == [36, 6, 6]


def test_lengths_of_time() -> None:
    assert [seconds_text(s) for s in (0, 9.94, 9.96, 119, 120, 7_199, 7_200, 172_800)] == [
        "0.0s", "9.9s", "10s", "119s", "2m", "120m", "2h", "2d"
    ]  # fmt: skip
    assert age(NOW - timedelta(minutes=3), NOW) == "3m"
    assert age(NOW + timedelta(hours=2), NOW) == "in 2h"
    assert age(None, NOW) == ""


def test_lines_are_whole_however_they_arrive() -> None:
    lines = Lines()
    assert list(lines.feed(b"on")) == []
    assert list(lines.feed(b"e\ntwo\nthr")) == [b"one", b"two"]
    assert list(lines.end()) == [b"thr"]
    pieces = list(lines.feed(b"x" * (LONGEST_LINE + 1)))
    assert pieces == [b"x" * LONGEST_LINE]


def test_pauses_grow_and_begin_anew_after_a_long_life() -> None:
    restarts = Restarts()
    assert [restarts.pause_after(0) for _ in range(3)] == [0.5, 1.0, 2.0]
    assert max(restarts.pause_after(0) for _ in range(20)) == LONGEST_PAUSE_SECONDS
    assert restarts.pause_after(SETTLED_SECONDS) == 0.5


def test_a_port_in_use_is_told_and_zero_finds_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} of 127.0.0.1 is in use"):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", port) == port
    assert free_port("127.0.0.1", 0) > 0
    with pytest.raises(ConfigurationError):
        free_port("no.such.host.invalid", 0)
    with pytest.raises(ConfigurationError):
        free_port("203.0.113.1", 0)


def test_a_data_directory_has_one_supervisor(tmp_path: Path) -> None:
    first, second = DataDirectory(tmp_path / "d"), DataDirectory(tmp_path / "d")
    first.claim()
    with pytest.raises(Conflict, match=f"process {os.getpid()}"):
        second.claim()
    second.release()
    first.release()
    first.release()
    second.claim()
    second.release()


async def test_a_successor_waits_for_its_predecessors_children(tmp_path: Path) -> None:
    first, second = DataDirectory(tmp_path), DataDirectory(tmp_path)
    first.claim()
    stop = asyncio.Event()
    assert await first.wait_for_former_children(1, stop, lambda: None)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import signal; signal.pause()", pass_fds=first.inherited, start_new_session=True
    )
    first.release()  # as when the predecessor was killed: its child still holds the second lock
    second.claim()
    waited: list[bool] = []
    assert not await second.wait_for_former_children(0.1, stop, lambda: waited.append(True))
    waiting = asyncio.create_task(second.wait_for_former_children(20, stop, lambda: waited.append(True)))
    child.kill()
    assert await waiting
    await child.wait()
    assert waited
    second.release()


def test_a_data_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="--data-dir"):
        DataDirectory(tmp_path / "file" / "below").claim()


def pasted(welcome: Welcome) -> str:
    """The words, one a line, that a shell makes of the request."""
    command = welcome.text().partition("Try it")[2].partition(":\n")[2].partition("Ctrl-C")[0]
    script = command.strip().replace("curl", "printf '%s\\n'", 1)
    return subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=True, env={}).stdout


def test_the_welcome_holds_a_request_that_a_shell_understands() -> None:
    words = pasted(Welcome(base_url("0.0.0.0", 80), "psql x", "rlk_1_2", example=True))
    assert "http://127.0.0.1:80/v1/tasks" in words
    assert "Authorization: Bearer rlk_1_2\n" in words
    assert '"archive.tree"' in words
    assert base_url("::", 80) == "http://[::1]:80"


def test_the_welcome_that_knows_no_key_says_where_to_put_it() -> None:
    """It leans on nothing that the reader's shell may have or not."""
    welcome = Welcome("http://127.0.0.1:80", "psql x", None, example=True)
    assert "with your key in the place of KEY:" in welcome.text()
    assert "Authorization: Bearer KEY\n" in pasted(welcome)


def test_the_example_is_found() -> None:
    example = example_app()
    assert example.spec.endswith("examples.archive:app")
    assert example.folder is None or (example.folder / "examples" / "archive").is_dir()
