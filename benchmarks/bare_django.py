"""The least that Django can do with the rating payload: no sign-in, no checks, one transaction.

`gunicorn benchmarks.bare_django:application` serves POST /; the database is named by BARE_DATABASE.
"""

from __future__ import annotations

import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="bare",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    INSTALLED_APPS=[],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BARE_DATABASE"],
            # Django's own default is a new connection for each request.
            "CONN_MAX_AGE": int(os.environ.get("BARE_CONN_MAX_AGE", "0")),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

NOT_SCORES = {"csrfmiddlewaretoken", "idempotency_key", "lead_time_s", "evidence"}


class BareRating(models.Model):
    """Who, how long, and the evidence as it came."""

    key = models.CharField(max_length=36)
    lead_time_s = models.FloatField()
    evidence = models.TextField()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return self.key


class BareScore(models.Model):
    """One number."""

    rating = models.ForeignKey(BareRating, on_delete=models.CASCADE)
    aspect = models.CharField(max_length=20)
    value = models.PositiveSmallIntegerField()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return f"{self.aspect}: {self.value}"


def create_tables() -> None:
    """Make the two tables."""
    with connection.schema_editor() as editor:
        editor.create_model(BareRating)
        editor.create_model(BareScore)


def save(request: HttpRequest) -> HttpResponse:
    """Keep one rating and its scores."""
    with transaction.atomic():
        rating = BareRating.objects.create(
            key=request.POST["idempotency_key"],
            lead_time_s=request.POST["lead_time_s"],
            evidence=request.POST["evidence"],
        )
        BareScore.objects.bulk_create(
            BareScore(rating=rating, aspect=name, value=value)
            for name, value in request.POST.items()
            if name not in NOT_SCORES
        )
    return HttpResponse(status=204)


urlpatterns = [path("", save)]
application = get_wsgi_application()
