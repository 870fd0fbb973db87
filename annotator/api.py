"""The annotator room for programs: campaigns, the next clip, and sending ratings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import actions
from annotator.evidence import Evidence
from annotator.models import Assignment, Campaign, Membership, Rating


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign as its researchers see it."""

    corpus = serializers.SlugRelatedField("name", read_only=True)
    rubric = serializers.StringRelatedField()

    class Meta:
        model = Campaign
        fields = ["public_id", "name", "corpus", "rubric", "state", "ratings_per_clip", "seed"]


class CampaignList(generics.ListAPIView[Campaign]):
    """Campaigns you study."""

    serializer_class = CampaignSerializer

    def get_queryset(self) -> Any:
        """Those of the asking user."""
        return Campaign.objects.studied_by(self.request.user).select_related("corpus", "rubric")


class NextAssignment(APIView):
    """The clip you are to rate now in one campaign."""

    @extend_schema(
        responses={200: dict, 204: None}, summary="Claim, or get again, the next clip to rate"
    )
    def get(self, request: Request, campaign_id: str) -> Response:
        """Answer with the assignment and its media address, or 204 when nothing is left."""
        mine = Membership.objects.filter(user=request.user, role=Membership.Role.RATER)
        membership = get_object_or_404(
            mine.select_related("campaign__rubric"), campaign__public_id=campaign_id
        )
        held = actions.claim_assignments(membership=membership, wanted=1)
        if not held:
            return Response(status=status.HTTP_204_NO_CONTENT)
        aspects = membership.campaign.rubric.aspects.values_list("key", flat=True)
        return Response(
            {
                "assignment": held[0].public_id,
                "position": held[0].position,
                "media": reverse("annotator:media", args=[held[0].public_id]),
                "duration_s": held[0].clip.duration_s,
                "aspects": list(aspects),
            }
        )


class RatingIn(serializers.Serializer[Any]):
    """Scores for each aspect, and how the clip was watched."""

    scores = serializers.DictField(child=serializers.IntegerField(min_value=1, max_value=5))
    evidence = serializers.JSONField()
    lead_time_s = serializers.FloatField(min_value=0)

    def validate_evidence(self, value: Any) -> Evidence:
        """Read the evidence, or name the value that is wrong."""
        if not isinstance(value, dict):
            raise serializers.ValidationError("evidence must be an object")
        try:
            return Evidence.from_dict(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class RatingOut(serializers.ModelSerializer[Rating]):
    """A rating as kept."""

    assignment = serializers.SlugRelatedField("public_id", read_only=True)

    class Meta:
        model = Rating
        fields = ["assignment", "revision", "idempotency_key", "watched_frac", "created_at"]


class SubmitRating(APIView):
    """Send one rating; the same `Idempotency-Key` again gives the same rating."""

    @extend_schema(
        request=RatingIn,
        responses=RatingOut,
        parameters=[
            OpenApiParameter("Idempotency-Key", UUID, OpenApiParameter.HEADER, required=True)
        ],
    )
    def post(self, request: Request, assignment_id: str) -> Response:
        """Keep the rating of an assignment that is yours."""
        mine = Assignment.objects.for_rater(request.user).select_related("clip", "campaign")
        assignment = get_object_or_404(mine, public_id=assignment_id)
        given = RatingIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            rating = actions.submit_rating(
                assignment=assignment, idempotency_key=_key(request), **given.validated_data
            )
        except ValidationError as refusal:
            raise serializers.ValidationError(refusal.messages) from refusal
        return Response(RatingOut(rating).data)


def _key(request: Request) -> UUID:
    given = request.headers.get("Idempotency-Key", "")
    try:
        return UUID(given)
    except ValueError as error:
        raise serializers.ValidationError(
            {"Idempotency-Key": [f"Send a UUID in this header, not {given[:40]!r}."]}
        ) from error
