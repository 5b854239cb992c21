"""The commune hub, and the five rooms (contract, trust, link, speech, look) that every room shares with it."""

RELEASE = "0.1.0"
"""Version of this release; pyproject.toml says the same."""
