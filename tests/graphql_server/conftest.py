"""The fixtures of the tests of `app`: a wallet on a real port."""

from tests.app.conftest import *  # noqa: F403
