"""The ASGI application: HTTP to Django, sockets to the consumers."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from runs.consumers import socket_urls, who_is_there  # noqa: E402
from runs.server import serve_runs  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": who_is_there(URLRouter(socket_urls))})
serve_runs()
