"""Forms of the learner's pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotator.models import Campaign, Clip


class ScoreForm(forms.Form):
    """What is asked of a scoring: a file or a clip, and what is known of it."""

    file = forms.FileField(required=False, allow_empty_file=True, max_length=None)
    clip = forms.CharField(required=False, max_length=200)
    source_file = forms.FileField(required=False, allow_empty_file=True, max_length=None)
    source = forms.CharField(required=False, max_length=200)
    transcript = forms.CharField(required=False)
    translation = forms.CharField(required=False)
    language = forms.CharField(required=False, max_length=35)
    source_language = forms.CharField(required=False, max_length=35)
    webhook_url = forms.CharField(required=False, max_length=500)
    target = forms.CharField(required=False, max_length=40)

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign

    def clean_clip(self) -> Clip | None:
        """The clip of this name."""
        return self._clip("clip")

    def clean_source(self) -> Clip | None:
        """The source of this name."""
        return self._clip("source")

    def clean_target(self) -> str:
        """All in all, where nothing else is said."""
        return self.cleaned_data["target"] or "overall"

    def _clip(self, field: str) -> Clip | None:
        name = self.cleaned_data[field]
        if not name:
            return None
        clips = self.campaign.corpus.clips.select_related("source")
        found = clips.filter(Q(name=name) | Q(public_id=name)).first()
        if found is None:
            raise forms.ValidationError(
                _("The corpus has no clip %(name)s."), params={"name": repr(name)}
            )
        return found
