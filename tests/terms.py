"""The terms of this project: words that readers of the field would misread, and what to say instead."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

#: Texts of these kinds are read; of Python, comments and string literals, and all else of the rule says so.
SUFFIXES = {".py", ".ts", ".vue", ".js", ".mjs", ".jsx", ".md", ".html", ".txt", ".graphql", ".sql"}
#: Not ours to reword: migrations that have run, measurements that were kept, and generated files.
EXCLUDED = ("migrations/versions/", "bench/results/", "client/dist/", "tests/terms")


@dataclass(frozen=True)
class Term:
    """A pattern that must not appear, the term to use, and the paths it applies to."""

    pattern: str
    instead: str
    #: Prefixes of paths; empty is every path.
    under: tuple[str, ...] = ()
    #: Whether Python identifiers are read too, and not only comments and string literals.
    in_names: bool = False

    def found_in(self, name: str, text: str) -> list[str]:
        """Each match, with what surrounds it."""
        if self.under and not name.startswith(self.under):
            return []
        read = _prose(text) if name.endswith(".py") and not self.in_names else text
        return [
            read[max(0, match.start() - 25) : match.end() + 25].replace("\n", " ")
            for match in re.finditer(self.pattern, read)
        ]


_CORE = ("domain/", "persistence/", "application/", "schema/", "resolvers/", "docs/", "README.md")

_OURS = (
    *_CORE,
    *("adapters/", "app/", "bench/", "dev/", "graphql_server/", "jobs/", "realtime/", "torture/"),
    *("client/src/", "client/playground/src/", "SECURITY.md", "settings.py"),
)

TERMS = (
    Term(r"(?i)how.?manieth", "generation", in_names=True),
    Term(r"(?i)\bpatience\b|lose_patience", "timeout or deadline", in_names=True),
    Term(r"(?i)\bstanding\b|\bstill stands?\b", "active", in_names=True),
    Term(r"(?i)\b(?:sessions?|tokens?|credentials?) stands?\b", "is active"),
    Term(
        r"\b[Ll]etters?\b(?!-)",
        "mail, or mail template",
        under=("jobs/", "tests/jobs/"),
        in_names=True,
    ),
    # A code of ISO 20022 aside, and a field of the API.
    Term(
        r"(?i)(?<!tests\.)(?<!<Cd>)\bbooks?\b(?!: BooksSummary| \{|[\x22'])",
        "account ledger, or ledger",
    ),
    Term(r"(?i)\blines? of (?:\w+ )?(?:ledger|account)s?\b", "entry"),
    Term(r"(?i)\b(?:ledger|newest|sealed) lines?\b|\bnew line of\b", "entry"),
    Term(r"(?i)\bseal(?:s|ed)? (?:the|each|every|all) lines?\b", "entry"),
    # An outcome is settled, and so is a payment request; an entry is posted.
    Term(r"(?i)(?<!payment request )\bsettl(?:e|es|ed|ing)\b(?! the outcome)", "post", under=_CORE),
    Term(r"(?i)\bheld back never\b|\bfrom the outside in\b", "say it plainly"),
    Term(
        r"(?i)\b(?:somebody|whoever|everybody|anybody|oneself)\b",
        "say who: a user, a client, a process",
        under=_OURS,
    ),
)


def read_by_this_check(name: str) -> bool:
    """Whether a file, by its path from the root, has texts of ours that people read."""
    return Path(name).suffix in SUFFIXES and not name.startswith(EXCLUDED)


def misused(name: str, text: str) -> list[str]:
    """What a text says that it should say in another way, one sentence for each place."""
    return [
        f"{name}: “{place}”: say {term.instead}"
        for term in TERMS
        for place in term.found_in(name, text)
    ]


@lru_cache(maxsize=1)
def _prose(source: str) -> str:
    """The comments and the string literals of a module, one below the other; every term reads them."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type in kinds)
