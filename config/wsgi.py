"""The WSGI door that gunicorn opens."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

application = get_wsgi_application()
_ = get_resolver().url_patterns  # imported now, or the first visitor waits for it
