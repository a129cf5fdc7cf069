"""The app's configuration."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    """What the platform knows."""

    name = "knowledge"
    verbose_name = "Knowledge"

    def ready(self) -> None:
        """Say who may see what."""
        from knowledge import policies  # noqa: F401
