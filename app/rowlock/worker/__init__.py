"""The worker: claims tasks, runs their handlers, writes how they ended."""

from rowlock.worker.service import run_worker

__all__ = ["run_worker"]
