"""The foundation as a Django app."""

from django.apps import AppConfig


class OrchestratorConfig(AppConfig):
    """People, access and the pages that belong to no other room."""

    name = "orchestrator"
    verbose_name = "Platform"

    def ready(self) -> None:
        """Register the access policies, and what the audit log watches."""
        from orchestrator import audit, openapi, people, tokens  # noqa: F401
        from orchestrator.models import signed_out

        audit.watch_people()
        signed_out.connect(tokens.revoke_all, dispatch_uid="revoke API tokens")
