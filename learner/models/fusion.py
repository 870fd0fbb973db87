"""The DubScore network: its training runs, what they made, and what it says of clips."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.models import Campaign, Clip
from learner.models.jobs import Job, JobQuerySet
from learner.models.proxy import ProxyWeights
from learner.models.rounds import Round


class TrainingRun(Job):
    """One training of the network, from proxy MOS to human MOS."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="training_runs")
    round = models.OneToOneField(
        Round, on_delete=models.PROTECT, null=True, blank=True, related_name="training_run"
    )
    proxy_weights = models.ForeignKey(
        ProxyWeights, on_delete=models.PROTECT, related_name="training_runs"
    )
    curves = models.JSONField(default=list, blank=True, help_text="loss by fold, stage and epoch")

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Training run {self.pk} of {self.campaign}"


class FusionModel(models.Model):
    """A trained network: where it lies, what it was trained on, and how well it does."""

    training_run = models.OneToOneField(
        TrainingRun, on_delete=models.PROTECT, related_name="fusion_model"
    )
    folder = models.CharField(max_length=300, help_text="below DUBSCORE_MODELS")
    config = models.JSONField()
    encoders = models.JSONField(help_text="names, versions and widths")
    data_fingerprint = models.CharField(max_length=64)
    evaluation = models.JSONField(help_text="out of fold, beside equal weights and best single")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Fusion model {self.pk}"


class Prediction(models.Model):
    """The DubScore of one clip by one model."""

    fusion_model = models.ForeignKey(
        FusionModel, on_delete=models.CASCADE, related_name="predictions"
    )
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="predictions")
    dubscore_raw = models.FloatField(help_text="1 to 5")
    epistemic_var = models.FloatField()
    aleatoric_var = models.FloatField()
    is_out_of_fold = models.BooleanField(help_text="made by members that never saw the clip")
    gates = models.JSONField(default=dict, help_text="weight of each modality")

    class Meta:
        ordering = ["fusion_model_id", "clip_id"]
        constraints = [
            models.UniqueConstraint(fields=["fusion_model", "clip"], name="prediction_once_a_clip"),
            models.CheckConstraint(
                condition=Q(dubscore_raw__gte=1, dubscore_raw__lte=5), name="dubscore_on_the_scale"
            ),
            models.CheckConstraint(
                condition=Q(epistemic_var__gte=0, aleatoric_var__gte=0),
                name="variances_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"DubScore of {self.clip}: {self.dubscore_raw:.2f}"
