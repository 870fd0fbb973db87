"""The mos room for programs: labels and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Campaign
from mos import exports
from mos.selectors import collected
from mos.selectors.figures import summarise


class FirstRenderer(BaseContentNegotiation):
    """Whatever is asked for: refusals are JSON, and `format` is the view's own word.

    The framework would take `format` for one of its renderers and answer 404 to `csv`.
    """

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        """The only one there is."""
        return parsers[0]

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """JSON."""
        return renderers[0], str(renderers[0].media_type)


class Labels(APIView):
    """The labelled set of a campaign, streamed."""

    content_negotiation_class = FirstRenderer

    @extend_schema(
        summary="Labels in every form in which they leave",
        parameters=[
            OpenApiParameter(
                "format",
                str,
                enum=list(exports.FORMATS),
                default="jsonl",
                description="\n".join(f"* `{k}`: {f.says}" for k, f in exports.FORMATS.items()),
            ),
            OpenApiParameter(
                "revisions",
                str,
                enum=exports.REVISIONS,
                default="last",
                description="`all` where the form is of all aspects",
            ),
            OpenApiParameter("aspect", str, description="of forms of one aspect; else `overall`"),
        ],
        responses={
            (200, form.content_type.split(";")[0]): (
                OpenApiTypes.STR if form.is_text else OpenApiTypes.BINARY
            )
            for form in exports.FORMATS.values()
        },
    )
    def get(self, request: Request, campaign_id: str) -> StreamingHttpResponse:
        """In the long table one row is one rater's score for one clip on one aspect, 1 to 5.

        In CSV, text that begins with = + - @ has an apostrophe before it, so that spreadsheets do
        not run it; other forms hold it as it is. Rejected raters are marked in the long table, and
        left out of forms of one aspect.
        """
        mine = Campaign.objects.studied_by(request.user)
        campaign = get_object_or_404(mine, public_id=campaign_id)
        kind = request.query_params.get("format", "jsonl")
        revisions = request.query_params.get("revisions", "last")
        aspect = request.query_params.get("aspect")
        try:
            return exports.download(campaign, kind, revisions=revisions, aspect=aspect)
        except ValueError as refusal:
            raise serializers.ValidationError([str(refusal)]) from refusal


class ReliabilityOfAspect(APIView):
    """Every coefficient that the design allows, with n, k and over what."""

    @extend_schema(
        summary="Reliability of the ratings on one aspect",
        parameters=[OpenApiParameter("aspect", str, default="overall")],
        responses=dict,
    )
    def get(self, request: Request, campaign_id: str) -> Response:
        """A coefficient that cannot be computed is null and says why in `reason`."""
        mine = Campaign.objects.studied_by(request.user)
        campaign = get_object_or_404(mine, public_id=campaign_id)
        key = request.query_params.get("aspect", "overall")
        try:
            found = collected(campaign, key, most_ratings=None)
        except ValueError as refusal:
            raise serializers.ValidationError({"aspect": [str(refusal)]}) from refusal
        tally = found.tally
        sizes = {
            "n_ratings": tally.n_ratings,
            "n_clips": tally.n_clips,
            "n_raters": tally.n_raters,
            "n_simulated_raters": len(found.simulated_raters),
        }
        return Response({"aspect": key, **sizes, **asdict(summarise(found))})
