"""The learner room in Django's admin: rounds are launched here, all else is looked at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from annotator.admin import OwnFilter, ReadOnlyAdmin, StudiedAdmin
from annotator.models import Aspect
from learner import actions
from learner.actions.plans import read_shares
from learner.compute import ENGINES
from learner.fusion.config import LOSSES
from learner.models import (
    Audit,
    DryRun,
    Extraction,
    FusionModel,
    MetricScore,
    Normalisation,
    Promotion,
    ProxyWeights,
    Refit,
    Reproduction,
    Rescoring,
    RetrainPolicy,
    Round,
    Scoring,
    TrainingRun,
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


class JobAdmin(ReadOnlyAdmin):
    """Background work, to be looked at and run again."""

    list_display = ["__str__", "state", "progress_text", "attempt", "created_at", "finished_at"]
    list_filter = ["state"]
    actions = ["run_again", "cancel"]

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Whoever may change such rows, though none is changed by hand."""
        return request.user.has_perm(f"learner.change_{self.opts.model_name}")

    @admin.action(description="Run again what failed or was cancelled", permissions=["run"])
    def run_again(self, request: HttpRequest, jobs: QuerySet[Any]) -> None:
        """Put them back in the queue; what they did before is kept."""
        again = 0
        for job in jobs:
            try:
                again += actions.run_again(job=job)
            except ValidationError as refusal:
                self.message_user(request, " ".join(refusal.messages), messages.ERROR)
        self.message_user(request, f"{again} of {len(jobs)} are queued again.")

    @admin.action(description="Cancel", permissions=["run"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Any]) -> None:
        """Stop those that are still open."""
        stopped = sum(actions.cancel_job(job=job) for job in jobs)
        self.message_user(request, f"{stopped} of {len(jobs)} are cancelled.")


class ExtractionForm(forms.ModelForm):
    """What is to be computed; a valid form has queued it."""

    metrics = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    encoders = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="With nothing chosen: every metric and encoder that is set up.",
    )
    engine = forms.ChoiceField(required=False, help_text="what computes it")
    is_retry = forms.BooleanField(
        required=False, label="Ask again", help_text="also where a part had no answer for a clip"
    )

    class Meta:
        model = Extraction
        fields = ["corpus"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in ("metric", "encoder"):
            cards = shelf(kind).set_up().values()
            self.fields[f"{kind}s"].choices = [(card.name, card.label) for card in cards]
        self.fields["engine"].choices = [("", "as set up"), *((name, name) for name in ENGINES)]

    def clean(self) -> dict[str, Any]:
        """Queue it, so that what stands against it is shown beside the form."""
        super().clean()
        if not self.errors:
            self.instance = actions.queue_extraction(**self.cleaned_data)
        return self.cleaned_data

    def _post_clean(self) -> None:
        """The queued row was checked by the action."""

    def save(self, commit: bool = True) -> Extraction:
        """Give the extraction that was queued."""
        return self.instance

    def save_m2m(self) -> None:
        """Nothing more to save."""


@admin.register(Extraction)
class ExtractionAdmin(JobAdmin):
    """Passes over corpora: adding one queues it."""

    corpus_path = "corpus"
    list_select_related = ["corpus"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may run one."""
        return self.has_run_permission(request)

    def get_form(
        self, request: HttpRequest, obj: Extraction | None = None, change: bool = False, **kw: Any
    ) -> Any:
        """The form of a new one."""
        if obj is None:
            kw |= {"form": ExtractionForm, "fields": ["corpus"]}
        return super().get_form(request, obj, change=change, **kw)

    def get_fields(self, request: HttpRequest, obj: Extraction | None = None) -> Any:
        """What is asked for, or what came of it."""
        asked = ["corpus", "metrics", "encoders", "engine", "is_retry"]
        return asked if obj is None else super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Extraction, form: Any, change: bool) -> None:
        """The form has queued it."""

    def response_add(self, request: HttpRequest, obj: Extraction, *args: Any) -> HttpResponse:
        """Go to the list, where its progress is seen."""
        self.message_user(request, f"{obj} is queued.", messages.SUCCESS)
        return redirect("admin:learner_extraction_changelist")


class TrainingForm(forms.ModelForm):
    """What is to be trained; a valid form has queued it."""

    target = forms.ChoiceField(help_text="the aspect that is learned")
    preset = forms.ChoiceField(
        choices=[("small", "small: hundreds of labels"), ("paper", "the paper's: thousands")]
    )
    loss = forms.ChoiceField(choices=[(name, name) for name in LOSSES])

    class Meta:
        model = TrainingRun
        fields = ["campaign", "seed"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].choices = dict(
            Aspect.objects.order_by("rubric_id", "position").values_list("key", "name")
        ).items()
        self.fields["target"].initial = "overall"

    def clean(self) -> dict[str, Any]:
        """Queue it, so that what stands against it is shown beside the form."""
        super().clean()
        if not self.errors:
            self.instance = actions.ask_training(**self.cleaned_data, cause="asked for by hand")
        return self.cleaned_data

    def _post_clean(self) -> None:
        """The queued row was checked by the action."""

    def save(self, commit: bool = True) -> TrainingRun:
        """Give the training that was queued."""
        return self.instance

    def save_m2m(self) -> None:
        """Nothing more to save."""


@admin.register(TrainingRun)
class TrainingRunAdmin(JobAdmin):
    """Trainings of the network: adding one queues it; it is followed on its own page."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may run one."""
        return self.has_run_permission(request)

    def get_form(
        self, request: HttpRequest, obj: TrainingRun | None = None, change: bool = False, **kw: Any
    ) -> Any:
        """The form of a new one."""
        if obj is None:
            kw |= {"form": TrainingForm, "fields": ["campaign", "seed"]}
        return super().get_form(request, obj, change=change, **kw)

    def get_fields(self, request: HttpRequest, obj: TrainingRun | None = None) -> Any:
        """What is asked for, or what came of it."""
        asked = ["campaign", "target", "preset", "loss", "seed"]
        return asked if obj is None else super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: TrainingRun, form: Any, change: bool) -> None:
        """The form has queued it."""

    def response_add(self, request: HttpRequest, obj: TrainingRun, *args: Any) -> HttpResponse:
        """Go to where its curves are seen."""
        self.message_user(request, f"{obj} is queued.", messages.SUCCESS)
        return redirect("learner:training", obj.campaign.public_id, obj.pk)


@admin.register(MetricScore)
class MetricScoreAdmin(ReadOnlyAdmin):
    """Objective metrics, value or reason."""

    list_display = ["clip", "metric", "version", "value", "details", "error"]
    corpus_path = "clip__corpus"
    list_filter = ["metric", ("error", admin.EmptyFieldListFilter), ("clip__corpus", OwnFilter)]
    list_select_related = ["clip"]
    search_fields = ["clip__name"]


@admin.register(ProxyWeights)
class ProxyWeightsAdmin(ReadOnlyAdmin):
    """Fits of the proxy MOS."""

    campaign_path = "campaign"
    list_display = ["__str__", "target", "is_better", "n_clips", "created_at"]
    list_filter = [("campaign", OwnFilter)]
    list_select_related = ["campaign"]


@admin.register(Normalisation)
class NormalisationAdmin(ReadOnlyAdmin):
    """How metrics were brought to one scale."""

    corpus_path = "corpus"
    list_display = ["__str__", "n_clips", "created_at"]
    list_select_related = ["corpus"]


@admin.register(DryRun)
class DryRunAdmin(JobAdmin):
    """Rounds that were tried."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]


@admin.register(Refit)
class RefitAdmin(JobAdmin):
    """Fits of the proxy outside of rounds."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]


@admin.register(Audit)
class AuditAdmin(JobAdmin):
    """Strategies against chance."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]


@admin.register(FusionModel)
class FusionModelAdmin(ReadOnlyAdmin):
    """Trained networks."""

    campaign_path = "training_run__campaign"
    list_display = ["__str__", "training_run", "created_at"]
    list_select_related = ["training_run__campaign"]


@admin.register(Reproduction)
class ReproductionAdmin(JobAdmin):
    """Reports of the paper's tables."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """Which model was in use when; promoted on the pages of models."""

    campaign_path = "campaign"
    list_display = ["__str__", "by", "is_forced", "is_rollback", "reason", "created_at"]
    list_select_related = ["campaign", "fusion_model", "by"]


@admin.register(RetrainPolicy)
class RetrainPolicyAdmin(ReadOnlyAdmin):
    """What makes a round retrain; switched on the pages of models."""

    campaign_path = "campaign"
    list_display = ["__str__", "on_new_labels", "on_moved_weights", "on_drift"]
    list_select_related = ["campaign"]


@admin.register(Rescoring)
class RescoringAdmin(JobAdmin):
    """Corpora scored anew by models in use."""

    campaign_path = "fusion_model__training_run__campaign"
    list_select_related = ["fusion_model"]


@admin.register(Scoring)
class ScoringAdmin(JobAdmin):
    """Clips that somebody had scored."""

    campaign_path = "campaign"
    list_display = ["__str__", "state", "progress_text", "asked_by", "created_at", "webhook_text"]
    list_select_related = ["campaign", "asked_by"]
