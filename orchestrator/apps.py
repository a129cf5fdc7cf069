"""The foundation as a Django app."""

from django.apps import AppConfig


class OrchestratorConfig(AppConfig):
    """People, access and the pages that belong to no other room."""

    name = "orchestrator"
    verbose_name = "Platform"
