"""Typing and pasting: input methods, locales, and invisible characters."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, CDPSession, expect

from tests.client import actions
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

#: Before any script of the client: what the browser tells of keys.
NOTE_KEYS = """
window.keys = [];
addEventListener('keydown', ({key, isComposing, keyCode}) => keys.push([key, isComposing || keyCode === 229]), true);
"""
#: What Safari tells of the Enter that ends a composition: its end, and the key after it.
AS_SAFARI = """
([selector, key]) => {
  const field = document.querySelector(selector);
  field.dispatchEvent(new CompositionEvent('compositionstart', {bubbles: true}));
  field.dispatchEvent(new CompositionEvent('compositionend', {bubbles: true, data: ''}));
  field.dispatchEvent(new KeyboardEvent('keydown', {key, code: key, keyCode: 229, bubbles: true, cancelable: true}));
}
"""


def press_in_composition(cdp: CDPSession, text: str, *keys: str) -> None:
    """Type with an input method that has not decided yet, and press keys of it."""
    cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": 1, "selectionEnd": 1})
    for key in keys:
        pressed = {"key": key, "code": key, "windowsVirtualKeyCode": 229}
        cdp.send("Input.dispatchKeyEvent", {**pressed, "type": "rawKeyDown"})
        cdp.send("Input.dispatchKeyEvent", {**pressed, "type": "keyUp"})


def end_composition(cdp: CDPSession) -> None:
    cdp.send("Input.imeSetComposition", {"text": "", "selectionStart": 0, "selectionEnd": 0})


def test_keys_of_an_input_method_select_no_user_and_close_nothing(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    # Without its last letter, the name is still nobody else's.
    person = stack.new_person(f"{stack.new_key()} Jo")
    page = new_page(alpha)
    page.add_init_script(NOTE_KEYS)
    page.goto("/send")
    cdp = page.context.new_cdp_session(page)
    to, option = actions.recipient(page), page.get_by_role("option", name=person.name)
    to.fill(person.name[:-1])
    expect(option).to_be_visible()
    first = to.get_attribute("aria-activedescendant")
    press_in_composition(cdp, person.name[-1], "Enter", "ArrowDown", "Escape")
    assert page.evaluate("keys") == [["Enter", True], ["ArrowDown", True], ["Escape", True]]
    expect(option).to_be_visible()
    assert to.get_attribute("aria-activedescendant") == first
    end_composition(cdp)
    for key in ("Enter", "Escape"):
        page.evaluate(AS_SAFARI, ["[role=combobox]", key])
        expect(option).to_be_visible()
    to.press("Enter")
    expect(option).to_have_count(0)
    expect(to).to_have_value(person.name)


def test_users_are_looked_for_while_an_input_method_is_undecided(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    person = stack.new_person(f"김민수{stack.new_key()}")
    page = new_page(alpha, "/send")
    actions.recipient(page).focus()
    cdp = page.context.new_cdp_session(page)
    cdp.send("Input.imeSetComposition", {"text": "민수", "selectionStart": 2, "selectionEnd": 2})
    expect(page.get_by_role("option", name=person.name)).to_be_visible()
    cdp.send("Input.insertText", {"text": "민수"})
    expect(actions.recipient(page)).to_have_value("민수")
    expect(page.get_by_role("option", name=person.name)).to_be_visible()


def test_keys_of_an_input_method_neither_close_nor_submit_a_dialog(
    new_page: NewPage, alpha: Person
) -> None:
    page = new_page(alpha, "/")
    page.get_by_role("button", name="Add money").click()
    dialog = page.get_by_role("dialog", name="Add money")
    actions.amount(dialog).fill("7")
    cdp = page.context.new_cdp_session(page)
    press_in_composition(cdp, "べ", "Escape", "Enter")
    end_composition(cdp)
    for key in ("Escape", "Enter"):
        page.evaluate(AS_SAFARI, ["[role=dialog] input", key])
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Add money")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("locale", ["en-US", "de-CH", "fr-FR", "ar-EG", "fa-IR", "hi-IN", "ja-JP"])
def test_an_amount_that_the_wallet_shows_can_be_pasted(
    new_context: Callable[..., BrowserContext], alpha: Person, locale: str
) -> None:
    page = new_context(alpha, locale=locale).new_page()
    page.goto("/send")
    hint = page.get_by_text("Your balance: ")
    shown = (hint.text_content() or "").removeprefix("Your balance: ")
    with page.expect_request(
        lambda request: "transferPreview(" in (request.post_data or "")
    ) as asked:
        actions.amount(page).fill(f"\u2067 {shown}\u00a0\u2069")
    assert asked.value.post_data_json["variables"]["amount"] == alpha.balance
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)
    actions.amount(page).press("Tab")
    expect(actions.amount(page)).not_to_have_value(re.compile(r"[\u2067$]"))
    expect(page.get_by_text("Your balance: ")).to_contain_text(actions.amount(page).input_value())


def test_full_width_digits_are_sent_as_the_amount_that_they_are(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person
) -> None:
    page = new_context(alpha, locale="ja-JP").new_page()
    page.goto("/send")
    actions.fill_in_payment(page, beta.name, "１２．５", note="two\nlines\u200b")
    page.get_by_role("button", name="Send $12.50").click()
    expect(actions.receipt(page, "12.50", beta.name)).to_be_visible()
    [sent] = alpha.transfers
    assert (sent["amount"]["amount"], sent["note"]) == ("12.50", "two lines")


def test_what_could_be_two_amounts_is_refused_with_how_to_write_it(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person
) -> None:
    page = new_context(alpha, locale="fr-FR").new_page()
    page.goto("/send")
    actions.recipient(page).fill(beta.name)
    page.get_by_role("option", name=beta.name).click()
    actions.amount(page).fill("1.234")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This amount is ambiguous. Enter it without a thousands separator, such as 1234,00.")).to_be_visible()  # fmt: skip
    expect(actions.amount(page)).to_be_focused()
    actions.amount(page).fill("-5")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Enter the amount without a minus sign.")).to_be_visible()


def test_forms_tell_the_rules_for_texts_while_one_types(new_page: NewPage, alpha: Person) -> None:
    page = new_page(alpha, "/send")
    note = page.get_by_role("textbox", name="Note")
    note.fill("e\u0301" * 138 + "\u200b\n!")
    expect(page.get_by_text("140/ of 140")).to_be_visible()
    expect(page.get_by_text("The note is")).to_have_count(0)
    note.press_sequentially("!")
    expect(
        page.get_by_text("The note is 1 character too long: the maximum is 140.")
    ).to_be_visible()
    page.goto("/settings/profile")
    page.get_by_role("textbox", name="Name").fill("x" * 82)
    expect(
        page.get_by_text("The name is 2 characters too long: the maximum is 80.")
    ).to_be_visible()


def test_an_address_is_signed_in_with_as_it_was_pasted(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    page = new_page(None, "/sign-in")
    actions.sign_in(page, f"\u200e<mailto:{alpha.email}>,\u200f")
    expect(actions.balance(page)).to_be_visible()
    person = stack.new_person(f"Lech Wałęsa-O’Brien {stack.new_key()}")
    actions.go(page, "/send")
    for query in (person.name.replace("Wałęsa", "walesa").replace("’", "'"), f"<{person.email}>"):
        actions.recipient(page).fill(query)
        expect(page.get_by_role("option", name=person.name)).to_be_visible()
