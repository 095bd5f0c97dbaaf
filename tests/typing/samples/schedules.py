"""A schedule leaves its task as it is, and makes one of a plain function."""

from __future__ import annotations

from typing import assert_type

from rowlock import Context, Rowlock, TaskHandle

app = Rowlock(name="shop")


@app.schedule("0 3 * * *", tz="Europe/Berlin", payload={"day": "today"})
@app.task(queue="reports")
async def declared(ctx: Context, day: str) -> int:
    return len(day)


@app.schedule(interval="15m")
def plain(day: str = "today") -> None: ...


async def enqueue() -> None:
    assert_type(await declared.enqueue(day="monday"), TaskHandle)
    assert_type(await plain.enqueue(), TaskHandle)
    await declared.enqueue(day=1)  # E: arg-type
    await plain.enqueue(night="monday")  # E: call-arg


app.schedule("@daily", overlap_policy=1)  # E: arg-type
