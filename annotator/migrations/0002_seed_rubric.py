"""The paper's six aspects on the ACR scale, as version 1 of the shipped rubric."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SCALE_WORDS = ["Excellent", "Good", "Fair", "Poor", "Bad"]
# Kept here as they were at version 1: a migration must not change when the texts do.
ASPECTS = [
    ("sync", "Audio-visual synchrony", "Do the lips and the speech fit together in time?"),
    ("speaker", "Speaker consistency", "Does the voice suit the person and stay the same?"),
    ("clarity", "Voice clarity", "Is every word clear, without noise or distortion?"),
    (
        "emotion",
        "Emotional expressiveness",
        "Does the voice carry the feeling that the face shows?",
    ),
    ("prosody", "Prosody", "Do rhythm, stress and melody sound like natural speech?"),
    (
        "overall",
        "Overall dubbing quality",
        "All in all, how good is this clip as a dubbed video?",
    ),
]


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write the rubric and its aspects."""
    rubric = apps.get_model("annotator", "Rubric").objects.create(name="Dubbing", version=1)
    aspect = apps.get_model("annotator", "Aspect")
    aspect.objects.bulk_create(
        aspect(
            rubric=rubric,
            key=key,
            position=position,
            name=name,
            question=question,
            scale_words=SCALE_WORDS,
        )
        for position, (key, name, question) in enumerate(ASPECTS, start=1)
    )


def unseed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the rubric away again."""
    apps.get_model("annotator", "Rubric").objects.filter(name="Dubbing", version=1).delete()


class Migration(migrations.Migration):
    dependencies = [("annotator", "0001_initial")]
    operations = [migrations.RunPython(seed, unseed)]
