"""Settings shared by every way of running Dubscore; each can be set from the environment."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF

from config.environment import env, kept_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# Everything a running installation keeps: database, clips, features, models, weights, secret key.
DUBSCORE_VAR = Path(env.str("DUBSCORE_VAR", default=str(BASE_DIR / "var")))
DUBSCORE_WEIGHTS = Path(env.str("DUBSCORE_WEIGHTS", default=f"{DUBSCORE_VAR}/weights"))
# A folder, or an address of a bucket such as s3://bucket/features.
DUBSCORE_FEATURES = env.str("DUBSCORE_FEATURES", default=f"{DUBSCORE_VAR}/features")
# Features as arrays that are mapped into memory: a copy, made anew when it is lost.
DUBSCORE_ARRAYS = Path(env.str("DUBSCORE_ARRAYS", default=f"{DUBSCORE_VAR}/arrays"))
DUBSCORE_MODELS = Path(env.str("DUBSCORE_MODELS", default=f"{DUBSCORE_VAR}/models"))
# What computes metrics and features: `local` processes (0: one a core), or a `ray` cluster.
DUBSCORE_ENGINE = env.str("DUBSCORE_ENGINE", default="local")
DUBSCORE_PROCESSES = env.int("DUBSCORE_PROCESSES", default=0)
# Clips of a corpus whose features come in one shard: what a worker that dies may lose.
DUBSCORE_SHARD_CLIPS = env.int("DUBSCORE_SHARD_CLIPS", default=32)
# How long a clip stays reserved for a rater who does nothing; every sign of life renews it.
DUBSCORE_LEASE_MINUTES = env.int("DUBSCORE_LEASE_MINUTES", default=30)
# A job whose worker has been silent for this long is taken to be dead and is queued again ...
DUBSCORE_STALE_SECONDS = env.int("DUBSCORE_STALE_SECONDS", default=30)
# ... this many times in all before it is called failed.
DUBSCORE_MAX_ATTEMPTS = env.int("DUBSCORE_MAX_ATTEMPTS", default=5)
# The largest file that may be brought to be scored, and how long it stays after that.
DUBSCORE_SCORE_MOST_BYTES = env.int("DUBSCORE_SCORE_MOST_BYTES", default=2 << 30)
DUBSCORE_KEEP_UPLOADS_DAYS = env.int("DUBSCORE_KEEP_UPLOADS_DAYS", default=30)
# Whether results may be sent to addresses of this machine or of the network it stands in.
DUBSCORE_WEBHOOKS_MAY_BE_LOCAL = env.bool("DUBSCORE_WEBHOOKS_MAY_BE_LOCAL", default=False)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret_key(DUBSCORE_VAR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "annotator",
    "mos",
    "learner",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.uploads.SizeLimit",  # still before any of them reads the body
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{DUBSCORE_VAR}/dubscore.sqlite3")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "config.sqlite"  # writers take turns: see there
    # WAL: readers never wait for the writer. IMMEDIATE: a transaction that will write takes its
    # turn at once and waits for it, where the default fails half-way with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
# Opening a connection costs as much as saving a rating: each thread keeps its own for a while.
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Stands in stored reports; the same as in pyproject.toml.
DUBSCORE_VERSION = "0.1.0"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "annotator:home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # a language is added with its translation, never before
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DUBSCORE_VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=f"{DUBSCORE_VAR}/media"))
# On the disk of the clips, so that a whole upload is put in its place by a new name.
DUBSCORE_INCOMING = MEDIA_ROOT / "incoming"
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "config.uploads.ToDisk",
]
MEDIA_URL = "unserved/"  # clips are never served as they lie: annotator/media.py checks who asks

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "media-src": [SELF, "blob:"],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.ShallowJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Dubscore",
    "DESCRIPTION": "Ratings, reliability, proxy MOS and DubScores of dubbed video.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
