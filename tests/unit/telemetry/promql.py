"""Reads from a PromQL expression which series it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SELECTOR = re.compile(r"\b(rowlock_[a-z0-9_]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\bby\s*\(([^)]*)\)")

# Labels that Prometheus adds to what it scrapes.
SCRAPED = frozenset({"job", "instance"})


Exported = Mapping[str, frozenset[str]]


def unknown_in(expression: str, exported: Exported) -> list[str]:
    """The series and labels that the expression names and nothing exports."""
    selectors = _SELECTOR.findall(expression)
    unknown = [name for name, _ in selectors if name not in exported]
    for name, matchers in selectors:
        known = exported.get(name, frozenset()) | SCRAPED
        unknown += [f"{name}{{{x}}}" for x in _LABEL.findall(matchers) if x not in known]
    of_all = SCRAPED.union(*(exported.get(name, frozenset()) for name, _ in selectors))
    unknown += [f"by ({label})" for label in _grouped_by(expression) - of_all]
    return unknown if selectors else [f"no series in {expression!r}"]


def labels_of_result(expression: str, exported: Exported) -> frozenset[str]:
    """The labels that the result has: those grouped by, else those of the first series."""
    first = _SELECTOR.findall(expression)[0][0]
    return _grouped_by(expression) or exported[first] | SCRAPED


def families_in(expression: str) -> set[str]:
    """The metrics asked for, without the suffixes of histograms."""
    names = {name for name, _ in _SELECTOR.findall(expression)}
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def _grouped_by(expression: str) -> frozenset[str]:
    listed = ",".join(_GROUPING.findall(expression))
    return frozenset(re.findall(r"[a-z_]+", listed)) - {"le"}
