"""How any service lives and talks: settings, clock, outbox, session, neighbours, media, workers."""
