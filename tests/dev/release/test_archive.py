"""The archive of a release: the same files give the same bytes."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from dev.release import archive


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    packed = []
    for number in (1, 2):
        root = tmp_path / f"checkout {number}"
        (root / "page" / "dist").mkdir(parents=True)
        # Git keeps only whether a file is executable.
        modes = {"wallet": 0o700, "page/dist/index.html": 0o600, "a.py": 0o600}
        for name, mode in modes.items():
            (root / name).write_text(name)
            (root / name).chmod(mode | (0o040 if number == 2 else 0))
            os.utime(root / name, (number, number))
        names = ["wallet", "a.py", *archive.built_files(root, [root / "page"])]
        target = tmp_path / f"{number}" / "archive.tar.gz"
        archive.pack(
            root, names[::-1] if number == 2 else names, target, folder="it", modified_at=5
        )
        packed.append(target.read_bytes())
    assert packed[0] == packed[1]
    with tarfile.open(tmp_path / "1" / "archive.tar.gz") as tar:
        found = [(entry.name, entry.mode, entry.uid, entry.mtime) for entry in tar]
    assert found == [
        ("it/a.py", 0o644, 0, 5),
        ("it/page/dist/index.html", 0o644, 0, 5),
        ("it/wallet", 0o755, 0, 5),
    ]
