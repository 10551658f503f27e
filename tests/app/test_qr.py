"""QR codes of the wallet's own addresses."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from app.http import qr
from tests.app.conftest import Api


def test_a_qr_code_is_an_image_of_an_address_of_this_wallet_and_of_no_other(api: Api) -> None:
    answer = api.client.get("/qr.svg", params={"path": "/r/Abc_123-x?amount=1&note=a%20b"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "private, max-age=86400"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert ElementTree.fromstring(answer.text).tag.endswith("svg")
    for path in ("", "r/x", "//evil.example", "https://evil.example", "/a b", "/" + "x" * 200):
        assert api.client.get("/qr.svg", params={"path": path}).status_code == 400, path


@pytest.mark.parametrize(
    "text", ["https://wallet.example/r/AZ_-09", "https://wallet.example/@anna"]
)
def test_the_image_has_a_white_border_of_four_modules(text: str) -> None:
    image = qr.svg(text).decode()
    found = re.search(r'viewBox="0 0 (\d+) \1"', image)
    assert found is not None
    # The modules of the smallest version that holds the text, and the border on both sides.
    assert (int(found[1]) - 8 - 17) % 4 == 0
    assert 'fill="#fff"' in image
