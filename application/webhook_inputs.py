"""What owners give for webhooks, and whether it is good."""

from __future__ import annotations

from adapters.webhook_endpoints import NotPublic
from application.services import Services
from domain import errors, webhooks
from domain.people.sessions import Scope
from domain.webhooks import WebhookStream


async def check(
    services: Services,
    *,
    url: str | None,
    document: str | None,
    stream: WebhookStream,
    scopes: frozenset[Scope] | None,
) -> None:
    """Raise InvalidWebhook that names every field at fault; None is a field that was left out.

    `scopes` are those of the webhook's API token; None for every scope.
    """
    invalid: list[errors.FieldError] = []
    needed = webhooks.STREAM_SCOPES[stream]
    if scopes is not None and needed not in scopes:
        says = f"The API token lacks the scope {needed}, which this stream needs."
        invalid.append(errors.FieldError(("stream",), says))
    if url is not None and (problem := await _problem_of_url(services, url)):
        invalid.append(errors.FieldError(("url",), problem))
    if document is not None and (problem := _problem_of_document(services, stream, document)):
        invalid.append(errors.FieldError(("document",), problem))
    if invalid:
        raise webhooks.InvalidWebhook(invalid)


async def _problem_of_url(services: Services, url: str) -> str | None:
    if len(url) > webhooks.MAXIMUM_URL_CHARACTERS:
        return f"The address takes at most {webhooks.MAXIMUM_URL_CHARACTERS} characters."
    try:
        await services.endpoints.check(url)
    except NotPublic as error:
        return str(error)
    return None


def _problem_of_document(services: Services, stream: WebhookStream, document: str) -> str | None:
    if len(document) > webhooks.MAXIMUM_DOCUMENT_CHARACTERS:
        return f"The document takes at most {webhooks.MAXIMUM_DOCUMENT_CHARACTERS} characters."
    if "\0" in document or any("\ud800" <= character <= "\udfff" for character in document):
        return "The document contains a character that cannot be stored."
    return services.webhook_documents.problem(stream, document)
