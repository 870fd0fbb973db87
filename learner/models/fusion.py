"""The DubScore network: its training runs, what they made, and what it says of clips."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

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
    target = models.SlugField(max_length=40, default="overall")
    proxy_weights = models.ForeignKey(
        ProxyWeights,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="training_runs",
        help_text="the fit that it starts from; made by the run itself where none was given",
    )
    cause = models.CharField(max_length=200, blank=True, help_text="what called for it")
    curves = models.JSONField(default=list, blank=True, help_text="loss by fold, stage and epoch")

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=Job.OPEN_STATES),
                name="one_open_training_a_campaign",
            ),
        ]

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
    reach = models.JSONField(default=dict, help_text="what intervals need, from clips out of fold")
    facts = models.JSONField(
        default=dict,
        help_text="size, seconds, clips, labels, reliability, calibration",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Fusion model {self.pk}"

    @property
    def campaign(self) -> Campaign:
        """Whose labels it learned from."""
        return self.training_run.campaign

    @property
    def target(self) -> str:
        """Key of the aspect that it scores."""
        return self.training_run.target

    @property
    def n_members(self) -> int:
        """How many networks it is made of."""
        return int(self.facts.get("n_members") or self.config["folds"])


class Promotion(models.Model):
    """One change of which model speaks for a campaign; the last one holds, none is deleted."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="promotions")
    target = models.SlugField(max_length=40)
    fusion_model = models.ForeignKey(
        FusionModel, on_delete=models.PROTECT, related_name="promotions"
    )
    replaced = models.ForeignKey(
        FusionModel, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_forced = models.BooleanField(default=False)
    is_rollback = models.BooleanField(default=False)
    reason = models.CharField(max_length=300)
    comparison = models.JSONField(default=dict, help_text="with the model it took the place of")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="promotion_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.fusion_model} for {self.campaign}, {self.target}"


class RetrainPolicy(models.Model):
    """What makes a finished round train the network, campaign by campaign."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, related_name="retrain_policy"
    )
    on_new_labels = models.BooleanField(
        default=True, help_text="a fifth more clips have a MOS than the model in use learned from"
    )
    on_moved_weights = models.BooleanField(
        default=True, help_text="proxy weights left their old 90 % intervals"
    )
    on_drift = models.BooleanField(
        default=True, help_text="intervals no longer hold what they promise on new MOS"
    )

    class Meta:
        verbose_name_plural = "retrain policies"

    def __str__(self) -> str:
        return f"When {self.campaign} retrains"


class Rescoring(Job):
    """Scoring the clips of a corpus anew with a model that is in use."""

    fusion_model = models.ForeignKey(
        FusionModel, on_delete=models.CASCADE, related_name="rescorings"
    )

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["fusion_model"],
                condition=Q(state__in=Job.OPEN_STATES),
                name="one_open_rescoring_a_model",
            ),
        ]

    def __str__(self) -> str:
        return f"Rescoring {self.pk} by {self.fusion_model}"


class Reproduction(Job):
    """The paper's tables and figure from a campaign's own data, beside the printed numbers."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="reproductions")
    target = models.SlugField(max_length=40, default="overall")
    report = models.JSONField(default=dict, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["campaign", "target"],
                condition=Q(state__in=Job.OPEN_STATES),
                name="one_open_reproduction_an_aspect",
            ),
        ]

    def __str__(self) -> str:
        return f"Reproduction {self.pk} of {self.campaign}"


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
    inner_gates = models.JSONField(default=dict, help_text="weight of each input in its modality")
    proxy_share = models.FloatField(default=0.0, help_text="how much the proxy MOS counts in it")
    distance_frac = models.FloatField(
        null=True, help_text="how far from all that was trained on; above 1 it is outside"
    )
    made_at = models.DateTimeField(default=timezone.now)

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
