"""The options that say what a schedule is: rule, policies, tasks. The same to make one, to change it and to try it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

NameArgument = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Name of the schedule.", show_default=False)]

Cron = Annotated[str | None, typer.Option("--cron", metavar="RULE", help="Cron: '0 9 * * 1-5', or @daily.")]
Every = Annotated[str | None, typer.Option("--every", metavar="TIME", help="Or an interval: 15m, 1h30m.")]
Once = Annotated[str | None, typer.Option("--once", metavar="INSTANT", help="Or one instant: 2030-01-31T08:00.")]
Calendar = Annotated[
    str | None, typer.Option("--calendar", metavar="RULE", help="Or a calendar interval: '1 month at 09:00'.")
]
Timezone = Annotated[
    str | None, typer.Option("--timezone", metavar="ZONE", help="On whose clocks the rule is read: Europe/Berlin.")
]
AnchorAt = Annotated[str | None, typer.Option("--anchor-at", metavar="INSTANT", help="Where intervals count from.")]
StartsAt = Annotated[str | None, typer.Option("--starts-at", metavar="INSTANT", help="No windows before this.")]
EndsAt = Annotated[str | None, typer.Option("--ends-at", metavar="INSTANT", help="No windows after this.")]
Jitter = Annotated[
    str | None, typer.Option("--jitter", metavar="TIME", help="Longest delay from a window to its firing.")
]
AllowSeconds = Annotated[
    bool | None,
    typer.Option("--allow-seconds/--no-seconds", help="Windows less than a minute apart.", show_default=False),
]

MissedRunPolicy = Annotated[
    str | None, typer.Option("--missed-run-policy", metavar="POLICY", help="catch_up, latest_only or skip.")
]
MaxCatchUp = Annotated[
    int | None, typer.Option("--max-catch-up", metavar="N", help="Most missed windows that catch_up fires.")
]
CatchUpWindow = Annotated[
    str | None, typer.Option("--catch-up-window", metavar="TIME", help="How far back catch_up reaches.")
]
MisfireGrace = Annotated[
    str | None, typer.Option("--misfire-grace", metavar="TIME", help="Age at which a window counts as missed.")
]
OverlapPolicy = Annotated[
    str | None, typer.Option("--overlap-policy", metavar="POLICY", help="allow, skip, buffer_one or cancel_running.")
]

Payload = Annotated[
    str | None, typer.Option("--payload", "-p", metavar="JSON", help="Arguments; @FILE or - reads them.")
]
PayloadVersion = Annotated[
    int | None,
    typer.Option("--payload-version", metavar="N", help="Version of their payload's shape. Default: the handler's."),
]
Queue = Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Default: the handler's.")]
Priority = Annotated[str | None, typer.Option("--priority", metavar="NAME", help="critical, high, normal or low.")]
MaxAttempts = Annotated[int | None, typer.Option("--max-attempts", metavar="N", help="Attempts.")]
Timeout = Annotated[str | None, typer.Option("--timeout", metavar="TIME", help="Longest run of one attempt.")]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="TEXT", help="To find them by; may be repeated.")]

_INSTANTS = ("anchor_at", "starts_at", "ends_at")
_SPANS = ("jitter", "catch_up_window", "misfire_grace", "timeout")


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as arguments of `schedule_request`, without those that were left out."""
    from rowlock.cli.values import parse_duration, parse_instant

    given = {name: value for name, value in options.items() if value is not None}
    if "every" in given:
        given["interval"] = given.pop("every")
    if "tag" in given:
        given["tags"] = given.pop("tag")
    if str(given.get("priority", "")).isdecimal():
        given["priority"] = int(given["priority"])
    for name in _INSTANTS:
        if name in given:
            given[name] = parse_instant(given[name], what=name.replace("_", "-"))
    for name in _SPANS:
        if name in given:
            given[name] = parse_duration(given[name], what=name.replace("_", "-"))
    return given
