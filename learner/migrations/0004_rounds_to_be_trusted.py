"""Normalisations kept for themselves, dry runs, refits and audits; fits in their new form."""

from typing import Any

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

OPEN = ["queued", "running", "waiting"]
KINDS = [
    ("rank-gauss", "normal scores of ranks (default)"),
    ("z", "mean and standard deviation"),
    ("robust", "median and MAD"),
]


def bring_over(apps: Any, schema_editor: Any) -> None:
    """Fits as they were kept before, in the form of today; what they did not know stays unknown."""
    ProxyWeights = apps.get_model("learner", "ProxyWeights")
    Normalisation = apps.get_model("learner", "Normalisation")
    for row in ProxyWeights.objects.select_related("campaign").order_by("pk"):
        known = Normalisation.objects.filter(corpus_id=row.campaign.corpus_id, kind="rank-gauss")
        same = [
            one
            for one in known
            if (one.metrics, one.parameters) == (row.metrics, row.normalisation)
        ]
        row.normalisation_kept = (
            same[0]
            if same
            else Normalisation.objects.create(
                corpus_id=row.campaign.corpus_id,
                kind="rank-gauss",
                version=known.count() + 1,
                metrics=row.metrics,
                parameters=row.normalisation,
                moments={},  # were not kept then
                n_clips=row.normalisation["n"],
            )
        )
        row.is_better = not row.is_equal
        row.method = "bagged"
        row.fit = _of_today(row.fit)
        row.save()


def _of_today(old: dict[str, Any]) -> dict[str, Any]:
    width = len(old["weights"])
    unknown = [None] * width
    no_line = "" if old["slope"] is not None else "No rising line was found."
    pairs = [
        ("equal weights", old["pcc_equal"]),
        ("best single metric", old["pcc_best_single"]),
        ("learned weights", old["pcc_fitted"]),
    ]
    return {
        "method": "bagged",
        "weights": old["weights"],
        "learned": old["fitted"],
        "low": old["low"],
        "high": old["high"],
        "importance": old["importance"],
        "importance_low": unknown,
        "importance_high": unknown,
        "pcc": unknown,
        "pcc_low": unknown,
        "pcc_high": unknown,
        "contradicts": [False] * width,
        "constant": [False] * width,
        "covariance": old["covariance"],
        "share_learned": 0.0 if old["is_equal"] else 1.0,
        "is_better": not old["is_equal"],
        "reason": old["reason"],
        "warnings": [],
        "agreements": [
            {"name": name, "pcc": pcc, "low": None, "high": None}
            for name, pcc in pairs
            if pcc is not None
        ],
        "gain": None,
        "gain_low": old["gain_low"],
        "gain_high": old["gain_high"],
        "best_single": old["best_single"],
        "line": {
            "offset": old["offset"],
            "slope": old["slope"],
            "residual_var": old["residual_var"],
            "mean_sum": 0.0,
            "var_sum": 1.0,
            "n": old["n"],
            "reason": no_line,
        },
        "model_var": old["residual_var"],
        "rating_var": 0.0,
        "conformal": {"scores": [], "n": 0},
        "calibration": None,
        "scale": [1.0, 5.0],
        "n": old["n"],
        "n_units": old["n"],
    }


def job_fields() -> list[tuple[str, Any]]:
    return [
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
        ("owner", models.CharField(blank=True, help_text="the worker that has it", max_length=64)),
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
    ]


def job_constraints(name: str) -> list[Any]:
    return [
        models.CheckConstraint(
            condition=models.Q(("progress_frac__gte", 0), ("progress_frac__lte", 1)),
            name=f"{name}_progress_is_a_share",
        ),
        models.CheckConstraint(
            condition=models.Q(
                models.Q(("state", "failed"), _negated=True),
                models.Q(("error_text", ""), _negated=True),
                _connector="OR",
            ),
            name=f"{name}_failure_says_why",
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0008_ratings_from_elsewhere"),
        ("learner", "0003_metric_details"),
    ]

    operations = [
        migrations.CreateModel(
            name="Normalisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(choices=KINDS, max_length=20)),
                ("version", models.PositiveIntegerField()),
                (
                    "metrics",
                    models.JSONField(
                        help_text="names and versions, in the order of all its numbers"
                    ),
                ),
                ("parameters", models.JSONField(help_text="quantiles, or centres and scales")),
                (
                    "moments",
                    models.JSONField(
                        help_text="mean and covariance, by which missing metrics are filled"
                    ),
                ),
                ("n_clips", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "corpus",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="normalisations",
                        to="annotator.corpus",
                    ),
                ),
            ],
            options={
                "ordering": ["corpus_id", "kind", "-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("corpus", "kind", "version"), name="normalisation_version_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DryRun",
            fields=[
                *job_fields(),
                ("strategy", models.CharField(default="d_optimal", max_length=60)),
                (
                    "target",
                    models.SlugField(
                        default="overall",
                        help_text="key of the aspect that is learned",
                        max_length=40,
                    ),
                ),
                (
                    "budget_ratings",
                    models.PositiveIntegerField(
                        default=30,
                        help_text="ratings to be asked for in this round",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000),
                        ],
                    ),
                ),
                (
                    "ratings_per_clip",
                    models.PositiveSmallIntegerField(
                        default=3,
                        help_text="1 to 3 to learn weights; more, by the planner, to report MOS",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                    ),
                ),
                (
                    "is_stratified",
                    models.BooleanField(
                        default=True,
                        help_text="share picks out over length, condition, speaker and language direction",
                    ),
                ),
                (
                    "reserve_frac",
                    models.FloatField(
                        default=0.2,
                        help_text="share of the clips picked at random and kept as an unbiased sample",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                (
                    "plan",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        editable=False,
                        help_text="ratings in all, cumulative shares of the stages, and which stage this is",
                    ),
                ),
                (
                    "picks",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="clip, score, reason and reserve, best first",
                    ),
                ),
                (
                    "pool",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="the pool in two dimensions, and what they explain",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dry_runs",
                        to="annotator.campaign",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "abstract": False,
                "constraints": [
                    *job_constraints("dryrun"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("budget_ratings__gte", 1), ("ratings_per_clip__gte", 1)
                        ),
                        name="dryrun_asks_for_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserve_frac__gte", 0), ("reserve_frac__lte", 1)),
                        name="dryrun_reserve_is_a_share",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Audit",
            fields=[
                *job_fields(),
                ("target", models.SlugField(default="overall", max_length=40)),
                ("strategy", models.CharField(default="d_optimal", max_length=60)),
                ("n_replays", models.PositiveSmallIntegerField(default=30)),
                (
                    "data",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="hash and number of the labels it is about",
                    ),
                ),
                (
                    "replays",
                    models.JSONField(blank=True, default=list, help_text="each replay as it ended"),
                ),
                ("report", models.JSONField(blank=True, default=dict)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audits",
                        to="annotator.campaign",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "abstract": False,
                "constraints": [
                    *job_constraints("audit"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", OPEN)),
                        fields=("campaign",),
                        name="one_open_audit_a_campaign",
                    ),
                ],
            },
        ),
        migrations.AddField(
            "round",
            "is_stratified",
            models.BooleanField(
                default=True,
                help_text="share picks out over length, condition, speaker and language direction",
            ),
        ),
        migrations.AddField(
            "round",
            "plan",
            models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="ratings in all, cumulative shares of the stages, and which stage this is",
            ),
        ),
        migrations.AddField(
            "round",
            "outcome",
            models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="what its ratings said: agreement, calibration, drift, and what to do next",
            ),
        ),
        migrations.AlterField(
            "round", "strategy", models.CharField(default="d_optimal", max_length=60)
        ),
        migrations.AlterField(
            "round",
            "budget_ratings",
            models.PositiveIntegerField(
                default=30,
                help_text="ratings to be asked for in this round",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1000000),
                ],
            ),
        ),
        migrations.AlterField(
            "round",
            "ratings_per_clip",
            models.PositiveSmallIntegerField(
                default=3,
                help_text="1 to 3 to learn weights; more, by the planner, to report MOS",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1000),
                ],
            ),
        ),
        migrations.AlterModelOptions(
            "proxyweights",
            {"ordering": ["-created_at", "-pk"], "verbose_name_plural": "proxy weights"},
        ),
        migrations.AddField(
            "proxyweights",
            "is_better",
            models.BooleanField(
                default=False,
                help_text="learned weights are shown to be better than equal ones; `fit` says the rest",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "proxyweights",
            "n_ratings",
            models.PositiveIntegerField(default=0, help_text="ratings behind those MOS"),
        ),
        migrations.AddField("proxyweights", "seed", models.BigIntegerField(default=0)),
        migrations.AddField(
            "proxyweights",
            "normalisation_kept",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="proxy_weights",
                to="learner.normalisation",
            ),
        ),
        migrations.RunPython(bring_over, migrations.RunPython.noop, elidable=True),
    ]
