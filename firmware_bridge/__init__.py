"""Serial boards of a cultural house: polls them, checks every value, and hands readings to the wire."""
