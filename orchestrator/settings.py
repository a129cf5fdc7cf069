"""Composition of the product, and the only reader of the environment.

A value that cannot be read stops the start with one sentence that names it.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ

from orchestrator.db.urls import database_of

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
env.ENVIRON = dict(os.environ)  # what files hold is added here, and child processes do not inherit it


def read(name: str, kind: str, default: Any) -> Any:
    """Read one variable with django-environ's caster ``kind``; end the process if it does not parse.

    ``<name>_FILE`` may name a file that holds the value instead, as secrets of containers do.
    """
    if file := env.ENVIRON.get(f"{name}_FILE"):
        env.ENVIRON[name] = _content(name, Path(file))
    if kind == "str":  # as it stands: django-environ would take a leading $ for a reference
        return env.ENVIRON.get(name, default)
    try:
        return getattr(env, kind)(name, default=default)
    except (ValueError, TypeError, environ.ImproperlyConfigured) as error:
        raise _stop(name, f"must be a valid {kind}") from error


def _content(name: str, file: Path) -> str:
    if env.ENVIRON.get(name):
        raise _stop(name, f"is also given by {name}_FILE; set one of the two")
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise _stop(f"{name}_FILE", f"names {str(file)!r}, which cannot be read: {why}") from error


def _stop(name: str, why: str) -> SystemExit:
    print(f"The setting {name} cannot be used: it {why}.", file=sys.stderr)
    return SystemExit(2)


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    """Read a variable that must be one of ``options``."""
    value = str(read(name, "str", default))
    if value not in options:
        raise _stop(name, f"is {value!r}, and must be one of {', '.join(options)}")
    return value


DEBUG = read("DEBUG", "bool", False)
DATA_DIR = Path(read("DATA_DIR", "str", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """SECRET_KEY, or on a laptop one made at the first start and kept in DATA_DIR."""
    given = str(read("SECRET_KEY", "str", ""))
    if given:
        return given
    file = DATA_DIR / "secret_key"
    if not file.exists():
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            file.hardlink_to(draft)  # two first starts at once: one wins, both read the winner's
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text().strip()


SECRET_KEY = _secret_key()
PORT = read("PORT", "int", 8000)
PUBLIC_URL = str(read("PUBLIC_URL", "str", f"http://127.0.0.1:{PORT}")).rstrip("/")
ALLOWED_HOSTS = read("ALLOWED_HOSTS", "list", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "orchestrator",
    "agents",
    "knowledge",
    "builder",
    "runs",
]
MIDDLEWARE = [
    "orchestrator.middleware.Probes",
    "django.middleware.security.SecurityMiddleware",
    "orchestrator.static_files.StaticFiles",
    "orchestrator.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "orchestrator.audit.RequestAtHand",
    "orchestrator.middleware.ReadersZone",
    "orchestrator.middleware.ProductErrors",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "orchestrator.urls"
ASGI_APPLICATION = "orchestrator.asgi.application"
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
                "orchestrator.context.chrome",
            ],
            "builtins": ["orchestrator.templatetags.chrome"],
        },
    }
]

DATABASE_URL = str(read("DATABASE_URL", "str", f"sqlite:///{DATA_DIR / 'db.sqlite3'}"))
DATABASE_PASSWORD = str(read("DATABASE_PASSWORD", "str", ""))  # for a URL that names a user only

try:
    DATABASES = {"default": database_of(DATABASE_URL, DATABASE_PASSWORD)}
except ValueError as wrong:
    raise _stop("DATABASE_URL", str(wrong)) from wrong
if DATABASE_URL.startswith("sqlite:"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # a file: threads share it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "orchestrator.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Ten wrong passwords for a name from one address: that pair waits, at every door. Counted in the cache.
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "orchestrator.audit.address_of"
AXES_LOCKOUT_CALLABLE = "orchestrator.views.locked_out"
AXES_VERBOSE = AXES_ENABLE_ADMIN = False
SILENCED_SYSTEM_CHECKS = [
    "axes.W001",  # one process counts in its own memory; several have Redis
    "security.W005",  # HSTS for subdomains and preloading: PUBLIC_URL's host cannot speak for others
    "security.W021",
]
MIGRATION_MODULES = {"axes": None}  # the cache holds the counts; its tables are not used
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

REDIS_URL = str(read("REDIS_URL", "str", "redis://127.0.0.1:6379/0"))
CHANNEL_LAYER = choice("CHANNEL_LAYER", ("memory", "redis"), "memory")
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    if CHANNEL_LAYER == "memory"
    else {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}

CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if CHANNEL_LAYER == "memory"
    else {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

EXECUTOR = str(read("EXECUTOR", "str", "threads"))
if EXECUTOR == "celery":
    raise _stop("EXECUTOR", "is 'celery', which is not built yet; use 'threads'")
EXECUTOR = choice("EXECUTOR", ("threads",), "threads")
RUN_THREADS = read("RUN_THREADS", "int", 8)
if not 1 <= RUN_THREADS <= 256:
    raise _stop("RUN_THREADS", f"is {RUN_THREADS}, and must be from 1 to 256")

_PLACE = r"(\[[\da-fA-F:.]+\](:\d{1,5})?|[^\s:]+(:\d{1,5})?|[\da-fA-F:./]+)"


def _places(entries: list[str]) -> list[str]:
    """HTTP_ALLOW's entries, each a host, ``host:port``, an address or a CIDR."""
    for entry in entries:
        try:
            fits = "/" not in entry or bool(ip_network(entry.strip(), strict=False))
        except ValueError:
            fits = False
        if not fits or not re.fullmatch(_PLACE, entry.strip()):
            raise _stop("HTTP_ALLOW", f"holds {entry!r}, which is no host, host:port or network")
    return entries


HTTP_ALLOW = _places(read("HTTP_ALLOW", "list", []))
CHROMA_URL = str(read("CHROMA_URL", "str", ""))
OPENAI_API_KEY = str(read("OPENAI_API_KEY", "str", ""))
GEMINI_API_KEY = str(read("GEMINI_API_KEY", "str", ""))
ANTHROPIC_API_KEY = str(read("ANTHROPIC_API_KEY", "str", ""))
DEMO_PASSWORD = str(read("DEMO_PASSWORD", "str", ""))

EMAIL_URL = str(read("EMAIL_URL", "str", ""))
EMAIL_BACKEND = "orchestrator.mail.LogBackend"
EMAIL_TIMEOUT = 20
if EMAIL_URL:
    try:
        globals().update(environ.Env.email_url_config(EMAIL_URL))
    except (KeyError, ValueError, environ.ImproperlyConfigured) as wrong:
        raise _stop("EMAIL_URL", "must be like smtp+tls://user:password@host:587") from wrong
DEFAULT_FROM_EMAIL = str(read("EMAIL_FROM", "str", "orchestrator@localhost"))

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
_collected = str(read("STATIC_ROOT", "str", ""))  # where `collectstatic` has put them, if it has
STATIC_ROOT = Path(_collected or DATA_DIR / "static")
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a folder that is not there
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not _collected
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
MEDIA_ROOT = DATA_DIR / "files"
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
UPLOAD_MAX_BYTES = 50 * 1024 * 1024  # one document of a knowledge base

_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orchestrator.tokens.ApiTokens",
        "orchestrator.tokens.JWT",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "orchestrator.api.Pages",
    "EXCEPTION_HANDLER": "orchestrator.api.explain",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=60),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": False,
    "UPDATE_LAST_LOGIN": False,
    "TOKEN_OBTAIN_SERIALIZER": "orchestrator.tokens.PairSerializer",
    "TOKEN_REFRESH_SERIALIZER": "orchestrator.tokens.RefreshSerializer",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Orchestrator",
    "DESCRIPTION": "Run AI workflows that can be resumed, rolled back and trusted.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "ENUM_NAME_OVERRIDES": {
        "RunStatus": "runs.models.RUN_STATUSES",
        "StepStatus": "runs.models.STEP_STATUSES",
        "ApprovalStatus": "runs.models.Approval.Status",
        "CredentialKind": "agents.models.Credential.Kind",
        "ToolKind": "agents.models.Tool.Kind",
        "LimitKind": "runs.models.Limit.Kind",
        "FoundBy": [("words", "words"), ("meaning", "meaning")],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": str(read("LOG_LEVEL", "str", "WARNING"))},
}
