"""The commune hub, and the five rooms (contract, trust, link, speech, look) that every room shares with it."""
