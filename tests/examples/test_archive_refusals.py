"""What a person may name wrongly ends at once, with a sentence, and writes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest
from examples.archive import archive_file
from examples.archive.folders import folders

from rowlock import Cancel, Context, Fail, Retry


def context() -> Context:
    return Context(
        task_id=uuid4(),
        tenant_id="default",
        queue="default",
        name="archive.file",
        attempt=1,
        max_attempts=4,
        metadata={},
        deadline=None,
        lease_token=7,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"content")
    return root


@pytest.mark.parametrize(
    ("root", "out", "said"),
    [
        ("relative/root", "/tmp/out", "must be an absolute path"),
        ("/", "relative/out", "must be an absolute path"),
        ("/no/such/folder", "/tmp/out", "is not a folder on this machine"),
        ("/etc/passwd", "/tmp/out", "is not a folder on this machine"),
    ],
)
def test_folders_that_cannot_be_meant_are_refused(root: str, out: str, said: str) -> None:
    with pytest.raises(Fail, match=said):
        folders(root, out)


def test_an_archive_of_itself_is_refused(root: Path) -> None:
    with pytest.raises(Fail, match="would archive itself"):
        folders(str(root), str(root))
    with pytest.raises(Fail, match="would archive itself"):
        folders(str(root), str(root.parent))


def test_an_out_that_cannot_be_made_is_refused(root: Path) -> None:
    with pytest.raises(Fail, match="cannot be written"):
        folders(str(root), str(root / "file" / "below"))


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "a/../../secret", "", ".", "a\0b"])
def test_a_path_that_leaves_the_root_is_refused(root: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(Fail, match="does not name a file below the root"):
        archive_file(context(), str(root), str(tmp_path / "out"), path)


@pytest.mark.parametrize("kind", ["gone", "link", "pipe", "folder"])
def test_what_is_no_file_any_more_is_refused(root: Path, tmp_path: Path, kind: str) -> None:
    make_anything_but_a_file(root / "later", kind)
    with pytest.raises(Fail, match="The file 'later' cannot be read"):
        archive_file(context(), str(root), str(tmp_path / "out"), "later")
    assert not list((tmp_path / "out" / ".partial").iterdir())


def make_anything_but_a_file(path: Path, kind: str) -> None:
    match kind:
        case "link":
            path.symlink_to("file")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()


def test_a_file_that_is_written_to_meanwhile_is_tried_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writes(_: Context) -> object:
        return lambda size: (root / "file").write_bytes(b"x" * (size + 1))

    monkeypatch.setattr("examples.archive.file._watch", writes)
    with pytest.raises(Retry, match="was written to while it was read"):
        archive_file(context(), str(root), str(tmp_path / "out"), "file")
    assert not (tmp_path / "out" / "files").exists()


def test_a_cancelled_attempt_ends_between_two_chunks(root: Path, tmp_path: Path) -> None:
    cancelled = context()
    cancelled._stop()
    with pytest.raises(Cancel):
        archive_file(cancelled, str(root), str(tmp_path / "out"), "file")
    assert not (tmp_path / "out" / "files").exists()
