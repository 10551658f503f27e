"""GraphQL over HTTP: requests and their answers, and streams of results."""
