"""Prediction-powered means for programs."""

from __future__ import annotations

from math import isfinite
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from learner.api.access import OfCampaign
from learner.selectors.powered import PoweredRow, powered_systems
from learner.selectors.registry import model_in_use


class KnownField(serializers.FloatField):
    """A number, or null where there is none: JSON knows no NaN."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_representation(self, value: float) -> float | None:
        """The number, if it is one."""
        return float(value) if isfinite(value) else None


class EstimateSerializer(serializers.Serializer[Any]):
    """A mean MOS with its interval."""

    mean = KnownField()
    low = KnownField()
    high = KnownField()


class PoweredMeanSerializer(serializers.Serializer[Any]):
    """The same mean by labels alone, and with predictions."""

    n = serializers.IntegerField(help_text="random clips with a MOS")
    n_others = serializers.IntegerField(help_text="clips that count by their prediction only")
    n_sources = serializers.IntegerField(help_text="sources of the n clips")
    lam = serializers.FloatField(help_text="weight of the predictions, 0 to 1")
    r = KnownField(help_text="correlation of MOS and prediction over the n clips")
    classical = EstimateSerializer()
    powered = EstimateSerializer()
    width_ratio = KnownField(help_text="width of the powered interval over the classical one")
    saved = serializers.FloatField(help_text="labels saved, at least 0")
    reason = serializers.CharField(help_text="why predictions are not used; empty where they are")


class PoweredRowSerializer(serializers.Serializer[PoweredRow]):
    """One system, or all clips where `system` is null."""

    system = serializers.CharField(allow_null=True)
    n_clips = serializers.IntegerField()
    found = PoweredMeanSerializer(
        allow_null=True, help_text="null where no clip that chance picked has a MOS"
    )


class PoweredSerializer(serializers.Serializer[Any]):
    """All clips and each system of a campaign."""

    model = serializers.IntegerField(
        source="model.pk", allow_null=True, help_text="null while no network is trained"
    )
    target = serializers.CharField()
    level = serializers.FloatField()
    n_chosen = serializers.IntegerField(help_text="rated clips that chance did not pick")
    n_unpredicted = serializers.IntegerField(help_text="random rated clips without a prediction")
    rows = PoweredRowSerializer(many=True)


NOTHING = {
    "model": None,
    "target": "",
    "level": 0.95,
    "n_chosen": 0,
    "n_unpredicted": 0,
    "rows": [],
}


class Powered(OfCampaign):
    """Prediction-powered mean MOS of a campaign's systems."""

    @extend_schema(responses=PoweredSerializer)
    def get(self, request: Request, campaign_id: str) -> Response:
        """All clips first, then systems, the best first."""
        campaign = self.campaign()
        model = model_in_use(campaign)
        if model is None:
            return Response(NOTHING)
        return Response(PoweredSerializer(powered_systems(campaign, model)).data)
