"""Corpora, campaigns, people and reports in Django's admin; ratings can only be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from annotator import actions
from annotator.models import (
    Aspect,
    Campaign,
    Clip,
    ClipReport,
    Corpus,
    Membership,
    Rating,
    Rubric,
    Score,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the product writes and people only read."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds these by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes these by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes these by hand."""
        return False


@admin.register(Corpus)
class CorpusAdmin(admin.ModelAdmin):
    """Corpora with how many clips they hold; clips come in by `manage.py import_clips`."""

    list_display = ["name", "clip_count", "description", "created_at"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Corpus]:
        """With the number of clips."""
        return super().get_queryset(request).annotate(clip_count=Count("clips"))

    @admin.display(ordering="clip_count", description="clips")
    def clip_count(self, corpus: Corpus) -> int:
        """How many clips it holds."""
        return corpus.clip_count


@admin.register(Clip)
class ClipAdmin(admin.ModelAdmin):
    """Clips: what is known of them can be mended, their files cannot."""

    list_display = ["name", "corpus", "system", "condition", "language_pair", "duration_s", "state"]
    list_filter = ["corpus", "state", "condition", "system", "target_language"]
    search_fields = ["name", "public_id", "transcript", "translation"]
    readonly_fields = [
        "public_id",
        "corpus",
        "name",
        "original",
        "rendition",
        "sha256",
        "duration_s",
        "width",
        "height",
        "created_at",
    ]
    raw_id_fields = ["source"]
    actions = ["mark_broken", "mark_ready"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Clips are imported, never typed in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A clip that should not be rated is marked as broken; nothing is lost."""
        return False

    @admin.action(description="Mark as broken: show to no more raters")
    def mark_broken(self, request: HttpRequest, clips: QuerySet[Clip]) -> None:
        """Take them out of rating."""
        changed = clips.update(state=Clip.State.BROKEN, state_reason=f"marked by {request.user}")
        self.message_user(request, f"{changed} clips are no longer shown to raters.")

    @admin.action(description="Mark as ready: show to raters again")
    def mark_ready(self, request: HttpRequest, clips: QuerySet[Clip]) -> None:
        """Put them back."""
        changed = clips.update(state=Clip.State.READY, state_reason="")
        self.message_user(request, f"{changed} clips are shown to raters.")


class AspectInline(admin.TabularInline):
    """The aspects of a rubric, in order."""

    model = Aspect
    extra = 0


@admin.register(Rubric)
class RubricAdmin(admin.ModelAdmin):
    """Rubrics; one that a campaign uses is frozen, so that old scores keep their words."""

    list_display = ["name", "version", "created_at"]
    inlines = [AspectInline]

    def has_change_permission(self, request: HttpRequest, obj: Rubric | None = None) -> bool:
        """Only while no campaign uses it."""
        return super().has_change_permission(request, obj) and not _is_used(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Rubric | None = None) -> bool:
        """Only while no campaign uses it."""
        return super().has_delete_permission(request, obj) and not _is_used(obj)


def _is_used(rubric: Rubric | None) -> bool:
    return rubric is not None and rubric.campaigns.exists()


class MembershipInline(admin.TabularInline):
    """Raters and researchers of a campaign."""

    model = Membership
    extra = 1
    fields = ["user", "role", "is_simulated"]
    autocomplete_fields = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People who may have rated stay."""
        return False


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    """Campaigns: set up here, followed on their own page."""

    list_display = ["name", "corpus", "state", "ratings_per_clip", "page"]
    list_filter = ["state", "corpus"]
    readonly_fields = ["public_id", "state", "created_at", "page"]
    inlines = [MembershipInline]
    actions = ["go_live", "pause", "close"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Campaign | None = None
    ) -> list[str] | tuple[Any, ...]:
        """What raters have met stays as it is."""
        fields = list(super().get_readonly_fields(request, obj))
        if obj is not None and obj.state != Campaign.State.DRAFT:
            fields += ["corpus", "rubric", "has_hidden_references", "seed"]
        return fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        """Those that this user studies."""
        return Campaign.objects.studied_by(request.user).select_related("corpus")

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """Whoever sets a campaign up studies it."""
        super().save_model(request, obj, form, change)
        if not change:
            Membership.objects.get_or_create(
                campaign=obj, user=request.user, role=Membership.Role.RESEARCHER
            )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Campaigns are closed, never deleted."""
        return False

    @admin.display(description="page")
    def page(self, campaign: Campaign) -> str:
        """A link to where the campaign is followed."""
        if campaign.pk is None:
            return "–"
        url = reverse("annotator:campaign", args=[campaign.public_id])
        return format_html('<a href="{}">Follow</a>', url)

    @admin.action(description="Go live")
    def go_live(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        """Serve raters."""
        self._move(request, campaigns, Campaign.State.LIVE)

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        """Give out no new clips."""
        self._move(request, campaigns, Campaign.State.PAUSED)

    @admin.action(description="Close")
    def close(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        """Take no more ratings."""
        self._move(request, campaigns, Campaign.State.CLOSED)

    def _move(self, request: HttpRequest, campaigns: QuerySet[Campaign], state: str) -> None:
        for campaign in campaigns:
            try:
                actions.set_campaign_state(campaign=campaign, state=state)
                self.message_user(request, f"{campaign} is {state}.")
            except ValidationError as refusal:
                self.message_user(
                    request, f"{campaign}: {' '.join(refusal.messages)}", messages.ERROR
                )


class ScoreInline(admin.TabularInline):
    """The scores of a rating."""

    model = Score
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Scores come from raters."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Scores are never changed."""
        return False


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    """Ratings as collected, every revision."""

    list_display = ["assignment", "revision", "lead_time_s", "watched_frac", "created_at"]
    list_filter = ["assignment__campaign"]
    list_select_related = ["assignment__clip"]
    inlines = [ScoreInline]


@admin.register(ClipReport)
class ClipReportAdmin(ReadOnlyAdmin):
    """Clips that raters could not play."""

    list_display = ["assignment", "reason", "note", "created_at"]
    list_filter = ["assignment__campaign", "reason"]
    list_select_related = ["assignment__clip"]
