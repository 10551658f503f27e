"""The output of `up`: its steps, the addresses, and errors while it runs."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from app.http import hosts
from dev.processes import Child

#: A line of the log is shown from this severity on.
SHOWN_LEVELS = {"error", "critical"}
REPEAT_SECONDS = 60


@dataclass(frozen=True)
class Facts:
    """What to print once everything runs."""

    url: str
    demo: bool
    mails_caught: bool
    pusher_address: str
    pusher_key: str
    folder: Path
    #: The address that it listens on.
    host: str = "127.0.0.1"
    #: The dashboard of the embedded payment provider; empty if there is none.
    payments: str = ""


class Messages:
    """Writes messages: in colour and in place on a terminal, as plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()
        self._logs: dict[Path, tuple[str, int]] = {}
        self._said: dict[str, float] = {}
        self._say("[bold]Mini Wallet[/bold]")

    def note(self, sentence: str) -> None:
        self._say(f"  [yellow]![/yellow] {escape(sentence)}")

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show that a step is in progress, and how long it took."""
        start = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{what} …"):
                yield
        else:
            # Without a terminal for a spinner, print once that it takes a moment.
            timer = threading.Timer(1, self._say, [f"  … {what}"])
            timer.daemon = True
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
        seconds = time.monotonic() - start
        self._say(f"  [green]✓[/green] {what} [dim]{seconds:.1f} s[/dim]")

    def ready(self, facts: Facts, being_built: Sequence[str] = ()) -> None:
        """Everything runs; those pages are still being built."""
        rows = [
            ("Wallet", facts.url),
            ("Playground", f"{facts.url}/graphql"),
            ("Reference", f"{facts.url}/docs"),
            *([("Mails", f"{facts.url}/dev/mail")] if facts.mails_caught else []),
            *([("Payments", facts.payments)] if facts.payments else []),
        ]
        if facts.demo:
            users = [f"user.{name}@demo.app" for name in ("alpha", "beta", "gamma")]
            rows += [("Sign in as", " · ".join(users)), ("Password", "mini@Wallet025")]
        if facts.pusher_key:
            rows.append(("Channels", f"{facts.pusher_address}, key {facts.pusher_key}"))
        rows.append(("Data, logs", str(facts.folder)))
        seconds = time.monotonic() - self._start
        self._say(f"\n[bold green]Ready[/bold green] after {seconds:.1f} s\n")
        for name, value in rows:
            self._say(f"  {name:<12}[bold]{escape(value)}[/bold]")
        if not hosts.is_loopback(facts.host):
            self._say(f"\n  [yellow]![/yellow] {escape(_what_is_public(facts))}")
        if being_built:
            self._say(f"\n  … {_named(being_built)}, built once: about a minute")
        self._say("\nCtrl-C stops everything.")

    def built(self, pages: Sequence[str], problems: Sequence[str]) -> None:
        """The build is over; the problems say in sentences what is not available."""
        for problem in problems:
            self.note(problem)
        if not problems:
            self._say(f"  [green]✓[/green] {_named(pages)}")

    def follow(self, name: str, log: Path) -> None:
        """From now on, show the errors in that log."""
        self._logs[log] = (name, log.stat().st_size if log.exists() else 0)

    def show_problems(self) -> None:
        """Show the errors that were logged since the last call."""
        for log, (name, position) in self._logs.items():
            lines, end = _new_lines(log, position)
            self._logs[log] = (name, end)
            for text in dict.fromkeys(_problem(line) for line in lines):
                if text and self._is_news(f"{name} {text}"):
                    self._say(f"  [red]{name}[/red] {escape(text)} [dim]({escape(str(log))})[/dim]")

    def _is_news(self, text: str) -> bool:
        """Whether the text was not shown recently: one problem may log many lines."""
        now = time.monotonic()
        if now - self._said.get(text, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._said[text] = now
        return True

    def child_ended(self, child: Child) -> None:
        self._say(
            f"\n[bold red]{child.name} has ended[/bold red] with status {child.exit_status}, so "
            f"everything is stopped. The end of {escape(str(child.log))}:\n"
            f"{escape(child.log_tail())}"
        )

    def stopping(self) -> None:
        self._say("\nStopping …")

    def stopped(self) -> None:
        self._say("Stopped. The next `./wallet up` continues with the same data.")

    def _say(self, markup: str) -> None:
        # The terminal or the reader of the output may be gone (SIGHUP); `up` continues.
        with contextlib.suppress(OSError):
            self._console.print(markup)
            self._console.file.flush()


def _named(pages: Sequence[str]) -> str:
    return f"The {' and the '.join(pages)}"


def _what_is_public(facts: Facts) -> str:
    """What other machines can access if they can connect."""
    public = ["the wallet and its API"]
    if facts.demo:
        public.append("the demo accounts, whose password is public")
    if facts.mails_caught:
        public.append("every mail that is caught, with the links that open accounts (/dev/mail)")
    if facts.payments:
        public.append(f"the test payments, which anyone can make ({facts.payments})")
    return (
        f"It listens on {facts.host or 'every address'}: anyone who can reach this machine can access "
        f"{'; '.join(public)}. Nothing is encrypted. Omit --host to restrict it to this machine."
    )


def _new_lines(log: Path, position: int) -> tuple[list[str], int]:
    """The complete lines after a position, and where they end."""
    try:
        with log.open("rb") as file:
            file.seek(position)
            new = file.read(1_000_000)
    except OSError:
        return [], position
    whole = new[: new.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), position + len(whole)


def _problem(line: str) -> str:
    """The message of a log line if it is an error; otherwise empty."""
    try:
        entry = json.loads(line)
        level, event = entry.get("level"), entry.get("event")
    except (ValueError, AttributeError):
        return ""
    if level not in SHOWN_LEVELS:
        return ""
    exception = str(entry.get("exception") or "").strip().splitlines()[-1:]
    return ": ".join([str(event), *exception])[:300]
