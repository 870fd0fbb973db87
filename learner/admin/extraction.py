"""Passes over corpora in the admin, and what metrics said."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from annotator.admin import OwnFilter, ReadOnlyAdmin
from learner import actions
from learner.admin.jobs import JobAdmin
from learner.compute import ENGINES
from learner.models import (
    Extraction,
    MetricScore,
)
from learner.registry import shelf


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


@admin.register(MetricScore)
class MetricScoreAdmin(ReadOnlyAdmin):
    """Objective metrics, value or reason."""

    list_display = ["clip", "metric", "version", "value", "details", "error"]
    corpus_path = "clip__corpus"
    list_filter = ["metric", ("error", admin.EmptyFieldListFilter), ("clip__corpus", OwnFilter)]
    list_select_related = ["clip"]
    search_fields = ["clip__name"]
