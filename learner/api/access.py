"""What every door of the learner's API shares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.views import APIView

from annotator.models import Campaign

JOB_FIELDS = ["state", "progress_frac", "progress_text", "error_text"]


class OfCampaign(APIView):
    """Anything below a campaign that the asking user studies."""

    def campaign(self) -> Campaign:
        """The campaign in the address."""
        studied = Campaign.objects.studied_by(self.request.user).select_related("rubric", "corpus")
        return get_object_or_404(studied, public_id=self.kwargs["campaign_id"])


@contextmanager
def refusals() -> Iterator[None]:
    """What an action refuses, as an answer with status 400."""
    try:
        yield
    except ValidationError as refusal:
        raise serializers.ValidationError(refusal.messages) from refusal
