"""Rounds for programs: launched, tried, closed and cancelled."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from learner import actions
from learner.api.access import JOB_FIELDS, OfCampaign, refusals
from learner.models import DryRun, Round

ASKED = [
    "strategy",
    "target",
    "budget_ratings",
    "ratings_per_clip",
    "is_stratified",
    "reserve_frac",
    "seed",
]


class AskSerializer(serializers.ModelSerializer[Round]):
    """What is asked of a round; with `shares` the budget is that of the whole plan."""

    shares = serializers.ListField(
        child=serializers.FloatField(), required=False, help_text="cumulative: 0.33, 0.66, 1"
    )
    stage = serializers.IntegerField(required=False, min_value=1)

    class Meta:
        model = Round
        fields = [*ASKED, "shares", "stage"]

    def asked(self) -> dict[str, Any]:
        """Every choice, those not given as usual."""
        usual = {name: Round._meta.get_field(name).default for name in ASKED}
        return {**usual, **self.validated_data}


class RoundSerializer(serializers.ModelSerializer[Round]):
    """A round: what was asked for, how it stands, and what came of it."""

    class Meta:
        model = Round
        fields = ["number", *ASKED, "plan", "stage", *JOB_FIELDS, "outcome"]
        read_only_fields = fields


class DryRunSerializer(serializers.ModelSerializer[DryRun]):
    """What a round would pick, best first, each with its reason."""

    id = serializers.IntegerField(source="pk", read_only=True)

    class Meta:
        model = DryRun
        fields = ["id", *ASKED, "plan", *JOB_FIELDS, "picks"]
        read_only_fields = fields


class Rounds(OfCampaign):
    """Rounds of a campaign."""

    @extend_schema(responses=RoundSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every round, the last first."""
        return Response(RoundSerializer(self.campaign().rounds.all(), many=True).data)

    @extend_schema(request=AskSerializer, responses={201: RoundSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Launch a round."""
        campaign, given = self.campaign(), AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            round_ = actions.launch_round(campaign=campaign, **given.asked())
        return Response(RoundSerializer(round_).data, status=status.HTTP_201_CREATED)


class EndSerializer(serializers.Serializer[Any]):
    """How a round is to end."""

    how = serializers.ChoiceField(choices=["close", "cancel", "again"])


class OneRound(OfCampaign):
    """One round."""

    @extend_schema(responses=RoundSerializer)
    def get(self, request: Request, campaign_id: str, number: int) -> Response:
        """How it stands."""
        return Response(RoundSerializer(self._round(number)).data)

    @extend_schema(
        operation_id="v1_campaigns_rounds_end", request=EndSerializer, responses=RoundSerializer
    )
    def post(self, request: Request, campaign_id: str, number: int) -> Response:
        """Close it early, cancel it, or go on with one that failed."""
        round_, given = self._round(number), EndSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            done = {
                "close": lambda: actions.close_round_early(round_=round_),
                "cancel": lambda: actions.cancel_round(round_=round_),
                "again": lambda: actions.run_again(job=round_),
            }[given.validated_data["how"]]()
        if not done:
            raise serializers.ValidationError(
                f"Round {number} is {round_.state} at {round_.stage}: it has moved on."
            )
        return Response(RoundSerializer(self._round(number)).data)

    def _round(self, number: int) -> Round:
        return get_object_or_404(self.campaign().rounds, number=number)


class DryRuns(OfCampaign):
    """Rounds that were tried."""

    @extend_schema(responses=DryRunSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every dry run, the last first."""
        return Response(DryRunSerializer(self.campaign().dry_runs.all(), many=True).data)

    @extend_schema(request=AskSerializer, responses={201: DryRunSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Have a worker say what a round would pick."""
        campaign, given = self.campaign(), AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            tried = actions.ask_dry_run(campaign=campaign, **given.asked())
        return Response(DryRunSerializer(tried).data, status=status.HTTP_201_CREATED)


class OneDryRun(OfCampaign):
    """One dry run."""

    @extend_schema(responses=DryRunSerializer)
    def get(self, request: Request, campaign_id: str, pk: int) -> Response:
        """Its picks, once it is done."""
        return Response(DryRunSerializer(get_object_or_404(self.campaign().dry_runs, pk=pk)).data)
