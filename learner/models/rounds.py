"""Active-learning rounds: what was asked, why, and the proxy weights learned from the answers."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotator.models import Campaign, Clip, Wave
from annotator.models.campaigns import MOST_RATINGS_A_CLIP
from learner.models.jobs import Job, JobQuerySet

MOST_RATINGS = 1_000_000  # of one round: a slip of the keyboard, not a campaign, is beyond it


class Round(Job):
    """One turn of the loop: pick clips, collect ratings, refit the proxy, train the network."""

    class Stage(models.TextChoices):
        """How far it has come."""

        PICKING = "picking", "Picking clips"
        COLLECTING = "collecting", "Collecting ratings"
        REFITTING = "refitting", "Refitting the proxy"
        TRAINING = "training", "Training the network"
        TRAINED = "trained", "Trained"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField(editable=False)
    stage = models.CharField(
        max_length=12, choices=Stage.choices, default=Stage.PICKING, editable=False
    )
    strategy = models.CharField(max_length=60, default="hybrid")
    target = models.SlugField(
        max_length=40, default="overall", help_text="key of the aspect that is learned"
    )
    budget_ratings = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RATINGS)],
        help_text="ratings to be asked for in all",
    )
    ratings_per_clip = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(MOST_RATINGS_A_CLIP)]
    )
    reserve_frac = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="share of the clips picked at random and kept as an unbiased sample",
    )
    wave = models.OneToOneField(
        Wave, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="round"
    )

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["campaign_id", "-number"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["campaign", "number"], name="round_number_once"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=["queued", "running", "waiting"]),
                name="one_open_round_a_campaign",
            ),
            models.CheckConstraint(
                condition=Q(ratings_per_clip__gte=1, budget_ratings__gte=1),
                name="round_asks_for_something",
            ),
            models.CheckConstraint(
                condition=Q(reserve_frac__gte=0, reserve_frac__lte=1),
                name="round_reserve_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"Round {self.number} of {self.campaign}"

    @property
    def clips_wanted(self) -> int:
        """How many clips the budget pays for."""
        return self.budget_ratings // self.ratings_per_clip


class Query(models.Model):
    """A clip a round asked about, with its score, its rank and why it was picked."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="queries")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="queries")
    rank = models.PositiveIntegerField()
    score = models.FloatField(null=True, blank=True, help_text="the strategy's; none for random")
    reason = models.TextField()
    is_reserve = models.BooleanField(default=False, help_text="part of the unbiased random sample")

    class Meta:
        ordering = ["round_id", "rank"]
        verbose_name_plural = "queries"
        constraints = [
            models.UniqueConstraint(fields=["round", "clip"], name="clip_once_a_round"),
            models.UniqueConstraint(fields=["round", "rank"], name="rank_once_a_round"),
            models.CheckConstraint(condition=~Q(reason=""), name="query_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.clip} in {self.round}"


class ProxyWeights(models.Model):
    """One fit of the proxy MOS: weights with intervals, what they were fitted on, and how well."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="proxy_weights")
    round = models.ForeignKey(
        Round, on_delete=models.PROTECT, null=True, blank=True, related_name="proxy_weights"
    )
    target = models.SlugField(max_length=40)
    method = models.CharField(max_length=60)
    is_equal = models.BooleanField(help_text="fell back to equal weights; `fit` says why")
    metrics = models.JSONField(help_text="names and versions, in the order of every list in `fit`")
    normalisation = models.JSONField(help_text="the frozen normalisation of the metrics")
    fit = models.JSONField(help_text="weights, intervals, agreement, affine map, reason")
    n_clips = models.PositiveIntegerField(help_text="clips with a MOS it was fitted on")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "proxy weights"
        constraints = [
            models.UniqueConstraint(
                fields=["round"],
                condition=Q(round__isnull=False),
                name="proxy_weights_once_a_round",
            ),
        ]

    def __str__(self) -> str:
        return f"Proxy weights {self.pk} of {self.campaign}"
