"""What the forkserver loads, once, for all the programs that are forked from it. Nothing here may connect or start."""
# ruff: noqa: F401

import gc
import signal

import apscheduler.executors.asyncio
import apscheduler.triggers.interval
import httpcore
import httpx
import idna
import jsonschema
import psutil
import tests.harness.nemesis.channel_cli
import tests.harness.nemesis.channel_python
import tests.harness.nemesis.channel_rest
import tests.harness.nemesis.channel_sql
import tests.harness.nemesis.handlers
import tests.harness.nemesis.programs
import tests.harness.scheduler_process
import tests.harness.worker_process
import uvicorn.lifespan.on
import uvicorn.protocols.http.httptools_impl

import rowlock.api.server
import rowlock.scheduler
import rowlock.sql
import rowlock.store.embedded
import rowlock.worker

# Inherited: a program whose clock is set by these must not die of them when it has only just begun.
for number in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, signal.SIG_IGN)

# Else each fork's first collection would write to, and so copy, every page that holds an object.
gc.collect()
gc.freeze()
