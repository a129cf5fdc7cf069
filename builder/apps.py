"""The app's configuration."""

from django.apps import AppConfig


class BuilderConfig(AppConfig):
    """Orchestrations."""

    name = "builder"
    verbose_name = "Orchestrations"

    def ready(self) -> None:
        """Say who may see what, and who uses what."""
        import agents.trial
        import agents.uses
        import builder.policies  # noqa: F401
        import knowledge.uses
        from agents.models import Agent, Tool
        from builder.uses import of_base, of_named
        from steps import trial

        knowledge.uses.register(of_base)
        agents.uses.register(of_named)
        agents.trial.register(Agent, trial.agent)
        agents.trial.register(Tool, trial.tool)
