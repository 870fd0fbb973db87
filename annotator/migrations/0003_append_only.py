"""The database itself refuses to change what a rater said."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = ["annotator_rating", "annotator_score"]


def statements(vendor: str) -> tuple[list[str], list[str]]:
    """SQL that adds the triggers and SQL that takes them away, for one kind of database."""
    if vendor == "sqlite":
        add = [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: add a revision'); END"
            for table in TABLES
        ]
        return add, [f"DROP TRIGGER {table}_append_only" for table in TABLES]
    if vendor == "postgresql":
        function = (
            "CREATE FUNCTION annotator_refuse_update() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only: add a revision', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        add = [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION annotator_refuse_update()"
            for table in TABLES
        ]
        drop = [f"DROP TRIGGER {table}_append_only ON {table}" for table in TABLES]
        return [function, *add], [*drop, "DROP FUNCTION annotator_refuse_update()"]
    raise ValueError(f"No append-only trigger is written for {vendor!r}: use SQLite or PostgreSQL.")


def add_triggers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers on the tables."""
    for sql in statements(schema_editor.connection.vendor)[0]:
        schema_editor.execute(sql, params=None)


def drop_triggers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers away."""
    for sql in statements(schema_editor.connection.vendor)[1]:
        schema_editor.execute(sql, params=None)


class Migration(migrations.Migration):
    dependencies = [("annotator", "0002_seed_rubric")]
    operations = [migrations.RunPython(add_triggers, drop_triggers)]
