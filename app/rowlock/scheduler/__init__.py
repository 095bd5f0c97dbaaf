"""The scheduler: any number may run, one is elected, and that one fires schedules and keeps the house."""

from rowlock.scheduler.service import SchedulerService, run_scheduler

__all__ = ["SchedulerService", "run_scheduler"]
