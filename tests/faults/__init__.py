"""What breaks on purpose: communes of real processes that are cut, filled up, lied to and killed."""
