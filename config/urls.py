"""Every door of the house."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView


def healthz(request: HttpRequest) -> JsonResponse:
    """Whether this process answers and reaches its database; anyone may ask."""
    connection.ensure_connection()
    return JsonResponse({"status": "ok", "database": connection.vendor})


admin.site.site_header = admin.site.site_title = "Dubscore"
admin.site.index_title = "Campaigns, rounds and people"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("healthz", healthz, name="healthz"),
    path("favicon.ico", RedirectView.as_view(url=static("favicon.svg")), name="favicon"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/v1/", include("annotator.api_urls")),
    path("api/v1/", include("mos.api_urls")),
    path("api/v1/", include("learner.api_urls")),
    path("", include("annotator.urls")),
    path("", include("mos.urls")),
    path("", include("learner.urls")),
]
