"""The rater's pages: what is mine to do, rate, revise, report."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator import actions, selectors
from annotator.forms import RatingForm, ReportForm
from annotator.models import Assignment, Campaign, Membership
from annotator.models.campaigns import AssignmentQuerySet


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this user rates and what this user studies."""
    rated = Membership.objects.filter(user=request.user, role=Membership.Role.RATER)
    rows = [
        {"campaign": mine.campaign, "progress": selectors.rater_progress(mine)}
        for mine in rated.select_related("campaign").exclude(campaign__state=Campaign.State.DRAFT)
    ]
    studied = Campaign.objects.studied_by(request.user).select_related("corpus")
    return render(request, "annotator/home.html", {"rated": rows, "studied": studied})


@login_required
@never_cache
@require_safe
def next_clip(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Go to the clip to be rated now, or say that there is none."""
    mine = Membership.objects.filter(user=request.user, role=Membership.Role.RATER)
    membership = get_object_or_404(mine.select_related("campaign"), campaign__public_id=campaign_id)
    held = actions.claim_assignments(membership=membership, wanted=1)
    if held:
        return redirect("annotator:rate", held[0].public_id)
    context = {
        "campaign": membership.campaign,
        "progress": selectors.rater_progress(membership),
        "last": selectors.last_rated(membership),
    }
    return _page(request, "annotator/finished.html", "annotator/_finished.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def rate(request: HttpRequest, assignment_id: str) -> HttpResponse:
    """One clip and its rubric; sending keeps the rating and goes on to the next clip."""
    assignment = get_object_or_404(_mine(request), public_id=assignment_id)
    form = _rating_form(request, assignment)
    if request.method == "POST" and form.is_valid():
        try:
            actions.submit_rating(
                assignment=assignment,
                scores=form.scores,
                evidence=form.cleaned_data["evidence"],
                idempotency_key=form.cleaned_data["idempotency_key"],
                lead_time_s=form.cleaned_data["lead_time_s"],
            )
            return redirect("annotator:next", assignment.campaign.public_id)
        except ValidationError as refusal:
            form.add_error(None, refusal)
    return _rating_page(request, assignment, form)


@login_required
@require_POST
def report(request: HttpRequest, assignment_id: str) -> HttpResponse:
    """Keep the word that a clip does not play, and go on to the next."""
    assignment = get_object_or_404(_mine(request).filter(rated_at=None), public_id=assignment_id)
    form = ReportForm(request.POST)
    if not form.is_valid():
        context = {"assignment": assignment, "report_form": form}
        return render(request, "annotator/report.html", context, status=422)
    actions.report_clip(
        assignment=assignment, reason=form.cleaned_data["reason"], note=form.cleaned_data["note"]
    )
    return redirect("annotator:next", assignment.campaign.public_id)


@login_required
@require_POST
def keep(request: HttpRequest, assignment_id: str) -> HttpResponse:
    """A sign of life from the rating page: the place stays this rater's."""
    assignment = get_object_or_404(_mine(request), public_id=assignment_id)
    actions.renew_lease(assignment=assignment)
    return HttpResponse(status=204)


def _mine(request: HttpRequest) -> AssignmentQuerySet:
    return Assignment.objects.for_rater(request.user).select_related("clip", "campaign")


def _rating_form(request: HttpRequest, assignment: Assignment) -> RatingForm:
    aspects = assignment.campaign.aspects
    if request.method == "POST":
        return RatingForm(request.POST, aspects=aspects)
    return RatingForm(initial=selectors.last_scores(assignment), aspects=aspects)


def _rating_page(request: HttpRequest, assignment: Assignment, form: RatingForm) -> HttpResponse:
    membership = cast(Membership, assignment.rater)  # for_rater() found it by its rater
    membership.campaign = assignment.campaign
    held = actions.claim_assignments(membership=membership)
    before, after = selectors.neighbours(assignment)
    context = {
        "assignment": assignment,
        "campaign": assignment.campaign,
        "form": form,
        "report_form": ReportForm(),
        "progress": selectors.rater_progress(membership),
        "number": selectors.place_in_order(assignment),
        "before": before,
        "after": after,
        "ahead": next((other for other in held if other.pk != assignment.pk), None),
    }
    status = 422 if form.errors else 200
    return _page(request, "annotator/rate.html", "annotator/_rating.html", context, status)


def _page(
    request: HttpRequest, whole: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """The whole page, or only its part when htmx asks."""
    template = part if request.htmx else whole
    return render(request, template, context, status=status)
