"""Trainings and trained models for programs."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from learner import actions
from learner.actions.checks import check_aspect
from learner.actions.triggers import TITLES, policy_of, triggers
from learner.api.access import JOB_FIELDS, OfCampaign, refusals
from learner.fusion.config import LOSSES, PRESETS
from learner.models import FusionModel, Promotion, TrainingRun
from learner.selectors.registry import compare_models, model_in_use, models_of

LONGEST_ID = 18


class TrainingSerializer(serializers.ModelSerializer[TrainingRun]):
    """A training of the network; `model` names what it made."""

    model = serializers.IntegerField(source="fusion_model.pk", default=None, read_only=True)

    class Meta:
        model = TrainingRun
        fields = ["id", "target", "cause", "seed", "config", *JOB_FIELDS, "curves", "model"]


class TrainingAsk(serializers.Serializer[Any]):
    """What is to be trained."""

    target = serializers.CharField(default="overall")
    preset = serializers.ChoiceField(choices=PRESETS, default="small")
    loss = serializers.ChoiceField(choices=LOSSES, default="mse_ccc")
    seed = serializers.IntegerField(default=0, min_value=0)


class Trainings(OfCampaign):
    """Trainings of a campaign."""

    @extend_schema(responses=TrainingSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every one, the last first."""
        runs = self.campaign().training_runs.select_related("fusion_model")
        return Response(TrainingSerializer(runs, many=True).data)

    @extend_schema(request=TrainingAsk, responses={201: TrainingSerializer})
    def post(self, request: Request, campaign_id: str) -> Response:
        """Have a worker train the network on the labels that are in."""
        campaign, given = self.campaign(), TrainingAsk(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            run = actions.ask_training(campaign=campaign, **given.validated_data)
        return Response(TrainingSerializer(run).data, status=status.HTTP_201_CREATED)


class OneTraining(OfCampaign):
    """One training."""

    @extend_schema(responses=TrainingSerializer)
    def get(self, request: Request, campaign_id: str, pk: int) -> Response:
        """How it stands, with its curves."""
        runs = self.campaign().training_runs.select_related("fusion_model")
        return Response(TrainingSerializer(get_object_or_404(runs, pk=pk)).data)


class ModelSerializer(serializers.ModelSerializer[FusionModel]):
    """A trained model."""

    target = serializers.CharField()
    training = serializers.IntegerField(source="training_run_id")
    is_in_use = serializers.SerializerMethodField()

    class Meta:
        model = FusionModel
        fields = ["id", "target", "training", "is_in_use", "config", "encoders"]
        fields += ["data_fingerprint", "evaluation", "facts", "created_at"]

    def get_is_in_use(self, model: FusionModel) -> bool:
        """Whether it speaks for its campaign."""
        now = model_in_use(model.campaign, model.target)
        return now is not None and now.pk == model.pk


class Models(OfCampaign):
    """Trained models of a campaign."""

    @extend_schema(responses=ModelSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every one, the last first."""
        return Response(ModelSerializer(models_of(self.campaign()), many=True).data)


class OfModel(OfCampaign):
    """Anything below one model."""

    def model(self, pk: int | str) -> FusionModel:
        """The model in the address."""
        own = FusionModel.objects.filter(training_run__campaign=self.campaign())
        return get_object_or_404(own.select_related("training_run__campaign"), pk=pk)


class OneModel(OfModel):
    """One model."""

    @extend_schema(responses=ModelSerializer)
    def get(self, request: Request, campaign_id: str, pk: int) -> Response:
        """Its settings, data and figures."""
        return Response(ModelSerializer(self.model(pk)).data)


class ComparisonSerializer(serializers.Serializer[Any]):
    """How much better the second model is, on the same clips; None where it is not defined."""

    first = serializers.IntegerField()
    second = serializers.IntegerField()
    n = serializers.IntegerField()
    pcc_first = serializers.FloatField(allow_null=True)
    pcc_second = serializers.FloatField(allow_null=True)
    pcc = serializers.FloatField(allow_null=True)
    pcc_low = serializers.FloatField(allow_null=True)
    pcc_high = serializers.FloatField(allow_null=True)
    mse_first = serializers.FloatField(allow_null=True)
    mse_second = serializers.FloatField(allow_null=True)
    mse = serializers.FloatField(allow_null=True)
    mse_low = serializers.FloatField(allow_null=True)
    mse_high = serializers.FloatField(allow_null=True)


class ComparedModels(OfModel):
    """Two models beside each other."""

    @extend_schema(
        responses=ComparisonSerializer,
        parameters=[OpenApiParameter("with", int, description="the first model", required=True)],
    )
    def get(self, request: Request, campaign_id: str, pk: int) -> Response:
        """How much better this model is than the one named by `with`."""
        model, name = self.model(pk), request.query_params.get("with", "")
        if not (name.isascii() and name.isdigit() and len(name) <= LONGEST_ID):
            raise serializers.ValidationError(f"{name[:40]!r} is no model: say ?with=ID.")
        other = self.model(name)
        if other.target != model.target:
            raise serializers.ValidationError(
                f"Model {other.pk} scores {other.target}, model {model.pk} {model.target}."
            )
        return Response(ComparisonSerializer(compare_models(other, model)).data)


class PromotionSerializer(serializers.ModelSerializer[Promotion]):
    """One change of which model is in use."""

    by = serializers.CharField(source="by.username", default=None)

    class Meta:
        model = Promotion
        fields = ["id", "target", "fusion_model", "replaced", "by", "is_forced", "is_rollback"]
        fields += ["reason", "comparison", "created_at"]


class PromotionAsk(serializers.Serializer[Any]):
    """Why, and whether although it is worse."""

    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    is_forced = serializers.BooleanField(default=False)


class PromotedModel(OfModel):
    """Promoting one model."""

    @extend_schema(
        operation_id="v1_campaigns_models_promote",
        request=PromotionAsk,
        responses={201: PromotionSerializer},
    )
    def post(self, request: Request, campaign_id: str, pk: int) -> Response:
        """Let it speak for the campaign; refused where it is worse, unless forced with a reason."""
        model, given = self.model(pk), PromotionAsk(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            promotion = actions.promote(model=model, by=request.user, **given.validated_data)
        return Response(PromotionSerializer(promotion).data, status=status.HTTP_201_CREATED)


class RollBackAsk(serializers.Serializer[Any]):
    """Of which aspect, and why."""

    target = serializers.CharField(default="overall")
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)


class Promotions(OfCampaign):
    """Which model was in use when."""

    @extend_schema(responses=PromotionSerializer(many=True))
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every change, the last first."""
        rows = self.campaign().promotions.select_related("by")
        return Response(PromotionSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="v1_campaigns_promotions_roll_back",
        request=RollBackAsk,
        responses={201: PromotionSerializer},
    )
    def post(self, request: Request, campaign_id: str) -> Response:
        """Put the model before the last one back in use."""
        campaign, given = self.campaign(), RollBackAsk(data=request.data)
        given.is_valid(raise_exception=True)
        with refusals():
            back = actions.roll_back(campaign=campaign, by=request.user, **given.validated_data)
        return Response(PromotionSerializer(back).data, status=status.HTTP_201_CREATED)


class TriggerSerializer(serializers.Serializer[Any]):
    """One reason to retrain, and how it stands."""

    key = serializers.CharField()
    title = serializers.CharField()
    is_on = serializers.BooleanField()
    is_due = serializers.BooleanField()
    text = serializers.CharField()


class PolicySerializer(serializers.Serializer[Any]):
    """Which reasons make a finished round retrain."""

    on_new_labels = serializers.BooleanField(required=False)
    on_moved_weights = serializers.BooleanField(required=False)
    on_drift = serializers.BooleanField(required=False)


class Triggers(OfCampaign):
    """What calls for training anew."""

    @extend_schema(
        responses=TriggerSerializer(many=True),
        parameters=[OpenApiParameter("target", str, description="key of the aspect")],
    )
    def get(self, request: Request, campaign_id: str) -> Response:
        """Every reason as it stands; none before there is a model in use."""
        target = request.query_params.get("target", "overall")
        with refusals():
            check_aspect(self.campaign(), target)
        return Response(TriggerSerializer(triggers(self.campaign(), target), many=True).data)

    @extend_schema(request=PolicySerializer, responses=PolicySerializer)
    def put(self, request: Request, campaign_id: str) -> Response:
        """Switch reasons on or off; those not named stay."""
        campaign, given = self.campaign(), PolicySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        now = {key: getattr(policy_of(campaign), key) for key in TITLES}
        kept = actions.set_policy(campaign=campaign, **{**now, **given.validated_data})
        return Response(PolicySerializer(kept).data)
