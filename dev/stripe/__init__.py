"""A payment provider for this machine: the part of Stripe's API that is used, and a payment page; it fails on demand."""
