"""The app's configuration."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """Runs."""

    name = "runs"
    verbose_name = "Runs"

    def ready(self) -> None:
        """Register the access policies, and end the sockets of who is signed out."""
        from agents import admission
        from orchestrator.models import User, signed_out
        from runs import gating, live, policies, throttle  # noqa: F401

        admission.appoint(throttle.Throttle())
        gating.watch()

        def end_sockets(sender: type[User], user: User, **_: object) -> None:
            live.publish_signed_out(user.pk)

        signed_out.connect(end_sockets, weak=False, dispatch_uid="end sockets")
