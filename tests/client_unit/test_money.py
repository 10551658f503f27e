"""The client's handling of money agrees with the service's."""

from __future__ import annotations

import re

from dev.up import building
from domain.ledger import money

SOURCE = building.CLIENT / "src" / "lib" / "money.ts"


def test_the_clients_currencies_have_the_services_decimals() -> None:
    table = re.findall(r"^  (\d): '([A-Z ]+)',$", SOURCE.read_text(), re.MULTILINE)
    decimals = {code: int(number) for number, codes in table for code in codes.split()}
    assert decimals == money._DECIMALS
