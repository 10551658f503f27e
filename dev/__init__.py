"""The services that `up` and the tests start themselves, so that an empty machine is enough."""
