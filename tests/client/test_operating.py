"""Cancelling and redriving from Python: what is done, what is refused, and under which error."""

from __future__ import annotations

from uuid import uuid4

import pytest

from rowlock import Rowlock
from rowlock.domain.errors import NotFound, TaskNotCancellable, TaskNotRedrivable


async def test_a_task_is_cancelled_and_redriven_once(app: Rowlock) -> None:
    handle = await app.enqueue("mail.send", {})

    with pytest.raises(TaskNotRedrivable):
        await app.redrive(handle.id)
    assert await app.cancel(handle.id, reason="Sent by hand.") == "cancelled"
    with pytest.raises(TaskNotCancellable):
        await app.cancel(handle.id)
    await app.redrive(handle.id)
    assert (await app.get(handle.id)).status == "ready"


async def test_what_is_not_there_is_not_found(app: Rowlock) -> None:
    with pytest.raises(NotFound):
        await app.cancel(uuid4())
    with pytest.raises(NotFound):
        await app.redrive(uuid4())
