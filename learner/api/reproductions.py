"""Reproductions of the paper's tables for programs."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from learner import actions
from learner.api.access import JOB_FIELDS, OfCampaign, refusals
from learner.models import Reproduction


class ReproductionSerializer(serializers.ModelSerializer[Reproduction]):
    """The paper's tables from a campaign's own ratings."""

    class Meta:
        model = Reproduction
        fields = ["id", "target", "seed", *JOB_FIELDS, "config", "report"]


class ReproductionAsk(serializers.Serializer[Any]):
    """What is to be reproduced, and how fast."""

    target = serializers.CharField(default="overall")
    is_quick = serializers.BooleanField(default=False, help_text="half the epochs")
    seed = serializers.IntegerField(default=0, min_value=0)


class Reproductions(OfCampaign):
    """Reports of a campaign."""

    @extend_schema(responses=ReproductionSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every report, the last first."""
        found = self.campaign().reproductions.all()
        return Response(ReproductionSerializer(found, many=True).data)

    @extend_schema(request=ReproductionAsk, responses={201: ReproductionSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Have a worker make the tables."""
        campaign, given = self.campaign(), ReproductionAsk(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            asked = actions.ask_reproduction(campaign=campaign, **given.validated_data)
        return Response(ReproductionSerializer(asked).data, status=status.HTTP_201_CREATED)


class OneReproduction(OfCampaign):
    """One report."""

    @extend_schema(responses=ReproductionSerializer)
    def get(self, request: Request, campaign_id: str, pk: int) -> Response:
        """How it stands, and its tables."""
        asked = get_object_or_404(self.campaign().reproductions, pk=pk)
        return Response(ReproductionSerializer(asked).data)
