"""Lists with cursors, and objects in place of ids."""

from __future__ import annotations

from collections.abc import Sequence

from dev.stripe import objects, refusals
from dev.stripe.parameters import Parameters
from dev.stripe.provider import Provider
from dev.stripe.refusals import Refusal
from dev.stripe.store import Object

DEFAULT_LIMIT = 10
MOST = 100
DEEPEST = 4
EVENTS_SECONDS = 30 * 86_400
_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

#: Of each kind of object: where its list is, and the fields that select from it.
LISTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "checkout.session": ("/v1/checkout/sessions", ("payment_intent", "status")),
    "payment_intent": ("/v1/payment_intents", ()),
    "charge": ("/v1/charges", ("payment_intent",)),
    "refund": ("/v1/refunds", ("charge", "payment_intent")),
    "dispute": ("/v1/disputes", ("charge", "payment_intent")),
    "event": ("/v1/events", ("type",)),
}
#: Fields with an id that can be expanded, and the kind of the object behind it.
_EXPANDABLE = {
    ("checkout.session", "payment_intent"): "payment_intent",
    ("payment_intent", "latest_charge"): "charge",
    ("charge", "payment_intent"): "payment_intent",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("dispute", "charge"): "charge",
    ("dispute", "payment_intent"): "payment_intent",
}


def page(provider: Provider, account: str, kind: str, given: Parameters) -> Object:
    """A page of the objects of one kind, newest first. Raises `Refusal`."""
    url, fields = LISTS[kind]
    limit = given.whole("limit", at_least=1, at_most=MOST) or DEFAULT_LIMIT
    filters = {name: [value] for name in fields if (value := given.text(name)) is not None}
    numbers = _created(given)
    if kind == "event":
        numbers.append(("created", ">=", provider.now() - EVENTS_SECONDS))
        if types := given.texts("types"):
            filters["type"] = types
        success = given.text("delivery_success", choices=("true", "false"))
        if success is not None:
            numbers.append(("pending_webhooks", "=" if success == "true" else ">", 0))
    starting_after, ending_before = given.text("starting_after"), given.text("ending_before")
    expand = given.texts("expand")
    given.finish()
    if starting_after and ending_before:
        raise Refusal("You may only specify one of these parameters: ending_before, starting_after")
    found = provider.store.newest(
        account,
        kind,
        limit=limit + 1,
        filters=filters,
        numbers=numbers,
        before=_place(provider, account, kind, starting_after, "starting_after"),
        after=_place(provider, account, kind, ending_before, "ending_before"),
    )
    # One more than wanted tells whether there are more, on the side that the page grows to.
    shown = found[-limit:] if ending_before else found[:limit]
    paths = [path.removeprefix("data.") for path in expand]
    return {
        "object": "list",
        "data": [expanded(provider, account, item, paths) for item in shown],
        "has_more": len(found) > limit,
        "url": url,
    }


def whole(items: Sequence[Object], url: str) -> Object:
    """A short list that is shown in one page."""
    return {"object": "list", "data": list(items), "has_more": False, "url": url}


def _created(given: Parameters) -> list[tuple[str, str, int]]:
    if not given.is_nested("created"):
        moment = given.whole("created")
        return [] if moment is None else [("created", "=", moment)]
    part = given.part("created", required=True)
    assert part is not None
    bounds = {operator: part.whole(name) for name, operator in _OPERATORS.items()}
    return [("created", operator, bound) for operator, bound in bounds.items() if bound is not None]


def _place(
    provider: Provider, account: str, kind: str, identifier: str | None, param: str
) -> int | None:
    if identifier is None:
        return None
    place = provider.store.number(account, kind, identifier)
    if place is None:
        raise refusals.not_found(kind, identifier, param)
    return place


def expanded(provider: Provider, account: str, item: Object, paths: Sequence[str]) -> Object:
    """The object as the API shows it, with other objects in place of their ids. Raises `Refusal`."""
    shown = objects.public(item)
    for path in paths:
        _expand(provider, account, item, shown, path.split("."))
    return shown


def _expand(
    provider: Provider, account: str, item: Object, shown: Object, path: Sequence[str]
) -> None:
    name, rest = path[0], path[1:]
    kind = _EXPANDABLE.get((item["object"], name))
    if item["object"] == "checkout.session" and name == "line_items" and not rest:
        shown[name] = whole(item["_line_items"], f"/v1/checkout/sessions/{item['id']}/line_items")
    elif item["object"] == "charge" and name == "refunds" and not rest:
        refunds = provider.find(account, "refund", charge=item["id"])
        shown[name] = whole(refunds, f"/v1/charges/{item['id']}/refunds")
    elif kind is None or len(path) > DEEPEST:
        raise Refusal(f"This property cannot be expanded ({'.'.join(path)}).", param="expand")
    elif item[name] is not None:
        inner = provider.get(account, kind, item[name])
        if not isinstance(shown[name], dict):
            shown[name] = objects.public(inner)
        if rest:
            _expand(provider, account, inner, shown[name], rest)
