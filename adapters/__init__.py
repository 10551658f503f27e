"""Other external systems, one file each: mail server, Redis, Pusher, rate limits."""
