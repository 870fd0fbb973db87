"""What raters send, checked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from annotator.evidence import Evidence
from annotator.models import Aspect, ClipReport


class EvidenceField(forms.CharField):
    """Playback evidence as JSON text."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> Evidence:
        """Turn the text into evidence, or say which value is wrong."""
        try:
            return Evidence.from_json(super().clean(value))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class KeyField(forms.UUIDField):
    """The key that makes a rating one however often it is sent."""

    widget = forms.HiddenInput

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the page shows again: a new key for one that no try could ever succeed with."""
        try:
            return self.to_python(data) or initial
        except ValidationError:
            return initial


class ScoreField(forms.IntegerField):
    """A whole number from 1 to 5; its words are looked up when they are shown."""

    def __init__(self, aspect: Aspect) -> None:
        super().__init__(
            min_value=1,
            max_value=5,
            label=gettext_lazy(aspect.name),
            help_text=gettext_lazy(aspect.question),
            error_messages={"required": gettext_lazy("This aspect has no score yet.")},
        )
        self.aspect = aspect

    @property
    def choices(self) -> list[tuple[int, str]]:
        """Scores with their words, highest first."""
        return self.aspect.choices


class RatingForm(forms.Form):
    """One score for each aspect of the rubric, and how the clip was watched."""

    idempotency_key = KeyField(label=gettext_lazy("Key of this rating"), initial=uuid4)
    lead_time_s = forms.FloatField(
        min_value=0, label=gettext_lazy("Lead time"), widget=forms.HiddenInput, initial=0
    )
    evidence = EvidenceField(label=gettext_lazy("Playback"), initial='{"watched_s": []}')

    def __init__(self, *args: Any, aspects: list[Aspect], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aspects = aspects
        for aspect in aspects:
            self.fields[aspect.key] = ScoreField(aspect)

    @property
    def questions(self) -> list[forms.BoundField]:
        """The aspects' fields, in the rubric's order."""
        return [self[aspect.key] for aspect in self.aspects]

    @property
    def scores(self) -> dict[str, int]:
        """Aspect key to score; of a valid form."""
        return {aspect.key: self.cleaned_data[aspect.key] for aspect in self.aspects}


class ReportForm(forms.ModelForm):
    """Why a clip cannot be rated."""

    class Meta:
        model = ClipReport
        fields = ["reason", "note"]
