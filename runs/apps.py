"""The app's configuration."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """Runs."""

    name = "runs"
    verbose_name = "Runs"

    def ready(self) -> None:
        """Register the access policies."""
        from runs import policies  # noqa: F401
