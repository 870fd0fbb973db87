"""What was judged and stored, to be looked at in Django's admin; pages of the room write it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from annotator.admin import OwnFilter, ReadOnlyAdmin
from annotator.models import Verdict
from mos.models import ReliabilityReport


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    """Whose ratings count and why, every word that was ever given."""

    campaign_path = "rater__campaign"
    list_display = ["rater", "is_accepted", "reason", "given_by", "created_at"]
    list_filter = [("rater__campaign", OwnFilter), "is_accepted"]
    list_select_related = ["rater__user", "rater__campaign", "given_by"]


@admin.register(ReliabilityReport)
class ReliabilityReportAdmin(ReadOnlyAdmin):
    """Reports as they were stored."""

    campaign_path = "campaign"
    list_display = ["title", "campaign", "created_by", "created_at", "page"]
    list_filter = [("campaign", OwnFilter)]
    list_select_related = ["campaign", "created_by"]
    search_fields = ["title", "public_id", "data_hash"]

    @admin.display(description="page")
    def page(self, report: ReliabilityReport) -> str:
        """A link to the report itself."""
        url = reverse("mos:report", args=[report.public_id])
        return format_html('<a href="{}">Read</a>', url)
