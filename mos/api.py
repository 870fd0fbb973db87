"""The mos room for programs: labels and reliability."""

from __future__ import annotations

from dataclasses import asdict

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Campaign
from mos import exports
from mos.selectors import rating_arrays
from mos.summaries import reliability


class Labels(APIView):
    """The labelled set of a campaign, streamed."""

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=sorted(exports.KINDS), default="jsonl"),
            OpenApiParameter("revisions", str, enum=["last", "all"], default="last"),
        ],
        responses={(200, kind.split(";")[0]): OpenApiTypes.STR for kind in exports.KINDS.values()},
    )
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        """One row is one rater's score for one clip on one aspect."""
        campaign = get_object_or_404(
            Campaign.objects.studied_by(request.user), public_id=campaign_id
        )
        kind = request.query_params.get("kind", "jsonl")
        if kind not in exports.KINDS:
            raise serializers.ValidationError({"kind": f"{kind!r}: choose csv or jsonl."})
        every = request.query_params.get("revisions") == "all"
        return exports.download(campaign, kind, every_revision=every)


class ReliabilityOfAspect(APIView):
    """Every coefficient that the design allows, with n, k and over what."""

    @extend_schema(
        parameters=[OpenApiParameter("aspect", str, default="overall")], responses=dict
    )
    def get(self, request: Request, campaign_id: str) -> Response:
        """A coefficient without a value says why."""
        campaign = get_object_or_404(
            Campaign.objects.studied_by(request.user), public_id=campaign_id
        )
        keys = list(campaign.rubric.aspects.values_list("key", flat=True))
        key = request.query_params.get("aspect", keys[-1])
        if key not in keys:
            raise serializers.ValidationError({"aspect": f"{key!r}: choose one of {keys}."})
        every = rating_arrays(campaign)
        one = every.of_aspect(key)
        found = reliability(
            one.scores_T, one.clip_T, one.rater_T, one.table_CR, every.aspect_means_CA
        )
        answer = {"aspect": key, "n_ratings": len(one.scores_T), "simulated": every.has_simulated}
        return Response({**answer, **asdict(found)})
