"""Keys and proofs: who is who, what was signed by whom, what is sealed, what was decided."""
