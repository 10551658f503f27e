"""The playground's Content-Security-Policy, as a real browser applies it."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from tests.client.stack import Stack

OPEN_SOCKET = """
url => new Promise(resolve => {
  document.addEventListener('securitypolicyviolation', () => resolve('refused'), { once: true });
  const socket = new WebSocket(url, 'graphql-transport-ws');
  socket.onopen = () => { socket.close(); resolve('open'); };
})
"""


def test_the_playground_connects_to_this_service_alone(stack: Stack, browser: Browser) -> None:
    port = urlsplit(stack.url).port
    context = browser.new_context()
    try:
        page: Page = context.new_page()
        # By another name than that of APP_URL, too.
        for host in (f"wallet.localhost:{port}", f"localhost:{port}"):
            page.goto(f"http://{host}/graphql")
            assert page.evaluate(OPEN_SOCKET, f"ws://{host}/graphql") == "open"
            for other in ("ws://127.0.0.1:9/graphql", "wss://evil.example/"):
                assert page.evaluate(OPEN_SOCKET, other) == "refused"
    finally:
        context.close()
