"""Archives a folder durably: one task a file, and a summary when all of them have ended.

    rowlock enqueue archive.tree --payload '{"root": "/usr/lib/python3", "out": "/tmp/archive"}'

`archive.tree` walks the folder and enqueues `archive.file` for each regular file, then `archive.summary`. Whatever
happens to the workers meanwhile, `out` ends with one compressed copy of every file (`files/….gz`), their digests in
`sha256sum`'s format (`manifest.sha256`), and the totals with what could not be archived and why (`summary.json`).

The folder `out` mirrors the tree: archiving it again replaces the copies. Use one folder for each tree.
"""

from .app import app
from .file import archive_file
from .summary import archive_summary
from .tree import archive_tree

__all__ = ["app", "archive_file", "archive_summary", "archive_tree"]
