"""The stylesheets and the page's own text, read without a browser: contrast in both schemes, and the policy."""

from __future__ import annotations

import re
from itertools import pairwise

from rowlock import dashboard

AA = 4.5
PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-soft", "accent", "bad") for ground in ("ground", "surface", "sunken")),
    *((tone, f"{tone}-wash") for tone in ("good", "warn", "bad", "ready", "scheduled", "still", "accent")),
    *((tone, "surface") for tone in ("good", "warn", "ready", "scheduled")),
    ("accent-ink", "accent"),
    ("ink", "bad-wash"),
    ("ink-soft", "bad-wash"),
]


def test_colours_have_contrast_enough_in_both_schemes() -> None:
    styles = (dashboard.files() / "css" / "tokens.css").read_text()
    light, dark = styles.split("@media (prefers-color-scheme: dark)")
    for scheme, colours in (("light", _colours(light)), ("dark", _colours(light) | _colours(dark))):
        for ink, ground in PAIRS:
            contrast = _contrast(colours[ink], colours[ground])
            assert contrast >= AA, f"{scheme}: --{ink} on --{ground} has {contrast:.2f}"


def test_the_policy_in_the_page_is_the_one_in_the_headers() -> None:
    page = (dashboard.files() / "index.html").read_text()
    told = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert told is not None
    # A policy in the page itself cannot say who may frame it.
    assert told.group(1) == dashboard.CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'; ", "")
    assert re.search(r"\s(style|on\w+)=", page) is None


def _colours(styles: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", styles))


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[begin:end], 16) / 255 for begin, end in pairwise((1, 3, 5, 7))]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
