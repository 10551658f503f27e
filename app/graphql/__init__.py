"""The GraphQL API over HTTP, WebSockets, server-sent events and multipart."""

from app.graphql.schema import print_sdl

__all__ = ["print_sdl"]
