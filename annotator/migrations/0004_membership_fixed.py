"""The database itself refuses to make someone else of a rater whose ratings hang on it."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COLUMNS = ("campaign_id", "user_id", "role", "is_simulated")
WORDS = "a membership that holds clips is fixed: add another one"
CHANGED = " OR ".join(f"OLD.{column} <> NEW.{column}" for column in COLUMNS)
HOLDS = "EXISTS (SELECT 1 FROM annotator_assignment WHERE rater_id = OLD.id)"


def statements(vendor: str) -> tuple[list[str], list[str]]:
    """SQL that adds the trigger and SQL that takes it away, for one kind of database."""
    name = "annotator_membership_fixed"
    head = f"CREATE TRIGGER {name} BEFORE UPDATE ON annotator_membership"
    if vendor == "sqlite":
        add = f"{head} WHEN ({CHANGED}) AND {HOLDS} BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
        return [add], [f"DROP TRIGGER {name}"]
    if vendor == "postgresql":
        function = (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF ({CHANGED}) AND {HOLDS} THEN RAISE EXCEPTION '{WORDS}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
        )
        add = f"{head} FOR EACH ROW EXECUTE FUNCTION {name}()"
        drop = [f"DROP TRIGGER {name} ON annotator_membership", f"DROP FUNCTION {name}()"]
        return [function, add], drop
    raise ValueError(f"No trigger is written for {vendor!r}: use SQLite or PostgreSQL.")


def add_trigger(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put the trigger on the table."""
    for sql in statements(schema_editor.connection.vendor)[0]:
        schema_editor.execute(sql, params=None)


def drop_trigger(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the trigger away."""
    for sql in statements(schema_editor.connection.vendor)[1]:
        schema_editor.execute(sql, params=None)


class Migration(migrations.Migration):
    dependencies = [("annotator", "0003_append_only")]
    operations = [migrations.RunPython(add_trigger, drop_trigger)]
