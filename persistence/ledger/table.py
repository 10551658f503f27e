"""The table of what commands depend on and change: the query or statement of each kind.

A feature has its queries and statements in its own module, and a row here for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain import authority
from domain.authority import Authority
from domain.ledger.budgets import BudgetOf
from domain.ledger.close_key import CloseKey
from domain.ledger.confirmations import (
    ChallengeOf,
    PaidBefore,
    PasskeyUse,
    RecoveryCodeUse,
    TotpUse,
    UseChallenge,
    UsePasskey,
    UseRecoveryCode,
    UseTotp,
)
from domain.ledger.decisions import Effect, LookUp
from domain.ledger.mails import RequestMail
from domain.ledger.metadata import MetadataOf, StoreMetadata
from domain.ledger.pay_request import ClosePaidRequest, RequestOf, StoreForPayer
from domain.ledger.restricting import SetRestrictions
from domain.ledger.reversals import OriginalOf
from domain.operators.reversing import ActionOfKey, AppendRecord, LogHead, MoveHead, ProposalOf
from domain.schedules.posting import RunOf, RunSent, ScheduleContinues
from domain.top_ups.crediting import AbandonTopUp, TopUpOf, TopUpPosted
from domain.top_ups.reversing import (
    Operators,
    PaymentOf,
    ReversalChanged,
    ReversalOf,
    ReversalPosted,
    TopUpChanged,
)
from persistence.engine.pipeline import Statement
from persistence.ledger import authorities, confirming, effects, look_ups, originals
from persistence.ledger.authorities import Source
from persistence.ledger.look_ups import Query
from persistence.operators import access
from persistence.operators import reversing as operators
from persistence.people import restrictions
from persistence.requests import paying
from persistence.schedules import posting as schedules
from persistence.top_ups import operators as told
from persistence.top_ups import payments, reversals
from persistence.top_ups import posting as top_ups

AUTHORITIES: Mapping[type[Authority], Source] = {
    authority.Session: authorities.SESSIONS,
    authority.ApiToken: authorities.API_TOKENS,
    authority.Schedule: Source("scheduled_transfers", "a.status = 'ACTIVE'"),
    authority.Provider: Source("top_ups", "TRUE"),
    authority.Operator: Source("sessions", access.is_active("a")),
}
LOOK_UPS: Mapping[type[LookUp[Any]], Query] = {
    BudgetOf: look_ups.BUDGETS,
    MetadataOf: look_ups.METADATA,
    RequestOf: paying.REQUESTS,
    OriginalOf: Query(originals.originals, originals.read_originals),
    LogHead: operators.HEAD,
    ActionOfKey: operators.OF_KEYS,
    ProposalOf: operators.PROPOSALS,
    RunOf: Query(schedules.runs, schedules.read_runs),
    TopUpOf: Query(top_ups.states, top_ups.read_states),
    ReversalOf: Query(reversals.states, reversals.read_states),
    PaymentOf: Query(payments.payments, payments.read_payments),
    Operators: Query(told.operators, told.read_operators),
    PaidBefore: confirming.PAID,
    ChallengeOf: confirming.CHALLENGES,
    TotpUse: confirming.TOTP_USES,
    PasskeyUse: confirming.PASSKEY_USES,
    RecoveryCodeUse: confirming.RECOVERY_CODE_USES,
}
EFFECTS: Mapping[type[Effect], Callable[[Sequence[Any]], Statement]] = {
    CloseKey: effects.close_keys,
    StoreMetadata: effects.store_metadata,
    RequestMail: effects.request_mails,
    ClosePaidRequest: paying.close_paid_requests,
    StoreForPayer: paying.store_for_payers,
    SetRestrictions: restrictions.set_all,
    AppendRecord: operators.append,
    MoveHead: operators.move_head,
    RunSent: schedules.send_runs,
    ScheduleContinues: schedules.go_on,
    TopUpPosted: top_ups.post,
    AbandonTopUp: top_ups.abandon,
    ReversalChanged: reversals.change,
    ReversalPosted: reversals.post,
    TopUpChanged: reversals.change_top_ups,
    UseChallenge: confirming.use_challenges,
    UseTotp: confirming.use_totp,
    UsePasskey: confirming.use_passkeys,
    UseRecoveryCode: confirming.use_recovery_codes,
}


def write(effects: Sequence[Effect]) -> list[Statement]:
    """One statement for each kind of effect that there is."""
    by_kind: dict[type[Effect], list[Effect]] = {}
    for effect in effects:
        by_kind.setdefault(type(effect), []).append(effect)
    return [EFFECTS[kind](of_kind) for kind, of_kind in by_kind.items()]
