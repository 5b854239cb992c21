"""Warnings of others in the Common Alerting Protocol 1.2 (OASIS, ITU-T X.1303 bis), and the commune's own as such."""
