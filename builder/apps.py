"""The app's configuration."""

from django.apps import AppConfig


class BuilderConfig(AppConfig):
    """Orchestrations."""

    name = "builder"
    verbose_name = "Orchestrations"

    def ready(self) -> None:
        """Say who may see what, and who searches which knowledge base."""
        import builder.policies  # noqa: F401
        from builder.uses import of_base
        from knowledge import uses

        uses.register(of_base)
