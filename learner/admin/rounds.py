"""Rounds in the admin: launched here, followed on their own pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from annotator.admin import OwnFilter, StudiedAdmin
from annotator.models import Aspect
from learner import actions
from learner.actions.plans import read_shares
from learner.admin.jobs import JobAdmin
from learner.models import (
    DryRun,
    Round,
)
from learner.registry import shelf

LAUNCH_FIELDS = [
    "campaign",
    "strategy",
    "budget_ratings",
    "ratings_per_clip",
    "target",
    "is_stratified",
    "reserve_frac",
    "seed",
]
PLAN_FIELDS = ["stages", "stage"]


class LaunchForm(forms.ModelForm):
    """What a round is launched with; a valid form has launched it, or queued a dry run of it."""

    strategy = forms.ChoiceField(help_text="how clips are picked")
    target = forms.ChoiceField(help_text="the aspect that is learned")
    stages = forms.CharField(
        required=False,
        label="Stages of a plan",
        help_text="Cumulative per cents of the budget, such as the paper's 33, 66, 100: then the "
        "budget is that of the whole plan, and this round asks for one stage of it. Empty: this "
        "round alone.",
    )
    stage = forms.IntegerField(
        required=False, min_value=1, initial=1, help_text="which stage this is, counted from 1"
    )

    class Meta:
        model = Round
        fields = LAUNCH_FIELDS
        labels = {"is_stratified": "Share out over kinds", "reserve_frac": "Random share"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cards = shelf("strategy").cards().values()
        self.dry_run: DryRun | None = None
        if "strategy" in self.fields:
            self.fields["strategy"].choices = [(card.name, card.title) for card in cards]
            self.fields["strategy"].initial = "d_optimal"
        if "target" in self.fields:
            self.fields["target"].choices = dict(
                Aspect.objects.order_by("rubric_id", "position").values_list("key", "name")
            )
            self.fields["target"].initial = "overall"

    def clean(self) -> dict[str, Any]:
        """Launch or try it, so that what stands against it is shown beside the form."""
        super().clean()
        if not self.errors:
            asked = dict(self.cleaned_data)
            asked["shares"] = read_shares(asked.pop("stages"))
            asked["stage"] = asked["stage"] or 1
            if "_dry_run" in self.data:
                self.dry_run = actions.ask_dry_run(**asked)
            else:
                self.instance = actions.launch_round(**asked)
        return self.cleaned_data

    def _post_clean(self) -> None:
        """The launched row was checked by the action."""

    def save(self, commit: bool = True) -> Round | DryRun:
        """Give the round that was launched, or what was tried."""
        return self.dry_run or self.instance

    def save_m2m(self) -> None:
        """Nothing more to save."""


@admin.register(Round)
class RoundAdmin(StudiedAdmin):
    """Adding a round launches it; afterwards it is followed on its own page."""

    campaign_path = "campaign"
    add_form_template = "learner/admin_launch.html"

    list_display = ["__str__", "stage", "state", "strategy", "budget_ratings", "progress", "page"]
    list_filter = [("campaign", OwnFilter), "state", "strategy"]
    list_select_related = ["campaign"]
    actions = ["cancel"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One button: a launch is not edited further."""
        hidden = {"show_save_and_add_another": False, "show_save_and_continue": False}
        context = {**(extra_context or {}), **hidden}
        return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self, request: HttpRequest, obj: Round | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The launch form for a new round."""
        if obj is None:
            kwargs |= {"form": LaunchForm, "fields": LAUNCH_FIELDS}
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Round | None = None) -> Any:
        """What is asked for, then what came of it."""
        seen = ["page", "stage", "state", "progress", "error_text"]
        return [*LAUNCH_FIELDS, *PLAN_FIELDS] if obj is None else [*seen, *LAUNCH_FIELDS, "plan"]

    def get_readonly_fields(self, request: HttpRequest, obj: Round | None = None) -> Any:
        """Nothing of a launched round is changed by hand."""
        return [] if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Round, form: Any, change: bool) -> None:
        """The form has launched it."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A dry run is no round that was added."""
        return None if isinstance(obj, DryRun) else super().log_addition(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        """Go to where the round, or the dry run, can be followed."""
        if isinstance(obj, DryRun):
            return redirect("learner:dry_run", obj.campaign.public_id, obj.pk)
        self.message_user(request, f"{obj} is launched.", messages.SUCCESS)
        return redirect("learner:round", obj.campaign.public_id, obj.number)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rounds are cancelled, never deleted."""
        return False

    @admin.display(description="progress")
    def progress(self, round_: Round) -> str:
        """How far it is, in words."""
        return f"{round_.progress_percent} %, {round_.progress_text}"

    @admin.display(description="page")
    def page(self, round_: Round) -> str:
        """A link to where the round is followed."""
        url = reverse("learner:round", args=[round_.campaign.public_id, round_.number])
        return format_html('<a href="{}">Follow</a>', url)

    @admin.action(description="Cancel: ratings that are in are kept", permissions=["change"])
    def cancel(self, request: HttpRequest, rounds: QuerySet[Round]) -> None:
        """Cancel those that are still open."""
        stopped = sum(actions.cancel_round(round_=round_) for round_ in rounds)
        self.message_user(
            request, f"{stopped} of {len(rounds)} rounds were open and are cancelled."
        )


@admin.register(DryRun)
class DryRunAdmin(JobAdmin):
    """Rounds that were tried."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]
