"""The other outside things, one file each: mail server, Redis, Pusher, rate limits."""
