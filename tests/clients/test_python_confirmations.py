"""The Python client confirms with a second factor, once whatever the network does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import mini_wallet_client as client
from mini_wallet_client import Confirmation, MoneySent, Recipient, SecondFactorInput, Wallet
from tests.app.conftest import BETA, Api
from tests.clients.proxy import DROPPED, LOST, Proxy
from tests.clients.second_factors import new_owner

TO_BETA = Recipient.email(BETA)


def test_a_confirmed_payment_whose_answer_is_lost_is_repeated_and_made_once(
    api: Api, proxy: Proxy, beta: Wallet
) -> None:
    owner = new_owner(api, proxy.url, "Confirming Python")
    codes = iter(owner.recovery_codes)

    def answer(required: object) -> Confirmation:
        assert isinstance(required, client.ConfirmationRequired), required
        assert required.methods == (client.SecondFactor.TOTP, client.SecondFactor.RECOVERY_CODE)
        return Confirmation(required.challenge, SecondFactorInput.recovery_code(next(codes)))

    with owner.wallet as wallet:
        preview = wallet.preview_transfer(1, TO_BETA)
        assert isinstance(preview, client.TransferPreview)
        assert preview.needs_confirmation

        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        required = wallet.schedule_transfer(TO_BETA, 1, tomorrow, key="schedule-1")
        confirmation = answer(required)
        proxy.faults.append(LOST)
        scheduled = wallet.schedule_transfer(
            TO_BETA, 1, tomorrow, key="schedule-1", confirmation=confirmation
        )
        assert isinstance(scheduled, client.TransferScheduled)
        assert scheduled.replayed

        made = beta.request_money(3)
        assert isinstance(made, client.MoneyRequested)
        confirmation = answer(wallet.pay_request(made.payment_request, key="request-1"))
        proxy.faults.extend([DROPPED, LOST])
        paid = wallet.pay_request(made.payment_request, key="request-1", confirmation=confirmation)
        assert isinstance(paid, MoneySent)
        assert paid.replayed

        # Beta was paid before: a small amount needs nothing, and a large one what it needs.
        small = wallet.send_money(TO_BETA, 1)
        assert isinstance(small, MoneySent)
        wallet.add_balance(200)
        confirmation = answer(wallet.send_money(TO_BETA, 150, key="payment-1"))
        used = wallet.send_money(TO_BETA, 151, key="payment-2", confirmation=confirmation)
        assert isinstance(used, client.InvalidSecondFactor)
        proxy.faults.append(LOST)
        sent = wallet.send_money(TO_BETA, 150, key="payment-1", confirmation=confirmation)
        assert isinstance(sent, MoneySent)
        assert sent.replayed
        assert wallet.send_money(TO_BETA, 150, key="payment-1") == sent
