"""Fits point to the normalisation they rest on, and refits are kept."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    # A migration of its own: PostgreSQL changes no table that has rows changed in the same one.
    dependencies = [("learner", "0004_rounds_to_be_trusted")]

    operations = [
        migrations.RemoveField("proxyweights", "is_equal"),
        migrations.RemoveField("proxyweights", "normalisation"),
        migrations.RenameField("proxyweights", "normalisation_kept", "normalisation"),
        migrations.AlterField(
            "proxyweights",
            "normalisation",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="proxy_weights",
                to="learner.normalisation",
            ),
        ),
        migrations.AlterField(
            "proxyweights",
            "fit",
            models.JSONField(help_text="weights, intervals, agreement, line to MOS, reason"),
        ),
        migrations.CreateModel(
            name="Refit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("progress_frac", models.FloatField(default=0.0)),
                ("progress_text", models.CharField(blank=True, max_length=200)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                (
                    "owner",
                    models.CharField(blank=True, help_text="the worker that has it", max_length=64),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("error_text", models.TextField(blank=True)),
                ("config", models.JSONField(blank=True, default=dict)),
                (
                    "seed",
                    models.BigIntegerField(
                        default=0, validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("target", models.SlugField(default="overall", max_length=40)),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("bagged", "bagged NNLS (default)"),
                            (
                                "bagged_or_equal",
                                "bagged NNLS, or equal weights where not shown to be better",
                            ),
                            ("shrunk", "shrunk to equal weights (empirical Bayes)"),
                            ("nnls", "NNLS, one fit"),
                            ("pearson", "Pearson maximised, as the paper prints it"),
                            ("best_single", "best single metric"),
                            ("equal", "equal weights"),
                        ],
                        default="bagged",
                        max_length=20,
                    ),
                ),
                (
                    "normalisation",
                    models.CharField(
                        choices=[
                            ("rank-gauss", "normal scores of ranks (default)"),
                            ("z", "mean and standard deviation"),
                            ("robust", "median and MAD"),
                        ],
                        default="rank-gauss",
                        max_length=20,
                    ),
                ),
                (
                    "is_renewed",
                    models.BooleanField(
                        default=False, help_text="normalise anew over the corpus as it is now"
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refits",
                        to="annotator.campaign",
                    ),
                ),
                (
                    "proxy_weights",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refit",
                        to="learner.proxyweights",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("progress_frac__gte", 0), ("progress_frac__lte", 1)),
                        name="refit_progress_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "failed"), _negated=True),
                            models.Q(("error_text", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="refit_failure_says_why",
                    ),
                ],
            },
        ),
    ]
