"""Schema steps of the database, run by Alembic."""
