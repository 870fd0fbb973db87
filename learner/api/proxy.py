"""Proxy weights and audits for programs."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from learner import actions
from learner.api.access import JOB_FIELDS, OfCampaign, refusals
from learner.models import Audit, ProxyWeights, Refit
from learner.models.proxy import METHODS, NORMALISATIONS


class WeightsSerializer(serializers.ModelSerializer[ProxyWeights]):
    """One fit of the proxy MOS."""

    round = serializers.IntegerField(source="round.number", allow_null=True, default=None)
    normalisation = serializers.StringRelatedField()

    class Meta:
        model = ProxyWeights
        fields = ["id", "round", "target", "method", "is_better", "metrics", "normalisation"]
        fields += ["fit", "n_clips", "n_ratings", "created_at"]


class RefitSerializer(serializers.ModelSerializer[Refit]):
    """A fit that was asked for; `proxy_weights` names what it made."""

    class Meta:
        model = Refit
        fields = ["id", "target", "method", "normalisation", "is_renewed", "seed", *JOB_FIELDS]
        fields += ["proxy_weights"]
        read_only_fields = ["id", *JOB_FIELDS, "proxy_weights"]


class Weights(OfCampaign):
    """Proxy weights of a campaign."""

    @extend_schema(responses=WeightsSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every fit, the last first."""
        fits = self.campaign().proxy_weights.select_related("round", "normalisation__corpus")
        return Response(WeightsSerializer(fits, many=True).data)


class RefitAsk(serializers.Serializer[Any]):
    """How the proxy is to be fitted."""

    target = serializers.CharField(default="overall")
    method = serializers.ChoiceField(choices=list(METHODS), default="bagged")
    normalisation = serializers.ChoiceField(choices=list(NORMALISATIONS), default="rank-gauss")
    is_renewed = serializers.BooleanField(default=False)
    seed = serializers.IntegerField(default=0, min_value=0)


class Refits(OfCampaign):
    """Fits of the proxy outside of rounds."""

    @extend_schema(responses=RefitSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every one, the last first."""
        return Response(RefitSerializer(self.campaign().refits.all(), many=True).data)

    @extend_schema(request=RefitAsk, responses={201: RefitSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Have a worker fit the proxy on the labels that are in."""
        campaign, given = self.campaign(), RefitAsk(data=request.data)
        given.is_valid(raise_exception=True)
        asked = dict(given.validated_data)
        with refusals():
            refit = actions.ask_refit(campaign=campaign, kind=asked.pop("normalisation"), **asked)
        return Response(RefitSerializer(refit).data, status=status.HTTP_201_CREATED)


class AuditSerializer(serializers.ModelSerializer[Audit]):
    """A strategy against random on the labels of a campaign."""

    class Meta:
        model = Audit
        fields = ["id", "strategy", "target", "n_replays", "seed", *JOB_FIELDS, "data", "report"]
        read_only_fields = ["id", *JOB_FIELDS, "data", "report"]


class Audits(OfCampaign):
    """Audits of a campaign."""

    @extend_schema(responses=AuditSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every audit, the last first."""
        return Response(AuditSerializer(self.campaign().audits.all(), many=True).data)

    @extend_schema(request=AuditSerializer, responses={201: AuditSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Have a worker replay the labels."""
        campaign, given = self.campaign(), AuditSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            audit = actions.ask_audit(campaign=campaign, **given.validated_data)
        return Response(AuditSerializer(audit).data, status=status.HTTP_201_CREATED)


class OneAudit(OfCampaign):
    """One audit."""

    @extend_schema(responses=AuditSerializer)
    def get(self, request: Request, campaign_id: str, pk: int) -> Response:
        """How it stands, and its report."""
        return Response(AuditSerializer(get_object_or_404(self.campaign().audits, pk=pk)).data)
