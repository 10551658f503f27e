"""QR codes as SVG images."""

from __future__ import annotations

import io

import segno

#: Modules of white around it, as ISO/IEC 18004 requires.
_BORDER = 4


def svg(text: str) -> str:
    """An SVG image with a white background, dark on white in every colour scheme."""
    image = io.BytesIO()
    segno.make_qr(text, error="m").save(
        image, kind="svg", border=_BORDER, dark="#000", light="#fff", xmldecl=False, omitsize=True
    )
    return image.getvalue().decode()
