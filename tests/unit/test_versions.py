"""Versions of payloads and results: what is known, how it is brought up, and what is refused when it is declared."""

from __future__ import annotations

from typing import Any

import pytest

from rowlock import Rowlock
from rowlock.domain.errors import ConfigurationError
from rowlock.domain.versions import Versions


def third() -> Versions:
    versions = Versions("mail.send", "payload", 3)

    @versions.upcast(1)
    def _(payload: dict[str, Any]) -> dict[str, Any]:
        return {"to": [payload["to"]]}

    @versions.upcast(2)
    def _(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "subject": "none"}

    return versions


def test_each_upcast_leads_to_the_next_version() -> None:
    versions = third()
    versions.check()
    assert (versions.oldest, versions.current) == (1, 3)
    assert versions.brought_up({"to": "ada"}, 1) == {"to": ["ada"], "subject": "none"}
    assert versions.brought_up({"to": ["ada"]}, 2) == {"to": ["ada"], "subject": "none"}
    assert versions.brought_up({"to": []}, 3) == {"to": []}
    assert [version for version in range(6) if versions.knows(version)] == [1, 2, 3]


def test_without_upcasts_only_the_present_version_is_known() -> None:
    versions = Versions("mail.send", "payload", 3)
    versions.check()
    assert [version for version in range(6) if versions.knows(version)] == [3]


def test_a_gap_is_refused_when_the_application_is_checked() -> None:
    app = Rowlock(database_url="postgresql://nowhere/x")

    @app.task(name="mail.send", payload_version=4)
    async def send(to: str) -> None: ...

    @send.upcast(1)
    def first(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    with pytest.raises(ConfigurationError, match=r"'mail.send' upcasts its payload from version 1, but not from 2, 3"):
        app.check()

    @app.task(name="mail.count", result_version=3)
    async def count() -> int:
        return 1

    assert first({"to": "ada"}) == {"to": "ada"}
    send.upcast(2)(first)
    send.upcast(3)(first)
    count.upcast_result(1)(lambda result: result)
    with pytest.raises(ConfigurationError, match=r"upcasts its result from version 1, but not from 2"):
        app.check()


@pytest.mark.parametrize("current", [0, -1, 32_768, True, "2", 1.0])
def test_a_version_that_cannot_be_stored_is_refused(current: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be 1 to 32767"):
        Versions("mail.send", "payload", current)


@pytest.mark.parametrize(("current", "start"), [(3, 3), (3, 0), (3, "1"), (1, 1)])
def test_an_upcast_from_nowhere_is_refused(current: int, start: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"can start from|nothing to upcast"):
        Versions("mail.send", "payload", current).upcast(start)


def test_a_second_upcast_from_a_version_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="from version 1 already"):
        third().upcast(1)


def test_an_async_upcast_is_refused() -> None:
    async def upcast(payload: Any) -> Any:
        return payload

    with pytest.raises(ConfigurationError, match="plain function"):
        Versions("mail.send", "payload", 2).upcast(1)(upcast)


def test_a_payload_stays_a_dict_and_a_result_may_be_anything() -> None:
    payloads, results = Versions("mail.send", "payload", 2), Versions("mail.send", "result", 2)
    payloads.upcast(1)(lambda payload: [payload])
    results.upcast(1)(lambda result: [result])
    with pytest.raises(TypeError, match="returned list, but a payload is a dict"):
        payloads.brought_up({}, 1)
    assert results.brought_up(7, 1) == [7]
