"""Every operation has an example, and each example works against the wallet as `up` starts it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_interface_type,
    parse,
)

from app.http.reference import examples
from dev import processes
from tests import served
from tests.client.stack import LOGIN, PASSWORD, Person, Stack
from tests.waiting import block_until

ALPHA = "user.alpha@demo.app"
VALUE = re.compile(r"<(\w+)(?::([\w-]+))?((?:\.\w+)+)>")
MAILED = re.compile(r"<token mailed by (\w+)>")


def operations(schema: GraphQLSchema) -> set[str]:
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    return {name for root in roots if root for name in root.fields}


class Running:
    """Runs examples as their comments say."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._examples = examples.load()
        self._signed_in: dict[str, str] = {}
        self._operators: dict[str, Person] = {}

    def run(self, name: str, key: str | None = None) -> Any:
        """The value of the operation's field; an error or a refusal is a failure of the test.

        With `key`, that is the idempotency key instead of the example's own.
        """
        example = self._examples[name]
        [operation] = parse(example.document).definitions
        assert isinstance(operation, OperationDefinitionNode)
        ask = self._first_event if operation.operation is OperationType.SUBSCRIPTION else self._ask
        values = self._filled(example.values)
        if key is not None:
            values["input"]["idempotencyKey"] = key
        body = {"query": example.document, "variables": values}
        answer = ask(body, self._headers(example.document))
        if "errors" in answer and answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED":
            # Another example has ended the session.
            self._signed_in.clear()
            answer = ask(body, self._headers(example.document))
        assert "errors" not in answer, f"{name}: {answer}"
        value = answer["data"][name]
        assert value is not None, f"{name}: {answer}"
        return value

    def refusal(self, name: str, value: Any) -> str | None:
        """The message of a refusal; examples select `... on UserError { message }`."""
        document = self._examples[name].document
        is_refusal = isinstance(value, dict) and "message" in value
        return value["message"] if is_refusal and "on UserError" in document else None

    def _headers(self, document: str) -> dict[str, str]:
        comments = "\n".join(re.findall(r"(?m)^#.*", document))
        if "Works signed out" in comments:
            return {}
        for name in ("an operator", "another operator"):
            if f"As {name}" in comments:
                if name not in self._operators:
                    address = f"{name.replace(' ', '.')}@demo.app"
                    self._operators[name] = self._stack.new_operator(name, address)
                return {"authorization": f"Bearer {self._operators[name].token}"}
        named = re.search(r"\S+@demo\.app", comments)
        email = named[0] if named else ALPHA
        if email not in self._signed_in:
            credentials = {"email": email, "password": PASSWORD}
            answer = self._stack.ask(LOGIN, input=credentials)["login"]
            self._signed_in[email] = answer["credentials"]["accessToken"]
        return {"authorization": f"Bearer {self._signed_in[email]}"}

    def _ask(self, body: dict[str, Any], headers: dict[str, str]) -> Any:
        return self._stack.http.post("/graphql", json=body, headers=headers).json()

    def _first_event(self, body: dict[str, Any], headers: dict[str, str]) -> Any:
        sent = {**headers, "accept": "text/event-stream"}
        with self._stack.http.stream("POST", "/graphql", json=body, headers=sent) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    return json.loads(line.removeprefix("data: "))
        raise AssertionError("the stream ended without an event")

    def _filled(self, value: Any) -> Any:
        """The variables with what their placeholders stand for."""
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if not isinstance(value, str):
            return value
        if match := MAILED.fullmatch(value):
            return self._mailed(match[1])
        if match := VALUE.fullmatch(value):
            found = self.run(match[1], match[2])
            for part in match[3].split(".")[1:]:
                found = found[int(part)] if part.isdecimal() else found[part]
            return found
        return value

    def _mailed(self, name: str) -> str:
        address = self._examples[name].values["input"]["email"]
        before = len(self._tokens(address))
        self.run(name)
        block_until(lambda: len(self._tokens(address)) > before)
        return self._tokens(address)[0]

    def _tokens(self, address: str) -> list[str]:
        """In the links of the mails to that address, newest first."""
        caught = self._stack.http.get("/dev/mail.json").json()
        links = [link for mail in caught if address in mail["to"] for link in mail["links"]]
        return [*dict.fromkeys(re.findall(r"#token=(\S+)", "\n".join(links)))]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    # Passable for the user that PostgreSQL runs as under root.
    folder = Path(tempfile.mkdtemp(prefix="mini-wallet-examples-"))
    folder.chmod(0o711)
    # Every reversal is a proposal, so that there is one to be decided.
    stack = Stack(folder, processes.free_port(), REVERSAL_APPROVAL_ABOVE="0")
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        closing.callback(stack.stop)
        stack.wait_until_ready()
        yield Running(stack)


def test_every_operation_has_an_example() -> None:
    found = examples.load()
    missing = operations(served.schema()) - found.keys()
    assert not missing, (
        f"No example of {', '.join(sorted(missing))}: add docs/examples/<operation>.graphql, and its "
        "variables as <operation>.json; docs/examples/README.md says how."
    )
    unknown = (
        {file.stem for file in examples.FOLDER.glob("*.*")}
        - operations(served.schema())
        - {"README"}
    )
    assert not unknown, f"docs/examples has files of operations that there are not: {unknown}"


def test_an_example_shows_its_operation_and_handles_refusals() -> None:
    for name, example in examples.load().items():
        [operation] = parse(example.document).definitions
        assert isinstance(operation, OperationDefinitionNode), name
        [field] = operation.selection_set.selections
        assert isinstance(field, FieldNode)
        assert field.name.value == name
        assert operation.name is not None, name
        assert operation.name.value.lower() == name.lower(), name
        declared = {each.variable.name.value for each in operation.variable_definitions or ()}
        assert declared == example.values.keys(), name
    schema = served.schema()
    assert is_interface_type(schema.get_type("UserError"))
    for root in (schema.query_type, schema.mutation_type):
        for name, field in (root.fields if root else {}).items():
            if str(field.type).endswith("Result!"):
                assert "... on UserError { message }" in examples.load()[name].document, name


def test_every_example_runs_against_up(running: Running) -> None:
    schema = served.schema()
    roots = (schema.mutation_type, schema.query_type, schema.subscription_type)
    # What is sent is what is read afterwards.
    for root in roots:
        for name in root.fields if root else ():
            value = running.run(name)
            refusal = running.refusal(name, value)
            if named := re.search(r"# Refused with (\w+)", examples.load()[name].document):
                assert value["__typename"] == named[1], f"{name}: {value}"
                continue
            assert refusal is None, f"{name}: {refusal}"
