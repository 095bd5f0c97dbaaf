"""Dead letters over REST."""

from __future__ import annotations

from tests.api.served import Served, assert_problem


async def test_a_dead_letter_tells_what_happened(api: Served) -> None:
    dead = await api.bury("mail.send", payload={"to": "x"})
    letter = (await api.client.get(f"/v1/dead-letters/{dead}")).json()

    assert letter | {"status": "dead", "error": "boom", "reason": "error", "attempt": 1} == letter
    assert letter["traceback"] == "Traceback …\nboom"
    assert [a["outcome"] for a in letter["attempts"]] == ["failed"]
    assert letter["earlier"] == 0
    assert letter["expires_on"]
    assert letter["payload"] == {"to": "x"}
    listed = (await api.client.get("/v1/dead-letters")).json()["items"]
    assert [(one["id"], one["error"]) for one in listed] == [(dead, "boom")]


async def test_a_live_task_is_no_dead_letter(api: Served) -> None:
    live = await api.enqueue()

    assert_problem(await api.client.get(f"/v1/dead-letters/{live}"), 404, "not-found")
    assert (await api.client.get("/v1/dead-letters")).json()["items"] == []


async def test_dead_letters_are_redriven_by_queue_name_and_number(api: Served) -> None:
    mails = [await api.bury("mail", queue="m") for _ in range(3)]
    report = await api.bury("report", queue="r")
    redrive = api.client.post

    none = (await redrive("/v1/dead-letters/redrive", json={"queue": "m", "name": "report"})).json()
    assert none == {"redriven": 0, "ids": []}
    two = (await redrive("/v1/dead-letters/redrive", json={"queue": "m", "limit": 2})).json()
    assert (two["redriven"], sorted(two["ids"])) == (2, sorted(mails[:2]))
    named = (await redrive("/v1/dead-letters/redrive", json={"name": "report"})).json()
    assert named["ids"] == [report]
    rest = (await redrive("/v1/dead-letters/redrive")).json()
    assert rest["ids"] == [mails[2]]
    assert (await api.client.get("/v1/dead-letters")).json()["items"] == []
    assert len((await api.client.get("/v1/tasks?status=ready")).json()["items"]) == 4


async def test_dead_letters_are_filtered(api: Served) -> None:
    mail = await api.bury("mail", queue="m")
    report = await api.bury("report", queue="r")

    for query, expected in {"queue=m": [mail], "name=report": [report], "queue=m&name=report": []}.items():
        found = (await api.client.get(f"/v1/dead-letters?{query}")).json()["items"]
        assert [one["id"] for one in found] == expected
    refused = await api.client.post("/v1/dead-letters/redrive", json={"limit": 10_001})
    assert_problem(refused, 422, "invalid-argument", field="limit")
