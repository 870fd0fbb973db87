"""Corpora, campaigns, people and reports in Django's admin; ratings can only be looked at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
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
from annotator.models.corpora import ClipQuerySet


class OwnFilter(admin.RelatedFieldListFilter):
    """A filter by campaign or corpus that names only those that are open to the user."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> list[tuple[Any, str]]:
        """The user's own."""
        own = {Campaign: _own_campaigns, Corpus: _own_corpora}[field.related_model](request)
        return field.get_choices(include_blank=False, limit_choices_to={"pk__in": own})


def _own_campaigns(request: HttpRequest) -> QuerySet[Campaign]:
    return Campaign.objects.studied_by(request.user)


def _own_corpora(request: HttpRequest) -> QuerySet[Corpus]:
    return Corpus.objects.open_to(request.user)


class StudiedAdmin(admin.ModelAdmin):
    """Rows of campaigns that the user studies, or of corpora that are open to the user."""

    campaign_path = ""  # from a row to its campaign
    corpus_path = ""  # or, where it belongs to none, to its corpus

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The user's own: a list, a page, an action and a search find nothing else."""
        rows = super().get_queryset(request)
        if self.campaign_path:
            return rows.filter(**{f"{self.campaign_path}__in": _own_campaigns(request)})
        return rows.filter(**{f"{self.corpus_path}__in": _own_corpora(request)})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nor can anything else be chosen."""
        own = {"campaign": _own_campaigns, "corpus": _own_corpora}.get(db_field.name)
        if own:
            kwargs["queryset"] = own(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyAdmin(StudiedAdmin):
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
class CorpusAdmin(StudiedAdmin):
    """Corpora with how many clips they hold; clips come in by `manage.py import_clips`."""

    corpus_path = "pk"

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
class ClipAdmin(StudiedAdmin):
    """Clips: what is known of them can be mended, their files cannot."""

    corpus_path = "corpus"
    list_display = ["name", "corpus", "system", "condition", "language_pair", "duration_s", "state"]
    list_filter = [("corpus", OwnFilter), "state"]
    list_select_related = ["corpus"]
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

    @admin.action(description="Mark as broken: show to no more raters", permissions=["change"])
    def mark_broken(self, request: HttpRequest, clips: ClipQuerySet) -> None:
        """Take them out of rating."""
        changed = clips.with_file().update(
            state=Clip.State.BROKEN, state_reason=f"marked by {request.user}"
        )
        self.message_user(request, f"{changed} clips are no longer shown to raters.")

    @admin.action(description="Mark as ready: show to raters again", permissions=["change"])
    def mark_ready(self, request: HttpRequest, clips: ClipQuerySet) -> None:
        """Put them back."""
        changed = clips.with_file().update(state=Clip.State.READY, state_reason="")
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


class MembershipForm(forms.ModelForm):
    """Who takes part, and how: said once, for ratings hang on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            for field in self.fields.values():
                field.disabled = True


class MembershipInline(admin.TabularInline):
    """Raters and researchers of a campaign; those who hold or rated clips cannot be removed."""

    model = Membership
    form = MembershipForm
    extra = 1
    fields = ["user", "role"]
    autocomplete_fields = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With their users, in one query."""
        return super().get_queryset(request).select_related("user", "campaign")


@admin.register(Campaign)
class CampaignAdmin(StudiedAdmin):
    """Campaigns: set up here, followed on their own page."""

    campaign_path = "pk"
    list_display = ["name", "corpus", "state", "ratings_per_clip", "page"]
    list_filter = ["state", ("corpus", OwnFilter)]
    list_select_related = ["corpus"]
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

    @admin.action(description="Go live", permissions=["change"])
    def go_live(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        """Serve raters."""
        self._move(request, campaigns, Campaign.State.LIVE)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        """Give out no new clips."""
        self._move(request, campaigns, Campaign.State.PAUSED)

    @admin.action(description="Close", permissions=["change"])
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
    campaign_path = "assignment__campaign"
    list_filter = [("assignment__campaign", OwnFilter)]
    list_select_related = ["assignment__clip"]
    inlines = [ScoreInline]


@admin.register(ClipReport)
class ClipReportAdmin(ReadOnlyAdmin):
    """Clips that raters could not play."""

    list_display = ["assignment", "reason", "note", "created_at"]
    campaign_path = "assignment__campaign"
    list_filter = [("assignment__campaign", OwnFilter), "reason"]
    list_select_related = ["assignment__clip"]


admin.site.unregister(User)


@admin.register(User)
class PeopleAdmin(UserAdmin):
    """People; whoever is no superuser sees names only, which is what choosing raters needs."""

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Passwords, addresses and permissions are the superuser's."""
        if request.user.is_superuser:
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": ["username", "first_name", "last_name", "is_active"]})]

    def get_list_display(self, request: HttpRequest) -> list[str] | tuple[str, ...]:
        """Nor do lists show addresses."""
        columns = super().get_list_display(request)
        return columns if request.user.is_superuser else ["username", "first_name", "last_name"]
