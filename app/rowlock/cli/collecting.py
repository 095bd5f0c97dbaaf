"""The garbage collector in rowlock's programs, most of whose objects are code that was imported, and stays."""

from __future__ import annotations

import gc

COLLECT_AFTER = 10_000  # objects more than were freed, where Python says 700


def collect_less() -> None:
    """Spares it what it would look at in vain: imports, and what claims and requests make, some hundred objects at a
    time, go without it. A worker of small tasks spends a seventh of its CPU on that otherwise. Whoever lets it run
    less often already, or never, is left alone."""
    after, *older = gc.get_threshold()
    if 0 < after < COLLECT_AFTER:
        gc.set_threshold(COLLECT_AFTER, *older)


def keep_what_is_there() -> None:
    """Has it look once more at what there is by now, and never again."""
    gc.collect()
    gc.freeze()


def leave_all_to_the_end() -> None:
    """Of the process, which gives back all there is; Python would look through everything for cycles before, which
    takes up to a quarter of the CPU of a short command."""
    gc.freeze()
