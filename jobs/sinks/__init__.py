"""Where the events of a user's streams are delivered, one module per kind of receiver."""
