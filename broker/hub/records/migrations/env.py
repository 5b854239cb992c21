"""Alembic's door: runs the migrations on the engine that open_database hands over."""

from alembic import context

from broker.hub.records import Base

with context.config.attributes["engine"].begin() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()
