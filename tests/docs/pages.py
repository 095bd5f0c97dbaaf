"""The documentation as tests see it: pages, and in each the blocks of code with what their info strings say.

An info string is a language and any of these, which readers never see:

`skip="reason"`   not run, and why
`file=NAME`       written to that file, which later blocks of the page may use
`background`      a command that runs until the page ends, and must then end well by SIGTERM
`needs=PROGRAM`   a command that is run only where that program is installed
`fails=CODE`      a command that must end with that exit code
`worker=NAME`     Python that needs a worker of the application called NAME, which runs while the block does
`output`          what the block before must have printed; `…` stands for anything

A page that needs all of rowlock running, with the archive example, says so by `<!-- snippets: up -->`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt

REPOSITORY = Path(__file__).parents[2]
RUNNABLE = ("python", "sh", "sql")
_FOOTNOTE = re.compile(r"^\[\^[\w-]+\]: ", flags=re.MULTILINE)  # GitHub's; the parser takes one for a link's target
KNOWN_OPTIONS = {"skip", "file", "background", "needs", "fails", "worker", "output"}


@dataclass(frozen=True)
class Block:
    """One fenced block. `line` is that of its first line of code."""

    page: Path
    line: int
    language: str
    options: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    source: str = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @property
    def needs_up(self) -> bool:
        return "<!-- snippets: up -->" in self.source

    @property
    def asks_for_the_url(self) -> bool:
        return any("app.database_url" in block.text for block in self.blocks if block.language == "python")

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            _block(self.path, token.info, token.map[0] + 2, token.content)
            for token in MarkdownIt().parse(self.source)
            if token.type == "fence" and token.map
        ]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may point to: headings as GitHub names them, and explicit anchors."""
        tokens = MarkdownIt().enable("table").parse(self.source)
        titles = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
        return {_anchor(title) for title in titles} | set(re.findall(r'<a id="([^"]+)">', self.source))

    @cached_property
    def links(self) -> list[str]:
        """Every target of a link or an image."""
        targets = []
        for token in MarkdownIt().enable("table").parse(_FOOTNOTE.sub("", self.source)):
            for child in token.children or ():
                target = child.attrGet("href") or child.attrGet("src")
                if target:
                    targets.append(str(target))
        return targets


def pages() -> list[Page]:
    """README, CONTRIBUTING and everything below `docs`."""
    paths = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    return [Page(path, path.read_text()) for path in paths]


def _block(page: Path, info: str, line: int, text: str) -> Block:
    language, *rest = shlex.split(info) or [""]
    options = {name: value for name, _, value in (part.partition("=") for part in rest)}
    unknown = options.keys() - KNOWN_OPTIONS
    assert not unknown, f"{page}:{line}: the info string says {unknown}, which means nothing."
    return Block(page, line, language, options, text)


def _anchor(title: str) -> str:
    words = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower())
    return words.replace(" ", "-")
