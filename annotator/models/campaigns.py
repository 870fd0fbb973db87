"""Who rates what: campaigns, their people, the places to be filled, and who holds each."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from annotator.models.corpora import Clip, ClipQuerySet, Corpus
from annotator.models.rubrics import Aspect, Rubric, aspects_of, frozen_aspects_of
from annotator.public_id import PUBLIC_ID_LENGTH, new_public_id

MOST_RATINGS_A_CLIP = 1000  # the largest published panels have some hundreds


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Questions one asks of campaigns; those about a user start at the user."""

    def studied_by(self, user: AbstractBaseUser | AnonymousUser) -> CampaignQuerySet:
        """Those whose results this user may see."""
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(
            memberships__user=user, memberships__role=Membership.Role.RESEARCHER
        ).distinct()


class Campaign(models.Model):
    """One collection of ratings: a corpus, a rubric, and how many ratings each clip is to get."""

    class State(models.TextChoices):
        """Whether raters are served."""

        DRAFT = "draft", "Draft"
        LIVE = "live", "Live"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    public_id = models.CharField(
        max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False
    )
    name = models.CharField(max_length=120, unique=True)
    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="campaigns")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="campaigns")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    ratings_per_clip = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(MOST_RATINGS_A_CLIP)]
    )
    clips_per_rater = models.PositiveSmallIntegerField(
        default=45, validators=[MinValueValidator(1)], help_text="at most, for one rater"
    )
    first_wave_clips = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="clips opened for rating when the campaign goes live, drawn at random;"
        " empty: all of the pool; 0: none, rounds open them",
    )
    has_hidden_references = models.BooleanField(
        default=False, help_text="source clips are rated too, like any other (ACR-HR)"
    )
    seed = models.BigIntegerField(
        default=0,
        validators=[MinValueValidator(0)],
        help_text="of every random choice in this campaign",
    )
    instructions = models.TextField(blank=True, help_text="shown to raters before they begin")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ratings_per_clip__gte=1, clips_per_rater__gte=1),
                name="campaign_asks_for_something",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def aspects(self) -> list[Aspect]:
        """The aspects of its rubric in order."""
        if self.state == self.State.DRAFT:
            return aspects_of(self.rubric_id)
        return frozen_aspects_of(self.rubric_id)

    def pool(self) -> ClipQuerySet:
        """The clips that may be rated here: the ready dubs, and their sources where asked for.

        A clip nothing was dubbed from counts as a dub, so that a plain folder of videos works.
        """
        clips = self.corpus.clips.ready()
        return clips if self.has_hidden_references else clips.filter(dubs=None)


class Membership(models.Model):
    """A user's part in a campaign: rater or researcher."""

    class Role(models.TextChoices):
        """What the user does there."""

        RATER = "rater", "Rater"
        RESEARCHER = "researcher", "Researcher"

    public_id = models.CharField(
        max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=12, choices=Role.choices)
    is_simulated = models.BooleanField(
        default=False, help_text="no person: ratings are made by a stated random model"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["campaign_id", "role", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "user", "role"], name="membership_once_a_role"
            ),
            models.CheckConstraint(
                condition=Q(is_simulated=False) | Q(role="rater"), name="only_raters_are_simulated"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role}, {self.campaign})"

    @property
    def shown_name(self) -> str:
        """As researchers know the user: the name where one was given, or what signs in."""
        return self.user.get_full_name() or str(self.user.get_username())

    @property
    def is_rejected(self) -> bool:
        """Whether the last verdict on this rater is that the ratings do not count."""
        standing = self.verdicts.order_by("-pk").values_list("is_accepted", flat=True).first()
        return standing is False


class Wave(models.Model):
    """Places opened together in a campaign: the first design, or what a round asked for."""

    FIRST = "First wave"  # label of the one opened at the start: of a random part of the pool

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="waves")
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=120)
    opened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["campaign_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="wave_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.campaign})"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """Questions one asks of assignments; a rater's start at the rater."""

    def for_rater(self, user: AbstractBaseUser | AnonymousUser) -> AssignmentQuerySet:
        """Those this user holds or has rated, in live campaigns or not."""
        return self.filter(rater__user=user, rater__role=Membership.Role.RATER)

    def open(self) -> AssignmentQuerySet:
        """Held by a rater and waiting for the rating."""
        return self.filter(rater__isnull=False, rated_at=None, report=None)

    def counted(self) -> AssignmentQuerySet:
        """Those a rater's progress counts: rated, or still to be; not what was only reported."""
        return self.filter(Q(report=None) | Q(rated_at__isnull=False))

    def free(self) -> AssignmentQuerySet:
        """Places nobody has taken yet."""
        return self.filter(rater=None)

    def lapsed(self) -> AssignmentQuerySet:
        """Places taken and left: the lease ran out before a rating came."""
        return self.filter(
            place__isnull=False, rated_at=None, report=None, leased_until__lt=timezone.now()
        )

    def rated(self) -> AssignmentQuerySet:
        """Done."""
        return self.filter(rated_at__isnull=False)


class Assignment(models.Model):
    """One place of a clip, and the rater who has taken it.

    A clip that wants three ratings has the places 1, 2 and 3; a place is a row from the start, so
    that no race can make a fourth. A rater whose lease ran out loses the place (it becomes empty
    here and a new row holds it) but never the page or a rating already made.
    """

    public_id = models.CharField(
        max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="assignments")
    wave = models.ForeignKey(Wave, on_delete=models.PROTECT, related_name="assignments")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="assignments")
    place = models.PositiveSmallIntegerField(null=True, blank=True)
    rater = models.ForeignKey(
        Membership, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    position = models.PositiveIntegerField(
        null=True, blank=True, help_text="in the rater's own order, from 1"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    rated_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["campaign_id", "rater_id", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "clip", "place"], name="place_of_a_clip_once"
            ),
            models.UniqueConstraint(fields=["campaign", "clip", "rater"], name="clip_once_a_rater"),
            models.UniqueConstraint(
                fields=["campaign", "rater", "position"], name="position_once_a_rater"
            ),
            models.CheckConstraint(
                condition=Q(place__isnull=False, place__gte=1) | Q(rater__isnull=False, place=None),
                name="assignment_is_a_place_or_was_one",
            ),
            models.CheckConstraint(
                condition=Q(
                    rater=None, position=None, assigned_at=None, leased_until=None, rated_at=None
                )
                | Q(
                    rater__isnull=False,
                    position__isnull=False,
                    assigned_at__isnull=False,
                    leased_until__isnull=False,
                ),
                name="taken_whole_or_free_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "rater", "rated_at"], name="assignment_of_a_rater"),
            models.Index(fields=["campaign", "clip"], name="assignment_of_a_clip"),
        ]

    def __str__(self) -> str:
        return f"{self.clip} place {self.place}"


class ClipReport(models.Model):
    """A rater's word that a clip cannot be rated, and why."""

    class Reason(models.TextChoices):
        """What raters can choose from."""

        DOES_NOT_START = "does_not_start", "It does not start"
        STOPS = "stops", "It stops or stutters"
        NO_SOUND = "no_sound", "There is no sound"
        NO_PICTURE = "no_picture", "There is no picture"
        OTHER = "other", "Something else"

    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="report")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.assignment.clip}: {self.get_reason_display()}"
