"""Who belongs to the commune: taking nodes in, renewing and revoking them, and what the broker is told of it."""
