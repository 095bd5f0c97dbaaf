"""Bodies that have much wrong with them: refused as helpfully as others, at little cost."""

from __future__ import annotations

import time

import pytest
from pydantic_core import ErrorDetails
from tests.api.served import Served, assert_problem

from rowlock.api.problems import MAX_ERRORS, InvalidFields, invalid
from rowlock.config import Settings

JSON = {"Content-Type": "application/json"}


async def test_of_many_wrong_fields_the_first_are_named_and_the_others_counted(api: Served) -> None:
    many = {f"x{n}": n for n in range(1_000)}
    refused = await api.client.post("/v1/tasks", json={"name": "", **many})
    document = assert_problem(refused, 422, "invalid-argument")
    assert [error["field"] for error in document["errors"]] == ["name", *list(many)[: MAX_ERRORS - 1]]
    assert "1000 more fields are wrong." in document["detail"]

    tasks = [{"name": "a"}, {"name": "a", "x": 1}, {"name": "a", **many}, {"name": 7, "y": 1}, many]
    refused = await api.client.post("/v1/tasks/batch", json={"tasks": tasks, **many})
    document = assert_problem(refused, 422, "invalid-argument")
    of_third = [f"tasks.2.{name}" for name in list(many)[: MAX_ERRORS - 1]]
    assert [error["field"] for error in document["errors"]] == ["tasks.1.x", *of_third]
    wrong = 1 + 1_000 + 2 + 1_001 + 1_000
    assert f"{wrong - 1} more fields are wrong." in document["detail"]


def _filled(before: bytes, part: bytes, after: bytes) -> bytes:
    room = Settings().max_body_bytes - len(before) - len(after)
    return before + b",".join([part] * (room // (len(part) + 1))) + after


def _many_keys() -> bytes:
    return b",".join(b'"%x":1' % n for n in range(700_000))


CROWDED = {
    "tasks": ("/v1/tasks/batch", lambda: _filled(b'{"tasks":[', b"{}", b"]}")),
    "things that are no tasks": ("/v1/tasks/batch", lambda: _filled(b'{"tasks":[', b"1", b"]}")),
    "fields": ("/v1/tasks", lambda: b"{%b}" % _many_keys()),
    "fields of a task": ("/v1/tasks/batch", lambda: b'{"tasks":[{%b}]}' % _many_keys()),
    "fields of a schedule": ("/v1/schedules", lambda: b"{%b}" % _many_keys()),
    "tags": ("/v1/tasks", lambda: _filled(b'{"name":"a","tags":[', b"1", b"]}")),
}


@pytest.mark.parametrize("kind", CROWDED)
async def test_a_body_of_a_million_wrong_things_is_refused_without_much_ado(
    api: Served, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def told(details: list[ErrorDetails], *, cut: int) -> InvalidFields:
        assert len(details) < 100  # each is a kilobyte, and takes its time
        return invalid(details, cut=cut)

    monkeypatch.setattr("rowlock.api.body.invalid", told)
    path, made = CROWDED[kind]
    body = made()
    begun = time.process_time()
    refused = await api.client.post(path, content=body, headers=JSON)
    assert time.process_time() - begun < 4  # about a second; it was tens of them
    document = assert_problem(refused, 422, "invalid-argument")
    assert len(document["errors"]) <= MAX_ERRORS
