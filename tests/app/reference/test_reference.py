"""The API reference: what it shows, where its links lead, and how it is served."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from graphql import build_schema

from app.http.pages import TEMPLATES
from app.http.reference import page
from app.http.reference.contents import Contents
from app.http.reference.links import Links
from app.http.reference.prose import Prose
from app.version import version
from tests import served
from tests.app.conftest import Api

TOY = build_schema('''
enum Colour { "Like `Paint.colour`." RED, GREEN @deprecated(reason: "Use `RED`.") }
"Wet. Costs a `Price`; see PaintResult."
type Paint implements Thing { id: ID!, "Of the `id`." colour("Never <b>null</b>." like: [Colour!] = [RED]): Colour }
interface Thing { id: ID! }
type Price { cents: Int! }
union PaintResult = Paint | Price
input PaintInput @oneOf { colour: Colour, name: String }
type Query { "Paints with a `PaintInput`." paint(input: PaintInput!): PaintResult!, price(of: ID!, in: String = "EUR"): Price! }
''')  # fmt: skip


class Parsed(HTMLParser):
    """The ids of a page, the targets of its links, and what it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if value := found.get("id"):
            self.ids.append(value)
        if tag == "a":
            self.targets.add(found["href"] or "")
        elif value := found.get("src") or found.get("href"):
            self.loaded.add(value)


@pytest.fixture(scope="module")
def toy() -> Contents:
    links = Links(TOY)
    return Contents(TOY, links, Prose(links, lambda _: None), {})


@pytest.fixture(scope="module")
def html() -> str:
    return page._page(TEMPLATES).plain.decode()


def test_every_operation_type_field_and_value_has_a_section_and_every_link_leads_to_one(
    html: str,
) -> None:
    parsed = Parsed(html)
    assert len(parsed.ids) == len(set(parsed.ids))
    own = {target[1:] for target in parsed.targets if target.startswith("#")}
    assert own <= set(parsed.ids)
    schema = served.schema()
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    for root in roots:
        assert root is not None
        assert {f"{root.name}.{name}" for name in root.fields} <= set(parsed.ids)
    for name, type_ in schema.type_map.items():
        if name.startswith("__") or type_ in roots:
            continue
        assert name in parsed.ids
        members = [*getattr(type_, "fields", ()), *getattr(type_, "values", ())]
        assert {f"{name}.{member}" for member in members} <= set(parsed.ids)


def test_nothing_comes_from_another_host_and_nothing_is_inline(html: str) -> None:
    parsed = Parsed(html)
    assert all(path.startswith("/assets/") for path in parsed.loaded), parsed.loaded
    elsewhere = {target for target in parsed.targets if not target.startswith("#")}
    assert {each for each in elsewhere if not each.startswith(("/", "https://"))} == set()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", html)


def test_the_guide_is_part_of_it(html: str) -> None:
    guide = page.GUIDE.read_text()
    for title in re.findall(r"(?m)^## (.+)$", guide):
        assert f">{title}</a></h2>" in html
    assert f"Version {version()}" in html
    assert 'href="/schema.graphql"' in html


def test_names_of_types_are_linked_in_signatures_and_in_texts(toy: Contents) -> None:
    [paint, price] = toy.operations["Queries"]
    assert paint.signature == (
        '<b>paint</b>(input: <a href="#PaintInput">PaintInput</a>!): '
        '<a href="#PaintResult">PaintResult</a>!'
    )
    assert price.signature == (
        '<b>price</b>(\n  of: <a href="#ID">ID</a>!\n  in: <a href="#String">String</a> = &#34;EUR&#34;\n): '
        '<a href="#Price">Price</a>!'
    )
    assert '<code><a href="#PaintInput">PaintInput</a></code>' in paint.description
    types = {type_.id: type_ for kind in toy.types.values() for type_ in kind}
    about = types["Paint"].description
    assert '<code><a href="#Price">Price</a></code>' in about
    assert 'see <a href="#PaintResult">PaintResult</a>.' in about
    # A type's own field, and a value that only one enum has.
    [_, colour] = types["Paint"].members
    assert '<a href="#Paint.id">id</a>' in colour.description
    [red, green] = types["Colour"].members
    assert '<a href="#Paint.colour">Paint.colour</a>' in red.description
    assert green.deprecated is not None
    assert '<a href="#Colour.RED">RED</a>' in green.deprecated


def test_descriptions_are_text_and_not_html(toy: Contents) -> None:
    types = {type_.id: type_ for type_ in toy.types["Objects"]}
    [argument] = types["Paint"].members[1].arguments
    assert "&lt;b&gt;null&lt;/b&gt;" in argument.description
    assert (argument.default, argument.type) == (
        " = [RED]", '[<a href="#Colour">Colour</a>!]',
    )  # fmt: skip


def test_an_operation_shows_the_fields_of_its_input_and_the_members_of_its_result(
    toy: Contents,
) -> None:
    [paint, price] = toy.operations["Queries"]
    assert [member.name for member in paint.arguments] == ["colour", "name"]
    assert (paint.arguments_title, price.arguments_title) == ("Input", "Arguments")
    # They have their ids where the type is.
    assert {member.id for member in paint.arguments} == {""}
    assert [member.name for member in paint.results] == ["Paint", "Price"]
    assert [member.name for member in price.arguments] == ["of", "in"]
    inputs = {type_.id: type_ for type_ in toy.types["Inputs"]}
    assert inputs["PaintInput"].is_one_of
    assert inputs["PaintInput"].uses == ['<a href="#Query.paint">paint</a>']


def test_it_is_compressed_kept_by_browsers_and_asked_for_again(api: Api) -> None:
    for path, media_type in (
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/examples.json", "application/json"),
    ):
        answer = api.client.get(path, headers={"accept-encoding": "gzip"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["content-encoding"] == "gzip"
        assert (answer.headers["cache-control"], answer.headers["vary"]) == (
            "no-cache", "Accept-Encoding, Origin",
        )  # fmt: skip
        plain = api.client.get(path, headers={"accept-encoding": "gzip;q=0"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
        known = {"if-none-match": answer.headers["etag"]}
        again = api.client.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert api.client.head(path).status_code == 200
        assert api.client.post(path).status_code == 405
        assert api.client.get(f"{path}/").headers["location"] == path
        assert "unsafe" not in answer.headers["content-security-policy"]
    examples = api.client.get("/docs/examples.json").json()
    assert "mutation SendMoney" in examples["sendMoney"]["document"]
    assert "user.beta@demo.app" in examples["sendMoney"]["variables"]


def test_it_is_not_served_in_the_hardened_profile(start_api: Callable[..., Api]) -> None:
    client = start_api(graphql_profile="hardened").client
    assert {client.get(path).status_code for path in ("/docs", "/docs/examples.json")} == {404}
