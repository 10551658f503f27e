"""What the payment provider takes back, over real HTTP: before its payment is known, after it was sent on."""

from __future__ import annotations

import pytest

from tests.app.funding import START, Funding, funding, provider

__all__ = ["funding", "provider"]

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]


async def test_a_refund_that_is_known_before_its_payment_leaves_nothing(funding: Funding) -> None:
    act = funding.provider.act
    act("mode", name="held")
    act("refund", session=funding.pay(), amount=500)
    act("refund", session=funding.session)
    act("release", order="newest")
    assert funding.state() == ("0.00", ["REVERSED"])
    # All of it again, in the other order and twice.
    for event in funding.provider.state()["events"][::-1]:
        assert act("deliver", event=event["id"], times=2)["outcomes"] == ["204", "204"]
    await funding.work()
    assert funding.state() == ("0.00", ["REVERSED"])


async def test_refunds_and_disputes_change_the_balance_once_and_are_undone_once(
    funding: Funding,
) -> None:
    act = funding.provider.act
    act("mode", name="twice")
    session = funding.pay()
    act("refund", session=session, amount=500)
    act("idle")
    assert funding.state() == ("15.00", ["REVERSED"])
    act("fail_refund", session=session)
    act("idle")
    assert funding.state() == ("20.00", ["POSTED"])
    disputed = funding.pay("30")
    # An inquiry takes nothing.
    act("dispute", session=disputed, kind="inquiry")
    act("idle")
    assert funding.state() == ("50.00", ["POSTED", "POSTED"])
    act("escalate", session=disputed)
    act("idle")
    assert funding.state() == ("20.00", ["REVERSED", "POSTED"])
    act("close_dispute", session=disputed, outcome="won")
    act("idle")
    assert funding.state() == ("50.00", ["POSTED", "POSTED"])


async def test_the_end_of_a_dispute_may_come_before_its_beginning_and_nothing_at_all_may_come(
    funding: Funding,
) -> None:
    act = funding.provider.act
    won, lost = funding.pay(), funding.pay("30")
    act("mode", name="held")
    for session, outcome in ((won, "won"), (lost, "lost")):
        act("dispute", session=session)
        act("close_dispute", session=session, outcome=outcome)
    act("release", order="newest")
    assert funding.state() == ("20.00", ["REVERSED", "POSTED"])
    act("mode", name="never")
    act("refund", session=funding.pay("10"), amount=400)
    assert funding.state() == ("20.00", ["PENDING", "REVERSED", "POSTED"])
    await funding.work()
    await funding.work()
    assert funding.state() == ("26.00", ["REVERSED", "REVERSED", "POSTED"])


async def test_a_dispute_after_the_money_was_sent_on_restricts_the_account_until_it_is_covered(
    funding: Funding,
) -> None:
    act = funding.provider.act
    session = funding.pay()
    funding.start("30")
    started_before = funding.session
    assert funding.send_money("15") == "MoneySent"
    act("mode", name="twice")
    act("dispute", session=session)
    act("idle")
    assert funding.state() == ("5.00", ["PENDING", "POSTED"])
    assert funding.send_money("1") == "AccountRestricted"
    asked = {"amount": "20", "idempotencyKey": "top-up-while-restricted"}
    assert funding.ask(START, input=asked)["startTopUp"]["__typename"] == "AccountRestricted"
    # What was started before is credited all the same, and covers it.
    act("pay", session=started_before)
    act("idle")
    await funding.work()
    assert funding.state() == ("15.00", ["POSTED", "REVERSED"])
    act("close_dispute", session=session, outcome="won")
    act("idle")
    assert funding.state() == ("35.00", ["POSTED", "POSTED"])


async def test_an_error_that_the_provider_keeps_for_its_key_ends_the_top_up_without_a_payment(
    funding: Funding,
) -> None:
    act = funding.provider.act
    for kind in ("error", "error_after"):
        act("fault", kind=kind, path="/v1/checkout/sessions")
        assert funding.start()["checkoutUrl"] is None
    await funding.work()
    funding.pay("30")
    assert funding.state() == ("30.00", ["POSTED", "PENDING", "PENDING"])
    # The provider forgets the answers, and the page that nobody knew expires.
    act("clock", seconds=24 * 3_600 + 60)
    act("idle")
    await funding.work()
    assert funding.state() == ("30.00", ["POSTED", "FAILED", "FAILED"])
