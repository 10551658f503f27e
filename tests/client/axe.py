"""Accessibility checks of a page with axe, and its layout on a small screen."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from dev import node
from dev.up import building

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}


# A page whose colours are just changing, or that is just fading in, has some of before and some of after: what
# was asked for is drawn in the next frame but one at the latest, and transitions and animations take their
# time. A spinner never ends.
_STILL = """async () => {
    const frame = () => new Promise(resolve => requestAnimationFrame(resolve))
    await frame()
    await frame()
    const ends = each => each.effect.getComputedTiming().endTime !== Infinity
    const moving = document.getAnimations().filter(ends)
    await Promise.allSettled(moving.map(each => each.finished))
}"""


class Axe:
    """axe-core, as the client's packages have it."""

    def __init__(self) -> None:
        node.ensure_installed(building.CLIENT)
        script = building.CLIENT / "node_modules" / "axe-core" / "axe.min.js"
        self._script = script.read_text()

    def check(self, page: Page) -> None:
        """Fails with what axe finds, and where the page is wider than the screen."""
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(self._script)
        page.evaluate(_STILL)
        found: dict[str, Any] = page.evaluate(
            """tags => axe.run({
                runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], preload: false,
            })""",
            TAGS,
        )
        violations = [
            (each["id"], each["help"], [part["html"][:200] for part in each["nodes"]])
            for each in found["violations"]
        ]
        assert violations == [], f"{page.url}: {violations}"
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px wider than the screen"
