"""Active-learning rounds: what is asked for, what would be picked, and what was asked."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotator.models import Campaign, Clip, Wave
from annotator.models.campaigns import MOST_RATINGS_A_CLIP
from learner.models.jobs import Job, JobQuerySet

MOST_RATINGS = 1_000_000  # of one round: a slip of the keyboard, not a campaign, is beyond it


class RoundRequest(Job):
    """What a researcher asks of a round, whether it is launched or only tried."""

    strategy = models.CharField(max_length=60, default="d_optimal")
    target = models.SlugField(
        max_length=40, default="overall", help_text="key of the aspect that is learned"
    )
    budget_ratings = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RATINGS)],
        help_text="ratings to be asked for in this round",
    )
    ratings_per_clip = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RATINGS_A_CLIP)],
        help_text="1 to 3 to learn weights; more, by the planner, to report MOS",
    )
    is_stratified = models.BooleanField(
        default=True,
        help_text="share picks out over length, condition, speaker and language direction",
    )
    reserve_frac = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="share of the clips picked at random and kept as an unbiased sample",
    )
    plan = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="ratings in all, cumulative shares of the stages, and which stage this is",
    )

    class Meta(Job.Meta):
        abstract = True
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(ratings_per_clip__gte=1, budget_ratings__gte=1),
                name="%(class)s_asks_for_something",
            ),
            models.CheckConstraint(
                condition=Q(reserve_frac__gte=0, reserve_frac__lte=1),
                name="%(class)s_reserve_is_a_share",
            ),
        ]

    @property
    def clips_wanted(self) -> int:
        """How many clips the budget pays for."""
        return self.budget_ratings // self.ratings_per_clip


class Round(RoundRequest):
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
    wave = models.OneToOneField(
        Wave, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="round"
    )
    outcome = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="what its ratings said: agreement, calibration, drift, and what to do next",
    )

    objects = JobQuerySet.as_manager()

    class Meta(RoundRequest.Meta):
        abstract = False
        ordering = ["campaign_id", "-number"]
        constraints = [
            *RoundRequest.Meta.constraints,
            models.UniqueConstraint(fields=["campaign", "number"], name="round_number_once"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=["queued", "running", "waiting"]),
                name="one_open_round_a_campaign",
            ),
        ]

    def __str__(self) -> str:
        return f"Round {self.number} of {self.campaign}"


class DryRun(RoundRequest):
    """What a round would pick now, and why; nobody is asked for anything."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="dry_runs")
    picks = models.JSONField(
        default=list, blank=True, help_text="clip, score, reason and reserve, best first"
    )
    pool = models.JSONField(
        default=dict, blank=True, help_text="the pool in two dimensions, and what they explain"
    )

    objects = JobQuerySet.as_manager()

    class Meta(RoundRequest.Meta):
        abstract = False
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Dry run {self.pk} of {self.campaign}"


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
