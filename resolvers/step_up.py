"""The confirmations of transfers, as the input has them."""

from __future__ import annotations

from application import step_up
from schema import second_factors
from schema.arguments import given
from schema.step_up import ConfirmationInput


def confirmation(entered: ConfirmationInput | None) -> step_up.Given | None:
    """The answer to a challenge; None if the input has none."""
    answered = given(entered)
    if answered is None:
        return None
    return step_up.Given(answered.challenge, second_factors.answer(answered.second_factor))
