"""The tools that change something, each audited under the account that runs the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import Field

from rowlock.engine import enqueue, operate
from rowlock.engine.admission import Admission
from rowlock.engine.operate import Actor
from rowlock.mcp.looking import TaskId
from rowlock.mcp.shapes import Done, Enqueued, Json, PriorityName
from rowlock.store.database import Database

Queue = Annotated[str, Field(description="Name of the queue.")]


class Acting:
    """Acts for one tenant."""

    def __init__(self, database: Database, tenant_id: str, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor
        self._admission = Admission(database)

    def additive(self) -> list[Callable[..., Awaitable[Any]]]:
        """Those that add work or let it go on."""
        return [self.enqueue_task, self.redrive_task, self.resume_queue]

    def destructive(self) -> list[Callable[..., Awaitable[Any]]]:
        """Those that end work or hold it up: a person should agree first."""
        return [self.cancel_task, self.pause_queue]

    async def enqueue_task(
        self,
        *,
        name: Annotated[str, Field(description="Name of the handler, such as mail.send.")],
        payload: Annotated[dict[str, Json] | None, Field(description="Arguments of the handler.")] = None,
        queue: Annotated[str | None, Field(description="Queue; else the handler's, else default.")] = None,
        priority: Annotated[PriorityName | None, Field(description="Else the handler's, else normal.")] = None,
        delay_seconds: Annotated[float | None, Field(ge=0, description="Seconds until it may start.")] = None,
        max_attempts: Annotated[int | None, Field(ge=1, description="Attempts; else the handler's, else 4.")] = None,
        tags: Annotated[list[str] | None, Field(description="Words to find it by.")] = None,
        idempotency_key: Annotated[
            str | None, Field(description="The same key with the same request names the same task.")
        ] = None,
        unique_key: Annotated[
            str | None, Field(description="While a live task of this name has this key, no other is made.")
        ] = None,
    ) -> Enqueued:
        """Stores a new task durably; a worker that has the handler will run it."""
        request = await self._admission.task(
            self._tenant_id,
            name,
            payload or {},
            queue=queue,
            priority=priority,
            delay=delay_seconds or None,
            max_attempts=max_attempts,
            tags=tags,
            idempotency_key=idempotency_key,
            unique_key=unique_key,
        )
        stored = await enqueue.enqueue(self._database, self._tenant_id, request)
        return Enqueued(id=stored.id, created=stored.created)

    async def redrive_task(self, task_id: TaskId) -> Done:
        """Puts a dead or cancelled task back to work under its own id, with all attempts ahead of it."""
        await operate.redrive_task(self._database, self._tenant_id, task_id, actor=self._actor)
        return Done(changed=True, outcome="redriven")

    async def cancel_task(
        self,
        task_id: TaskId,
        reason: Annotated[str | None, Field(max_length=500, description="Why, for those who look later.")] = None,
    ) -> Done:
        """Cancels a waiting task at once, or asks the worker of a running one to stop it (`cancel_requested`)."""
        said = await operate.cancel_task(self._database, self._tenant_id, task_id, actor=self._actor, reason=reason)
        return Done(changed=True, outcome=said)

    async def pause_queue(self, queue: Queue) -> Done:
        """Stops the starting of the queue's tasks until it is resumed; running ones go on to the end."""
        changed = await operate.pause_queue(self._database, self._tenant_id, queue, actor=self._actor)
        return Done(changed=changed, outcome="paused")

    async def resume_queue(self, queue: Queue) -> Done:
        """Lets the tasks of a paused queue be started again."""
        changed = await operate.resume_queue(self._database, self._tenant_id, queue, actor=self._actor)
        return Done(changed=changed, outcome="active")
