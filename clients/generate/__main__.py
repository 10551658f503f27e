"""`python -m clients.generate`: writes the generated files of both client libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from clients.generate import python, reading, typescript, unasync

CLIENTS = Path(__file__).resolve().parents[1]
SCHEMA = CLIENTS.parent / "schema" / "schema.graphql"
PYTHON = CLIENTS / "python" / "src" / "mini_wallet_client"
TYPESCRIPT = CLIENTS / "typescript" / "src"
_FROM_ASYNC = '"""{title}\n\nDerived from `_async/{name}` by `python -m clients.generate`: do not edit.\n"""\n'


def generated() -> dict[Path, str]:
    """Every generated file as it should be. Raises `reading.Problem`."""
    read = reading.read(SCHEMA, CLIENTS / "documents")
    files = {
        PYTHON / "models.py": python.models(read),
        PYTHON / "documents.py": python.documents(read),
    }
    for source in sorted((PYTHON / "_async").glob("*.py")):
        title, _, body = unasync.blocking(source.read_text(encoding="utf-8")).partition("\n")
        head = _FROM_ASYNC.format(title=title.strip('"'), name=source.name)
        files[PYTHON / "_sync" / source.name] = head + body
    return {
        **{path: _formatted(path, text) for path, text in files.items()},
        TYPESCRIPT / "generated.ts": typescript.module(read),
    }


def _formatted(path: Path, text: str) -> str:
    for command in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        finished = subprocess.run(
            [Path(sys.executable).parent / "ruff", *command, "--stdin-filename", path, "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = finished.stdout
    return text


def main() -> int:
    """Write what has changed."""
    try:
        files = generated()
    except reading.Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(CLIENTS.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
