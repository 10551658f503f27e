"""The GraphQL API over HTTP, server-sent events and WebSockets."""

from app.graphql.schema import print_sdl

__all__ = ["print_sdl"]
