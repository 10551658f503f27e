"""The kinds of notification and their rules: one row of a table each."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.ledger.money import Money


class NotificationKind(enum.StrEnum):
    """What happened."""

    MONEY_RECEIVED = "money_received"
    REQUEST_RECEIVED = "request_received"
    REQUEST_REMINDER = "request_reminder"
    REQUEST_PAID = "request_paid"
    REQUEST_DECLINED = "request_declined"
    REQUEST_CANCELLED = "request_cancelled"
    REQUEST_EXPIRED = "request_expired"
    SCHEDULED_TRANSFER_SENT = "scheduled_transfer_sent"
    SCHEDULED_TRANSFER_FAILED = "scheduled_transfer_failed"
    TOP_UP_FAILED = "top_up_failed"
    TRANSACTION_REVERSED = "transaction_reversed"
    WEBHOOK_DISABLED = "webhook_disabled"
    NEW_SIGN_IN = "new_sign_in"
    SECURITY_CHANGED = "security_changed"
    ACCOUNT_RESTRICTED = "account_restricted"


#: Those about a payment request.
OF_REQUESTS = frozenset(
    {
        NotificationKind.REQUEST_RECEIVED,
        NotificationKind.REQUEST_REMINDER,
        NotificationKind.REQUEST_PAID,
        NotificationKind.REQUEST_DECLINED,
        NotificationKind.REQUEST_CANCELLED,
        NotificationKind.REQUEST_EXPIRED,
    }
)


class SecurityChange(enum.StrEnum):
    """What a notification of the kind SECURITY_CHANGED is about: its detail `change`."""

    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    API_TOKEN_CREATED = "api_token_created"  # noqa: S105
    API_TOKEN_REVOKED = "api_token_revoked"  # noqa: S105
    ACCOUNT_REOPENED = "account_reopened"
    TOTP_ENABLED = "totp_enabled"
    TOTP_DISABLED = "totp_disabled"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RECOVERY_CODE_USED = "recovery_code_used"
    CONFIRM_ABOVE_CHANGED = "confirm_above_changed"
    SESSIONS_ENDED = "sessions_ended"
    DATA_EXPORTED = "data_exported"
    DATA_EXPORT_FAILED = "data_export_failed"


# ================================================================ messages


#: For a user whom the notification does not name.
UNKNOWN = "Another user"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message is made of, as it is when the message is read."""

    #: The other user's name.
    name: str = UNKNOWN
    #: That of the entry, or else the detail `amount_minor`.
    amount: Money | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sum(self) -> str:
        """The amount as text."""
        return "money" if self.amount is None else str(self.amount)


def _webhook_disabled(facts: Facts) -> str:
    host = facts.details.get("host")
    return f"The webhook {f'to {host} ' if host else ''}was disabled: its deliveries failed."


#: What an account is barred from (domain.people.restrictions).
_BARRED = {"sending": "send", "receiving": "receive", "adding": "add"}


def _account_restricted(facts: Facts) -> str:
    chosen, until = facts.details.get("restrictions"), facts.details.get("until")
    if not isinstance(chosen, list):
        return "Your account was restricted."
    if not chosen:
        return "The restrictions of your account were lifted."
    verbs = [_BARRED[each] for each in chosen if each in _BARRED]
    if not verbs:
        return "Your account was restricted."
    listed = " or ".join(filter(None, [", ".join(verbs[:-1]), verbs[-1]]))
    try:
        ends = datetime.fromisoformat(until).astimezone(UTC) if isinstance(until, str) else None
    except ValueError:
        ends = None
    when = "For now" if ends is None else f"Until {ends.day} {ends:%B %Y, %H:%M} UTC"
    return f"{when}, your account cannot {listed} money. You can still sign in and see everything."


def _transaction_reversed(facts: Facts) -> str:
    match facts.details.get("kind"), facts.details.get("direction"):
        case "transfer", "incoming":
            return f"{facts.sum} that you sent to {facts.name} was returned to you."
        case "transfer", "outgoing":
            return f"{facts.sum} that {facts.name} had sent you was taken back."
        case "top_up", "outgoing":
            return f"{facts.sum} that you had added was taken back."
        case _:
            return f"A transaction was reversed: {facts.sum}."


_CHANGES: Mapping[str, str] = {
    SecurityChange.PASSWORD_CHANGED: "Your password was changed.{also}",
    SecurityChange.PASSWORD_RESET: "Your password was reset with a link from a mail.{also}",
    SecurityChange.API_TOKEN_CREATED: "{token} was created.",
    SecurityChange.API_TOKEN_REVOKED: "{token} was revoked.",
    SecurityChange.ACCOUNT_REOPENED: "Your account was reopened by a sign-in with your password.",
    SecurityChange.DATA_EXPORTED: (
        "Your data export is ready. You can download it in the settings for seven days."
    ),
    SecurityChange.DATA_EXPORT_FAILED: (
        "Your data could not be exported. Try again later, or contact support."
    ),
    SecurityChange.TOTP_ENABLED: "An authenticator app was enabled for your account.",
    SecurityChange.TOTP_DISABLED: "The authenticator app of your account was disabled.",
    SecurityChange.PASSKEY_ADDED: "{passkey} was added to your account.",
    SecurityChange.PASSKEY_REMOVED: "{passkey} was removed from your account.",
    SecurityChange.RECOVERY_CODES_RENEWED: "Your recovery codes were replaced by new ones.",
    SecurityChange.RECOVERY_CODE_USED: "One of your recovery codes was used.",
    SecurityChange.SESSIONS_ENDED: ("An operator of this wallet signed you out on all devices."),
    SecurityChange.CONFIRM_ABOVE_CHANGED: (
        "The amount above which payments require a second factor was changed."
    ),
}
_CHANGED = "Your security settings were changed."


def _security_changed(facts: Facts) -> str:
    name, revoked = facts.details.get("name"), facts.details.get("api_tokens_revoked")
    also = ""
    if isinstance(revoked, int) and revoked > 0:
        also = f" {revoked} API token{'s were' if revoked > 1 else ' was'} revoked."
    change = facts.details.get("change")
    sentence = _CHANGES.get(change, _CHANGED) if isinstance(change, str) else _CHANGED
    return sentence.format(
        also=also,
        token=f"The API token “{name}”" if name else "An API token",
        passkey=f"The passkey “{name}”" if name else "A passkey",
    )


def _new_sign_in(facts: Facts) -> str:
    known = {
        name: detail
        for name in ("place", "ip_address", "user_agent")
        if isinstance(detail := facts.details.get(name), str) and detail
    }
    near = f" near {known['place']}" if "place" in known else ""
    address = f" from the IP address {known['ip_address']}" if "ip_address" in known else ""
    device = f" ({known['user_agent']})" if "user_agent" in known else ""
    return f"A new device signed in to your account{near}{address}{device}."


# ================================================================ rules


class Mailed(enum.Enum):
    """Whether notifications of a kind are also sent by mail."""

    ALWAYS = enum.auto()
    BY_DEFAULT = enum.auto()
    ON_REQUEST = enum.auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """The rules of a kind of notification."""

    mailed: Mailed
    #: The subject of the mail, unless the notice has a mail of its own.
    mail_subject: str
    #: The sentence for the user. It never fails: details may be of another release.
    message: Callable[[Facts], str]


RULES: Mapping[NotificationKind, Rule] = {
    NotificationKind.MONEY_RECEIVED: Rule(
        Mailed.ON_REQUEST, "You received money", lambda facts: f"{facts.name} sent you {facts.sum}."
    ),
    NotificationKind.REQUEST_RECEIVED: Rule(
        Mailed.BY_DEFAULT,
        "You received a payment request",
        lambda facts: f"{facts.name} requests {facts.sum} from you.",
    ),
    NotificationKind.REQUEST_REMINDER: Rule(
        Mailed.BY_DEFAULT,
        "A reminder of a payment request",
        lambda facts: f"{facts.name} reminds you of a request for {facts.sum}.",
    ),
    NotificationKind.REQUEST_PAID: Rule(
        Mailed.BY_DEFAULT,
        "Your payment request was paid",
        lambda facts: f"{facts.name} paid your request for {facts.sum}.",
    ),
    NotificationKind.REQUEST_DECLINED: Rule(
        Mailed.BY_DEFAULT,
        "Your payment request was declined",
        lambda facts: f"{facts.name} declined your request for {facts.sum}.",
    ),
    NotificationKind.REQUEST_CANCELLED: Rule(
        Mailed.BY_DEFAULT,
        "A payment request was cancelled",
        lambda facts: f"{facts.name} cancelled a request for {facts.sum}.",
    ),
    NotificationKind.REQUEST_EXPIRED: Rule(
        Mailed.BY_DEFAULT,
        "A payment request expired",
        lambda facts: f"A payment request for {facts.sum} expired.",
    ),
    NotificationKind.SCHEDULED_TRANSFER_SENT: Rule(
        Mailed.ON_REQUEST,
        "A scheduled transfer was sent",
        lambda facts: f"Your scheduled transfer of {facts.sum} to {facts.name} was sent.",
    ),
    NotificationKind.SCHEDULED_TRANSFER_FAILED: Rule(
        Mailed.BY_DEFAULT,
        "A scheduled transfer failed",
        lambda facts: f"Your scheduled transfer of {facts.sum} to {facts.name} failed.",
    ),
    NotificationKind.TOP_UP_FAILED: Rule(
        Mailed.ON_REQUEST,
        "A top-up failed",
        lambda facts: f"Your top-up of {facts.sum} failed.",
    ),
    NotificationKind.TRANSACTION_REVERSED: Rule(
        Mailed.BY_DEFAULT,
        "A transaction was reversed",
        _transaction_reversed,
    ),
    NotificationKind.WEBHOOK_DISABLED: Rule(
        Mailed.BY_DEFAULT, "A webhook was disabled", _webhook_disabled
    ),
    NotificationKind.NEW_SIGN_IN: Rule(
        Mailed.ALWAYS, "A new device signed in to your wallet", _new_sign_in
    ),
    NotificationKind.SECURITY_CHANGED: Rule(
        Mailed.ALWAYS, "Security notice about your account", _security_changed
    ),
    NotificationKind.ACCOUNT_RESTRICTED: Rule(
        Mailed.BY_DEFAULT,
        "Your account was restricted",
        _account_restricted,
    ),
}
#: Kinds whose mails a user cannot turn off.
ALWAYS_MAILED = frozenset(kind for kind, rule in RULES.items() if rule.mailed is Mailed.ALWAYS)
_MAILED_BY_DEFAULT = ALWAYS_MAILED.union(
    kind for kind, rule in RULES.items() if rule.mailed is Mailed.BY_DEFAULT
)


def is_mailed(kind: NotificationKind, chosen: Collection[str] | None) -> bool:
    """Whether the kind is also mailed to a user who has chosen those kinds; None is the default."""
    if chosen is None:
        return kind in _MAILED_BY_DEFAULT
    return kind in chosen or kind in ALWAYS_MAILED


def mailed_kinds(chosen: Collection[str] | None) -> list[NotificationKind]:
    """The kinds that are also mailed to such a user, in the order of their declaration."""
    return [kind for kind in NotificationKind if is_mailed(kind, chosen)]


def chosen_kinds(kinds: Collection[NotificationKind]) -> list[str]:
    """The choice of those kinds as it is stored: without those that are mailed always."""
    return sorted(kind.value for kind in kinds if kind not in ALWAYS_MAILED)
