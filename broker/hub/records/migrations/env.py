"""Alembic's door: runs the migrations on the engine that open_database hands over."""

from alembic import context

from broker.hub.records import Base

with context.config.attributes["engine"].connect() as connection:
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # A table that SQLite must build anew is dropped for a moment; the rows that point at it may stay.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
    with connection.begin():
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_as_batch=True, transactional_ddl=True
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise RuntimeError("a migration left rows that point nowhere; nothing was changed")
    if is_sqlite:
        connection.invalidate()  # the next connection keeps foreign keys again
