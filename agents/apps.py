"""The app's configuration."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Agents."""

    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Register who may see what."""
        from agents import policies  # noqa: F401
