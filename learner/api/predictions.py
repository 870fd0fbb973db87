"""DubScores for programs."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import generics, serializers

from annotator.models import Campaign
from learner.models import Prediction


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """The DubScore of a clip."""

    clip_id = serializers.CharField(source="clip.name")
    clip_public_id = serializers.CharField(source="clip.public_id")
    model = serializers.IntegerField(source="fusion_model_id")

    class Meta:
        model = Prediction
        fields = ["model", "clip_id", "clip_public_id", "dubscore_raw", "epistemic_var"]
        fields += ["aleatoric_var", "is_out_of_fold", "gates"]


class Predictions(generics.ListAPIView[Prediction]):
    """DubScores by every model of a campaign, the last model first."""

    serializer_class = PredictionSerializer

    def get_queryset(self) -> Any:
        """Those of the campaign in the address."""
        if getattr(self, "swagger_fake_view", False):
            return Prediction.objects.none()
        studied = Campaign.objects.studied_by(self.request.user)
        campaign = get_object_or_404(studied, public_id=self.kwargs["campaign_id"])
        rows = Prediction.objects.filter(fusion_model__training_run__campaign=campaign)
        return rows.select_related("clip").order_by("-fusion_model", "clip__name")
