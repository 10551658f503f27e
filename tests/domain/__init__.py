"""The domain's rules, pure: no service, no clock, no network."""
