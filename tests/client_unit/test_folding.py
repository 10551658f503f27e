"""The client folds texts as the service does, for every character."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from pathlib import Path

from dev import node
from dev.up import building
from domain import text
from settings import ROOT

TABLE = building.CLIENT / "src" / "lib" / "folding.json"
#: Bundles the client's module as Vite does, and folds each text of standard input.
FOLD = """
import {{ build }} from 'vite';
import {{ json }} from 'node:stream/consumers';
const outDir = {folder};
await build({{
  configFile: false, logLevel: 'error', resolve: {{ alias: {{ '@': '{client}/src' }} }},
  build: {{ ssr: 'src/lib/folding.ts', outDir, emptyOutDir: false, rollupOptions: {{ output: {{ entryFileNames: 'folding.mjs' }} }} }},
}});
const {{ folded }} = await import(outDir + '/folding.mjs');
const texts = await json(process.stdin);
process.stdout.write(JSON.stringify(texts.map(folded)));
"""


def test_client_and_service_have_one_table() -> None:
    assert TABLE.read_bytes() == (ROOT / "domain" / "folding.json").read_bytes()


def test_every_character_is_folded_alike(tmp_path: Path) -> None:
    node.ensure_installed(building.CLIENT)
    # Those that this Python knows; with a letter beside, as some are others at the end of a word.
    assigned = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    texts = [*assigned, *(f"Α{c}" for c in assigned), "ΣΊΣΥΦΟΣ ΣΟΦΟΣ", "a \u00a0\t b\n", "İI ıi"]
    script = FOLD.format(folder=json.dumps(str(tmp_path)), client=building.CLIENT)
    done = subprocess.run(
        [str(node.node_path()), "--input-type=module", "-e", script],
        cwd=building.CLIENT,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folded = json.loads(done.stdout)
    assert len(folded) == len(texts)
    different = [
        (raw, text.search_text(raw), by_client)
        for raw, by_client in zip(texts, folded, strict=True)
        if by_client != text.search_text(raw)
    ]
    assert different == []
