"""What a type checker says of applications: `send_mail.enqueue(to=1)` is an error before it runs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import mypy.api
import pytest

SAMPLES = Path(__file__).parent / "samples"
EXPECTED = re.compile(r"# E: (\S+)$")
FOUND = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$", re.MULTILINE)

# What rowlock stands on says nothing about its own signatures, and takes most of the time.
LEFT_OUT = [
    "alembic",
    "opentelemetry",
    "prometheus_client",
    "psycopg",
    "psycopg_pool",
    "pydantic",
    "pydantic_settings",
    "sqlalchemy",
]

Complaints = dict[str, Counter[tuple[int, str]]]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> Complaints:
    """What strict mypy says, by file: line and code."""
    cache = tmp_path_factory.mktemp("mypy")
    settings = cache / "mypy.ini"
    settings.write_text("[mypy]\n" + "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in LEFT_OUT))
    said, failed, _ = mypy.api.run(
        [f"--config-file={settings}", "--strict", f"--cache-dir={cache}", "--no-error-summary", str(SAMPLES)]
    )
    assert not failed, failed
    found: Complaints = {}
    for match in FOUND.finditer(said):
        found.setdefault(Path(match["file"]).name, Counter())[int(match["line"]), match["code"]] += 1
    return found


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_mypy_refuses_what_is_wrong_and_nothing_else(sample: Path, complaints: Complaints) -> None:
    expected = Counter(
        (number, match[1])
        for number, line in enumerate(sample.read_text().splitlines(), start=1)
        if (match := EXPECTED.search(line))
    )
    assert expected, "a sample without mistakes proves nothing"
    assert complaints.get(sample.name, Counter()) == expected
