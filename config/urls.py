"""Every door of the house."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView


def healthz(request: HttpRequest) -> JsonResponse:
    """Whether this process answers and reaches its database; anyone may ask."""
    connection.ensure_connection()
    return JsonResponse({"status": "ok", "database": connection.vendor})


def favicon(request: HttpRequest) -> HttpResponse:
    """Where pages without a link of their own, such as the admin's, find the icon."""
    return redirect(static("favicon.svg"))


admin.site.site_header = admin.site.site_title = "Dubscore"
admin.site.index_title = "Campaigns, rounds and people"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("healthz", healthz, name="healthz"),
    path("favicon.ico", favicon, name="favicon"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/v1/", include("annotator.api_urls")),
    path("api/v1/", include("mos.api_urls")),
    path("api/v1/", include("learner.api_urls")),
    path("", include("annotator.urls")),
    path("", include("mos.urls")),
    path("", include("learner.urls")),
]
