"""The app's configuration."""

from django.apps import AppConfig


class BuilderConfig(AppConfig):
    """Orchestrations."""

    name = "builder"
    verbose_name = "Orchestrations"

    def ready(self) -> None:
        """Say who may see what, and who uses what."""
        import agents.uses
        import builder.policies  # noqa: F401
        import knowledge.uses
        from builder.uses import of_base, of_named

        knowledge.uses.register(of_base)
        agents.uses.register(of_named)
