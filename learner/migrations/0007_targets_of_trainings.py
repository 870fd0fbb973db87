"""Trainings say which aspect they are of; before, only their fit of the proxy did."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def take_from_fit(apps: Any, schema_editor: Any) -> None:
    runs = apps.get_model("learner", "TrainingRun").objects
    fits = apps.get_model("learner", "ProxyWeights").objects
    of_fit = fits.filter(pk=OuterRef("proxy_weights")).values("target")[:1]
    runs.exclude(proxy_weights=None).update(target=Subquery(of_fit))


class Migration(migrations.Migration):
    dependencies = [("learner", "0006_registry_and_scoring")]

    operations = [migrations.RunPython(take_from_fit, migrations.RunPython.noop)]
