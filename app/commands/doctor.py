"""Checks everything that the service depends on, and reports how to fix problems."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import rich.box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters import mailer, payment_providers, pusher, redis_connection
from app import wiring
from app.commands import database_checks, operators, stored_factors, stored_webhooks
from app.commands.findings import Finding
from app.http import client, pages
from app.telemetry import logs, tracing
from domain import errors
from domain.ledger.money import Money
from domain.top_ups.provider import ProviderAway, ProviderRefused
from jobs import reactions
from jobs.sinks import table as sinks
from persistence.audit import seals
from persistence.delivery import cursors, mails, outbox
from persistence.engine.database import Database
from persistence.top_ups import mismatches, reversals
from settings import Settings, SettingsError

#: How old the oldest waiting row must be to be reported.
_LAG_SECONDS = 30.0
_CHECK_SECONDS = 20.0
_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]to do[/]"}


def run(settings: Settings) -> int:
    """Print the results; exit status 1 if anything needs attention."""
    findings = asyncio.run(examine(settings))
    _print(findings)
    return 1 if any(finding.state == "bad" for finding in findings) else 0


async def examine(settings: Settings) -> list[Finding]:
    """All checks, in the order in which one would fix problems."""
    findings = _configuration(settings)
    try:
        database = await Database.open(settings.database_url.get_secret_value())
    except ValueError as error:
        return [*findings, Finding("Database", "bad", f"{error}. See .env.example.")]
    try:
        reachable = await _patiently("Database", lambda: database_checks.reach(database))
        findings += reachable
        findings += await _patiently("Servers", lambda: database_checks.servers(settings))
        if all(finding.state != "bad" for finding in reachable):
            findings += await _patiently(
                "PostgreSQL settings", lambda: database_checks.unsafe_settings(database)
            )
            findings += await _patiently("Migrations", lambda: database_checks.migrations(database))
            findings += await _patiently("Cluster", lambda: database_checks.cluster(settings))
        if all(finding.state != "bad" for finding in findings if finding.what == "Migrations"):
            findings += await _patiently("Queues", lambda: _queues(database, settings))
            findings += await _patiently("Seals", lambda: _seals(database, settings))
            findings += await _patiently("Webhooks", lambda: _webhooks(database, settings))
            findings += await _patiently("Top-ups", lambda: _top_ups(database, settings))
            findings += await _patiently("Operators", lambda: _operators(database))
    finally:
        await database.close()
    findings += await _patiently("Redis", lambda: _redis(settings))
    findings += await _patiently("Mail server", lambda: _mail_server(settings))
    findings += await _patiently("Pusher", lambda: _pusher(settings))
    findings += await _patiently("Payment provider", lambda: _payment_provider(settings))
    findings += await _patiently("Tracing", lambda: _tracing(settings))
    return findings


async def _patiently(what: str, examining: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await examining()
    except TimeoutError:
        return [Finding(what, "bad", f"No answer within {_CHECK_SECONDS:.0f} seconds.")]
    except errors.Unavailable:
        return [
            Finding(
                what, "bad", "The database cannot be reached: is it running, is DATABASE_URL right?"
            )
        ]


def _configuration(settings: Settings) -> list[Finding]:
    findings = []
    try:
        limits = wiring.read_limits(settings)
        says = f"{limits.currency.code}, fee {limits.fee_basis_points} basis points, at {settings.app_url}"
        findings.append(Finding("Settings", "ok", says))
    except SettingsError as error:
        findings.append(Finding("Settings", "bad", str(error)))
    if not settings.app_is_local:
        if not settings.secure_cookies:
            says = "APP_URL is public but not https: passwords and cookies are sent unencrypted."
            findings.append(Finding("Transport", "bad", says))
        if not settings.trusted_proxies:
            says = "TRUSTED_PROXIES is empty: behind a proxy, all clients share its rate limits."
            findings.append(Finding("Proxies", "note", says))
        if settings.rate_limit_factor == 0:
            says = "RATE_LIMIT_FACTOR is 0: there are no rate limits. Set it to 1 for a public service."
            findings.append(Finding("Rate limits", "bad", says))
    if not (client.DIST / "index.html").is_file():
        says = "Not built: run `npm ci` and `npm run build` in client."
        findings.append(Finding("Web client", "note", says))
    if settings.graphql_profile == "open" and not pages.is_playground_built():
        says = "Not built: run `npm ci` and `npm run build` in client/playground."
        findings.append(Finding("Playground", "note", says))
    return findings


async def _queues(database: Database, settings: Settings) -> list[Finding]:
    backlog = await outbox.backlog(database)
    counts = await mails.counts(database)
    findings = [
        _lag(
            "Relay",
            backlog.count,
            backlog.oldest_age_seconds,
            "events wait to be passed on",
            "is `./wallet relay` running, and can it reach Redis?",
        )
    ]
    unknown_mails = counts["unknown_purpose"]
    if backlog.set_aside or unknown_mails:
        says = (
            f"{backlog.set_aside} events and {unknown_mails} mails are of a kind that this release does "
            "not know: run the newest release, whose relays and workers process them automatically."
        )
        findings.append(Finding("Set aside", "bad", says))
    lags = await cursors.lag(database)
    for sink in sinks.configured(settings):
        lag = lags.get(sink.name, cursors.NO_LAG)
        findings.append(
            _lag(
                f"Sink {sink.name}",
                lag.receivers,
                lag.oldest_age_seconds,
                "receivers wait for events",
                f"is a worker for the queue `{sink.queue}` running, and can it reach the receivers?",
            )
        )
    unknown = sorted(lags.keys() - {sink.name for sink in sinks.SINKS})
    if unknown:
        says = (
            f"{', '.join(unknown)}: this release does not know these sinks, whose receivers wait: run "
            "the newest release."
        )
        findings.append(Finding("Sinks", "bad", says))
    failed, pending = counts.get("failed", 0), counts.get("pending", 0)
    if failed:
        says = f"{failed} could not be sent: once the mail server works, run `./wallet worker --retry-failed`."
        findings.append(Finding("Mails", "bad", says))
    else:
        findings.append(Finding("Mails", "ok", f"none failed, {pending} waiting"))
    return findings


async def _seals(database: Database, settings: Settings) -> list[Finding]:
    async with database.translated(), database.snapshot() as connection:
        is_right = await seals.is_key_of_ledgers(connection, settings.sealing_key)
    if not is_right:
        says = "The ledgers are sealed with another AUDIT_KEY: set that one again, or run `./wallet reseal`."
        return [Finding("Seals", "bad", says)]
    if settings.audit_key is None:
        says = (
            "AUDIT_KEY is not set: the seals show damage, but not forgery. Set it, then run "
            "`./wallet reseal --no-key-before`."
        )
        return [Finding("Seals", "note", says)]
    return [Finding("Seals", "ok", "the newest entry is sealed with AUDIT_KEY")]


async def _webhooks(database: Database, settings: Settings) -> list[Finding]:
    found = await stored_webhooks.examine(database, settings)
    factors = await stored_factors.examine(database, settings)
    return [Finding("Webhooks", state, says) for state, says in found] + [
        Finding("Second factors", state, says) for state, says in factors
    ]


async def _top_ups(database: Database, settings: Settings) -> list[Finding]:
    findings = []
    unmatched = await mismatches.count(database)
    if unmatched:
        days = mismatches.REPORTED_FOR.days
        says = (
            f"{unmatched} payments of the last {days} days were not credited: they match no top-up, belong "
            "to a closed account, or could not be refunded. See the table top_up_mismatches, and refund "
            "them at the provider."
        )
        findings.append(Finding("Top-ups", "bad", says))
    short = await reversals.shortfall(database)
    if short.count:
        owed = Money(short.amount_minor, settings.read_limits().currency)
        says = (
            f"{short.count} refunds and disputes, {owed} in total, are not covered by balances: see "
            "the table top_up_reversals, and contact the users."
        )
        findings.append(Finding("Top-ups", "bad", says))
    if settings.instant_top_ups and not settings.app_is_local:
        says = "INSTANT_TOP_UPS is true and APP_URL is public: anyone can add money without paying."
        findings.append(Finding("Top-ups", "bad", says))
    return findings


async def _payment_provider(settings: Settings) -> list[Finding]:
    provider = payment_providers.configured(settings)
    if provider is None:
        says = "Not configured: startTopUp is not available. See TOP_UP_PROVIDER."
        return [Finding("Payment provider", "note", says)]
    try:
        await provider.check()
    except (ProviderAway, ProviderRefused) as error:
        says = f"Not usable: {error}. Check STRIPE_API_KEY and STRIPE_API_BASE."
        return [Finding("Payment provider", "bad", says)]
    finally:
        await provider.close()
    return [Finding("Payment provider", "ok", f"{provider.name} accepts the key")]


async def _operators(database: Database) -> list[Finding]:
    return [Finding("Operators", *await operators.examine(database))]


def _lag(what: str, count: int, age_seconds: float, waiting: str, question: str) -> Finding:
    if age_seconds > _LAG_SECONDS:
        return Finding(
            what, "bad", f"{count} {waiting}, the oldest for {age_seconds:.0f} s: {question}"
        )
    return Finding(what, "ok", f"{count} {waiting}")


async def _redis(settings: Settings) -> list[Finding]:
    url = settings.redis_url.get_secret_value()
    queues = reactions.queues_of(sinks.configured(settings))
    try:
        client = redis_connection.connect(url, timeout_seconds=3, connections=1)
        try:
            version = (await client.info("server"))["redis_version"]
            await redis_connection.check_writes(client)
            workers = await client.scard("rq:workers")
            unattended = [name for name in queues if not await client.scard(f"rq:workers:{name}")]
            failed = sum([await client.zcard(f"rq:failed:{name}") for name in reactions.QUEUES])
        finally:
            await client.aclose()
            await client.connection_pool.aclose()
    except ValueError as error:
        return [Finding("Redis", "bad", f"REDIS_URL is wrong: {error}.")]
    except redis_connection.AWAY as error:
        wrong = redis_connection.reason(error)
        wrong = "Cannot be reached" if wrong == "unreachable" else f"Not usable: {wrong}"
        says = f"{wrong} ({logs.clean(str(error))}): live updates are slower and mails wait."
        return [Finding("Redis", "bad", says)]
    findings = [Finding("Redis", "ok", f"version {version}")]
    if failed:
        says = (
            f"{failed} failed or were refused in the last 24 hours: see the workers' logs for the reasons. A job that "
            "calls anything but this service's own functions was not written by this service: check who "
            "has access to Redis."
        )
        findings.append(Finding("Jobs", "bad", says))
    if not workers:
        says = "None is running: mails and events for sinks wait. Start `./wallet worker`."
        return [*findings, Finding("Workers", "bad", says)]
    if unattended:
        says = (
            f"None takes jobs from {', '.join(unattended)}: start `./wallet worker`, or name them in "
            "`--queues`."
        )
        return [*findings, Finding("Workers", "bad", says)]
    return [*findings, Finding("Workers", "ok", f"{workers} running")]


async def _mail_server(settings: Settings) -> list[Finding]:
    try:
        post = mailer.Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
        await asyncio.to_thread(post.check)
    except ValueError as error:
        return [Finding("Mail server", "bad", f"{error} See .env.example.")]
    except mailer.MailError as error:
        return [
            Finding("Mail server", "bad", f"Not usable: {logs.clean(str(error))}. Check SMTP_URL.")
        ]
    return [Finding("Mail server", "ok", f"takes mail from {settings.mail_from}")]


async def _pusher(settings: Settings) -> list[Finding]:
    gateway = pusher.PusherGateway.from_settings(settings)
    if gateway is None:
        says = "Not configured: live updates use GraphQL only. See PUSHER_* in .env.example."
        return [Finding("Pusher", "note", says)]
    try:
        await asyncio.to_thread(gateway.check)
    except pusher.PusherError as error:
        return [Finding("Pusher", "bad", f"Not usable: {error}. Check PUSHER_*.")]
    return [Finding("Pusher", "ok", settings.pusher_host or f"cluster {settings.pusher_cluster}")]


async def _tracing(settings: Settings) -> list[Finding]:
    try:
        endpoint = tracing.endpoint(settings)
        if endpoint is None:
            return []
        parts = urlsplit(endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, SettingsError, ValueError) as error:
        says = f"Spans are lost: {logs.clean(str(error)).removesuffix('.')}. Check OTEL_*."
        return [Finding("Tracing", "bad", says)]
    writer.close()
    return [Finding("Tracing", "ok", f"spans are sent to {parts.hostname}:{port}")]


def _print(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        for finding in findings:
            mark = {"ok": "ok", "note": "note", "bad": "to do"}[finding.state]
            console.out(f"{mark:<6} {finding.what}: {finding.says}", highlight=False)
        return
    table = Table(box=rich.box.SIMPLE_HEAD)
    for heading in ("", "What", "State, and what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(_MARKS[finding.state], finding.what, escape(finding.says))
    console.print(table)
