"""Scoring one clip, for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Campaign
from annotator.public_id import PUBLIC_ID_LENGTH
from learner import actions
from learner.api.access import refusals
from learner.forms import ScoreForm
from learner.models import Scoring
from learner.selectors.scoring import report

PUBLIC_ID = re.compile(rf"[0-9a-f]{{{PUBLIC_ID_LENGTH}}}")
CSRF_FIELD = "csrfmiddlewaretoken"  # comes along with a browser's form


class ScoreAsk(serializers.Serializer[Any]):
    """A file (as multipart) or a clip of the corpus, and what is known of it."""

    campaign = serializers.CharField(help_text="public id")
    target = serializers.CharField(required=False, help_text="key of an aspect; `overall`")
    file = serializers.FileField(required=False)
    clip = serializers.CharField(required=False, help_text="name or public id, instead of a file")
    source_file = serializers.FileField(required=False)
    source = serializers.CharField(required=False, help_text="a clip, instead of a file")
    transcript = serializers.CharField(required=False, help_text="what the source says")
    translation = serializers.CharField(required=False, help_text="what the dub says")
    language = serializers.CharField(required=False, help_text="of the dub, as BCP 47")
    source_language = serializers.CharField(required=False)
    webhook_url = serializers.CharField(required=False, help_text="told when it is over")


class ProxySerializer(serializers.Serializer[Any]):
    """The proxy MOS within a result."""

    mos_raw = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    level = serializers.FloatField(allow_null=True)
    share = serializers.FloatField(help_text="how much it counts in the DubScore, 0 to 1")
    reason = serializers.CharField(help_text="why there is none; empty where there is")


class StandingSerializer(serializers.Serializer[Any]):
    """The distribution of a metric over the corpus."""

    percentile = serializers.FloatField()
    is_outside = serializers.BooleanField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    counts = serializers.ListField(child=serializers.IntegerField())
    n = serializers.IntegerField()


class MetricSerializer(serializers.Serializer[Any]):
    """One metric of the clip."""

    name = serializers.CharField()
    version = serializers.CharField()
    title = serializers.CharField()
    direction = serializers.IntegerField(help_text="+1: more is better; -1: less is")
    is_exploratory = serializers.BooleanField()
    is_used = serializers.BooleanField(help_text="whether the proxy of the model rests on it")
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(help_text="why there is no value")
    percentile = serializers.FloatField(allow_null=True, help_text="in the corpus, 0 to 100")
    is_outside = serializers.BooleanField(allow_null=True)
    corpus = StandingSerializer(allow_null=True)


class EncoderSerializer(serializers.Serializer[Any]):
    """One encoder: whether it has a vector of the clip."""

    name = serializers.CharField()
    version = serializers.CharField()
    title = serializers.CharField()
    modality = serializers.CharField()
    is_used = serializers.BooleanField(help_text="whether the model looks at it")
    has_vector = serializers.BooleanField()
    reason = serializers.CharField()


class AbsentSerializer(serializers.Serializer[Any]):
    """A modality of which nothing could be had."""

    modality = serializers.CharField()
    reason = serializers.CharField()


class WarningSerializer(serializers.Serializer[Any]):
    """What makes the score less to be trusted."""

    about = serializers.CharField(help_text="file, outside, absent, source, range, proxy, labels…")
    text = serializers.CharField()


class VersionsSerializer(serializers.Serializer[Any]):
    """By what it was scored."""

    model = serializers.IntegerField()
    trained_at = serializers.DateTimeField()
    n_labelled = serializers.IntegerField(allow_null=True)
    encoders = serializers.DictField(child=serializers.CharField())


class ResultSerializer(serializers.Serializer[Any]):
    """What the model says of a clip."""

    dubscore_raw = serializers.FloatField(help_text="1 to 5")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    level = serializers.FloatField(allow_null=True, help_text="chance that [low, high] holds a MOS")
    own_raw = serializers.FloatField(allow_null=True, help_text="of the network; null if rated")
    is_out_of_fold = serializers.BooleanField(help_text="rated: by members that never saw it")
    proxy = ProxySerializer()
    epistemic_var = serializers.FloatField()
    aleatoric_var = serializers.FloatField()
    gates = serializers.DictField(child=serializers.FloatField())
    inner_gates = serializers.DictField(child=serializers.FloatField())
    distance_frac = serializers.FloatField(allow_null=True, help_text="above 1: unlike all known")
    metrics = MetricSerializer(many=True)
    encoders = EncoderSerializer(many=True)
    absent = AbsentSerializer(many=True)
    has_source = serializers.BooleanField()
    versions = VersionsSerializer()
    warnings = WarningSerializer(many=True)


class ScoringSerializer(serializers.Serializer[Any]):
    """A scoring: how it stands, and its result once it is done."""

    id = serializers.CharField()
    campaign = serializers.CharField()
    target = serializers.CharField()
    name = serializers.CharField()
    clip = serializers.CharField(allow_null=True)
    state = serializers.CharField()
    progress_frac = serializers.FloatField()
    progress_text = serializers.CharField()
    error_text = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    webhook_text = serializers.CharField(help_text="what came of telling the webhook")
    result_url = serializers.CharField()
    result = ResultSerializer(allow_null=True)


class Score(APIView):
    """Have a clip scored."""

    parser_classes = [MultiPartParser, *APIView.parser_classes]

    @extend_schema(request=ScoreAsk, responses={202: ScoringSerializer})
    def post(self, request: Request) -> Response:
        """Take it in; a worker does the rest, and `result_url` says how far it is."""
        _check_names(request)
        campaign = _campaign(request)
        form = ScoreForm(_texts(request.data), request.FILES, campaign=campaign)
        if not form.is_valid():
            raise serializers.ValidationError(form.errors)
        with refusals():
            asked = actions.ask_scoring(
                campaign=campaign, asked_by=request.user, **form.cleaned_data
            )
        said = report(asked)
        headers = {"Location": said["result_url"]}
        return Response(said, status=status.HTTP_202_ACCEPTED, headers=headers)


class OneScoring(APIView):
    """One scoring of a campaign that the asking user studies."""

    @extend_schema(responses=ScoringSerializer)
    def get(self, request: Request, scoring_id: str) -> Response:
        """How it stands, and its result."""
        own = Scoring.objects.seen_by(request.user).select_related("campaign", "clip")
        return Response(report(get_object_or_404(own, public_id=scoring_id)))


def _check_names(request: Request) -> None:
    """A field that nobody reads would else be left out without a word."""
    if not isinstance(request.data, Mapping):
        raise serializers.ValidationError("Send an object: names of fields, and their values.")
    known = ScoreAsk().fields
    unknown = [name for name in request.data if name not in known and name != CSRF_FIELD]
    if unknown:
        words = f"There is no such field. There are: {', '.join(known)}."
        raise serializers.ValidationError({str(name): [words] for name in unknown})


def _campaign(request: Request) -> Campaign:
    """The campaign that was named, if the asking user studies it."""
    given = _text(request.data, "campaign")
    if not PUBLIC_ID.fullmatch(given):
        words = f"{given!r} is no public id of a campaign" if given else "A campaign must be given"
        raise serializers.ValidationError({"campaign": [f"{words}: its page's address has it."]})
    own = Campaign.objects.studied_by(request.user).select_related("rubric", "corpus")
    found: Campaign | None = own.filter(public_id=given).first()
    if found is None:
        raise NotFound(f"There is no campaign {given!r}, or it is not yours to study.")
    return found


def _text(data: Any, name: str) -> str:
    """One field; other JSON than text is refused rather than read as such."""
    given = data.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise serializers.ValidationError({name: [f"This must be text, not {given!r:.80}."]})
    return given


def _texts(data: Any) -> dict[str, str]:
    fields = ScoreForm.base_fields
    names = [name for name in fields if name not in ("file", "source_file")]
    return {name: _text(data, name) for name in names}
