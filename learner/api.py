"""The learner room for programs: rounds, proxy weights and DubScores."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Campaign
from learner.actions import launch_round
from learner.models import Prediction, ProxyWeights, Round


class RoundSerializer(serializers.ModelSerializer[Round]):
    """A round: what was asked for, and how it stands."""

    class Meta:
        model = Round
        fields = [
            "number",
            "strategy",
            "target",
            "budget_ratings",
            "ratings_per_clip",
            "reserve_frac",
            "seed",
            "stage",
            "state",
            "progress_frac",
            "progress_text",
            "error_text",
        ]
        read_only_fields = ["number", "stage", "state", "progress_frac", "progress_text"]
        read_only_fields += ["error_text"]


class _OfCampaign(APIView):
    """Anything below a campaign that the asking user studies."""

    def campaign(self) -> Campaign:
        """The campaign in the address."""
        studied = Campaign.objects.studied_by(self.request.user)
        return get_object_or_404(studied, public_id=self.kwargs["campaign_id"])


class Rounds(_OfCampaign):
    """Rounds of a campaign."""

    @extend_schema(responses=RoundSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every round, the last first."""
        return Response(RoundSerializer(self.campaign().rounds.all(), many=True).data)

    @extend_schema(request=RoundSerializer, responses={201: RoundSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Launch a round."""
        given = RoundSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = {
            name: given.validated_data.get(name, Round._meta.get_field(name).default)
            for name in ("strategy", "budget_ratings", "ratings_per_clip", "target")
        }
        extra = {k: given.validated_data[k] for k in ("seed", "reserve_frac") if k in request.data}
        try:
            round_ = launch_round(campaign=self.campaign(), **wanted, **extra)
        except ValidationError as refusal:
            raise serializers.ValidationError(refusal.messages) from refusal
        return Response(RoundSerializer(round_).data, status=status.HTTP_201_CREATED)


class WeightsSerializer(serializers.ModelSerializer[ProxyWeights]):
    """One fit of the proxy MOS."""

    class Meta:
        model = ProxyWeights
        fields = ["target", "method", "is_better", "metrics", "fit", "n_clips", "created_at"]


class Weights(_OfCampaign):
    """Proxy weights of a campaign."""

    @extend_schema(responses=WeightsSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every fit, the last first."""
        return Response(WeightsSerializer(self.campaign().proxy_weights.all(), many=True).data)


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
