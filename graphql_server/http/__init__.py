"""GraphQL over HTTP: requests, responses, and streams of results."""
