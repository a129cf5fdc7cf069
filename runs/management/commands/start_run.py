"""``manage.py start_run``: start a run from the command line, and execute it here with ``--wait``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from builder.models import Orchestration
from orchestrator.errors import ProductError
from orchestrator.models import Role, User
from runs import payloads, verbs
from runs.engine.states import ENDED, RunStatus
from runs.models import OrchestrationInstance
from runs.server import RunServer
from steps.base import JSON

LOOK_S = 0.1


class Command(BaseCommand):
    """Without ``--wait`` a running server executes the run; with it this process does."""

    help = "Start a run of a published orchestration."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to start, with what, as whom."""
        parser.add_argument("slug", help="The orchestration's slug.")
        parser.add_argument("--input", default="{}", help="The input as JSON; @FILE reads it from a file.")
        parser.add_argument("--run-version", type=int, help="A published version; the newest when silent.")
        parser.add_argument("--user", help="Who starts it: a user name; the first SuperAdmin when silent.")
        parser.add_argument("--wait", action="store_true", help="Execute it here and wait for the end.")

    def handle(self, **options: Any) -> None:
        """Start, and with ``--wait`` print the output; ends with 1 unless the run has completed."""
        orchestration = Orchestration.objects.filter(slug=options["slug"]).first()
        if orchestration is None:
            raise CommandError(f"There is no orchestration {options['slug']!r}.")
        user, given = self._user(options["user"]), self._input(options["input"])
        try:
            run = verbs.start(user, orchestration, given, options["run_version"])
        except ProductError as error:
            raise CommandError(error.message) from error
        if options["wait"]:
            self._execute(run)
        else:
            self.stdout.write(f"Run {run.number} is under way: {run.pk}")

    def _execute(self, run: OrchestrationInstance) -> None:
        """Be a worker for this run until it ends; a server may take part too, the journal decides."""
        server = RunServer(only=run.pk)
        server.start()
        try:
            self._await(run)
        finally:
            server.stop()
        if run.status != RunStatus.COMPLETED:
            why = (run.error or {}).get("message", "")
            raise CommandError(f"Run {run.number} is {run.status}. {why}".strip())
        self.stdout.write(orjson.dumps(payloads.output_of(run), option=orjson.OPT_INDENT_2).decode())

    def _await(self, run: OrchestrationInstance) -> None:
        asked: set[str] = set()
        while run.status not in ENDED:
            time.sleep(LOOK_S)
            run.refresh_from_db()
            for approval in run.approvals.filter(status="pending").exclude(step__in=asked):
                asked.add(approval.step)
                self.stderr.write(f"Waiting for an answer to: {approval.message}")

    def _user(self, name: str | None) -> User:
        people = User.objects.filter(is_active=True)
        chosen = people.filter(username=name) if name else people.filter(role=Role.SUPERADMIN)
        user = chosen.order_by("date_joined").first()
        if user is None:
            raise CommandError(
                f"There is no active user {name!r}." if name else "There is no SuperAdmin yet."
            )
        return user

    def _input(self, text: str) -> JSON:
        try:
            raw = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
            return orjson.loads(raw)
        except OSError as error:
            raise CommandError(f"The input file cannot be read: {error}.") from error
        except orjson.JSONDecodeError as error:
            raise CommandError(f"The input is not JSON: {error}.") from error
