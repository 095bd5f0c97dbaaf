"""Settings: what may be given, and what is let be."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowlock import Rowlock
from rowlock.config import load_settings
from rowlock.domain.errors import ConfigurationError, InvalidArgument


def test_a_variable_that_is_no_setting_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ROWLOCK_API_KEY` was one once, and people keep keys for their own requests in such variables."""
    monkeypatch.setenv("ROWLOCK_API_KEY", "rlk_1_2")
    assert "rlk_1_2" not in repr(load_settings())


def test_a_project_gives_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.rowlock]\nschema = "jobs"\nconcurrency = 7\n')
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert (settings.schema_, settings.concurrency) == ("jobs", 7)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("var/rowlock", "{project}/var/rowlock"), ("/var/rowlock", "/var/rowlock"), ("~/rowlock", "~/rowlock")],
)
def test_a_project_names_its_data_dir_from_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, meant: str
) -> None:
    monkeypatch.delenv("ROWLOCK_DATA_DIR", raising=False)
    (tmp_path / "pyproject.toml").write_text(f'[tool.rowlock]\ndata_dir = "{given}"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load_settings().data_dir == Path(meant.format(project=tmp_path))
    assert load_settings(data_dir=Path("here")).data_dir == Path("here")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'[tool.rowlock]\nschema = "jobs"\nconcurrency 7\n', r"Expected '=' .+ \(at line 3, column 13\)"),
        (b'[tool.rowlock]\nschema = "j\xf6bs"\n', r"it is not UTF-8 \(at line 2\)"),
    ],
)
def test_a_broken_project_is_not_one_without_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, why: str
) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ConfigurationError, match=rf"The settings in .+/pyproject\.toml cannot be read: {why}\."):
        load_settings()


@pytest.mark.parametrize("tenant", ["Acme/EU *", "", "a" * 64])
def test_a_setting_says_of_a_tenant_what_a_call_does(tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Rowlock(database_url="postgresql://127.0.0.1:1/none")
    with pytest.raises(InvalidArgument) as by_call:
        app.enqueue_sync("noop", tenant_id=tenant)
    said = by_call.value.message.replace("tenant_id", "tenant")
    with pytest.raises(InvalidArgument) as by_name:
        Rowlock(tenant=tenant)
    assert by_name.value.message == said
    monkeypatch.setenv("ROWLOCK_TENANT", tenant)
    with pytest.raises(InvalidArgument) as by_environment:
        load_settings()
    assert by_environment.value.message == said


def test_settings_and_settings_by_name_are_not_mixed() -> None:
    settings = load_settings()
    with pytest.raises(ConfigurationError, match="nonsense, tenant: give one or the other"):
        Rowlock(settings=settings, tenant="acme", nonsense=1)
    assert Rowlock(settings=settings).settings is settings
