"""What a metric found beside its value: an offset, how sure it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learner", "0002_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="metricscore",
            name="details",
            field=models.JSONField(
                blank=True, default=dict, help_text="what else the metric found, by name"
            ),
        ),
    ]
