"""A payment provider for this machine: the used part of Stripe's API, a payment page, and its worst behaviour."""
