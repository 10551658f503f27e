"""Packs the project and its two built pages: `up` from the archive needs neither Node nor npm."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path


def built_files(root: Path, pages: Iterable[Path]) -> list[str]:
    """The files of the built pages, which Git does not know, by their paths from the root."""
    return [
        file.relative_to(root).as_posix()
        for page in pages
        for file in (page / "dist").rglob("*")
        if file.is_file()
    ]


def pack(root: Path, names: Iterable[str], target: Path, *, folder: str, modified_at: int) -> None:
    """Write these files of `root` to `target`, below `folder`.

    The same files give the same bytes: sorted, without owners, and all modified at the same time.
    That time must differ between releases: browsers and Python compare it to notice new files.
    """
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    with (
        unfinished.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(set(names)):
            path = root / name
            entry = tar.gettarinfo(path, f"{folder}/{name}")
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = modified_at
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    unfinished.replace(target)
