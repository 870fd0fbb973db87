"""Trainings, trained models, and which one was in use when, in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from annotator.admin import ReadOnlyAdmin
from annotator.models import Aspect
from learner import actions
from learner.admin.jobs import JobAdmin
from learner.fusion.config import LOSSES
from learner.models import (
    FusionModel,
    Promotion,
    Rescoring,
    RetrainPolicy,
    TrainingRun,
)


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


@admin.register(FusionModel)
class FusionModelAdmin(ReadOnlyAdmin):
    """Trained networks."""

    campaign_path = "training_run__campaign"
    list_display = ["__str__", "training_run", "created_at"]
    list_select_related = ["training_run__campaign"]


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
