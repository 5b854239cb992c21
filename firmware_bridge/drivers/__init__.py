"""One driver per serial protocol: `feed(bytes)` gives events, pure, without any port or clock."""
