"""The image's health check: ends with 0 where the server of this container is alive.

The port is the image's own (compose.yaml publishes it as whatever it likes), so nothing is configured here.
"""

from __future__ import annotations

import sys
from urllib.error import URLError
from urllib.request import urlopen

PORT = 8000


def alive(port: int) -> bool:
    """Whether ``/health/live`` answers 200 within 4 seconds."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/live", timeout=4) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if alive(int(sys.argv[1]) if len(sys.argv) > 1 else PORT) else 1)
