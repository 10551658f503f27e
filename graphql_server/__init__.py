"""The GraphQL API over HTTP, server-sent events, multipart responses and WebSockets."""
