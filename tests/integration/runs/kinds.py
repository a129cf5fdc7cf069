"""Step types that do what a test tells them: quick, and controlled from outside."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import ClassVar

from agents import admission
from agents.errors import GatewayError
from steps.base import Ask, Outcome, Sleep, StepContext, StepError, StepResult, StepType, Throttled


class Quick(StepType):
    """What they have in common."""

    label = group = summary = "test"
    icon = "t-transform"
    schema: ClassVar[dict] = {"type": "object"}
    default_timeout_s = 20


class Echo(Quick):
    """Gives its ``value``; counts how often it ran, by key."""

    type = "echo"
    runs: ClassVar[dict[str, int]] = defaultdict(int)

    def run(self, context: StepContext) -> Outcome:
        self.runs[context.key] += 1
        return StepResult(output=context.config.get("value"), line=context.config.get("line", ""))


class Fails(Quick):
    """Fails its first ``times`` attempts (always when silent), retryably unless told."""

    type = "fails"
    tries: ClassVar[dict[tuple[str, str], int]] = defaultdict(int)

    def run(self, context: StepContext) -> Outcome:
        mine = (context.run_id, context.key)
        self.tries[mine] += 1
        if self.tries[mine] <= context.config.get("times", 10**9):
            raise StepError("It did not work.", code="flop", retryable=context.config.get("retryable", True))
        return StepResult(output={"tries": self.tries[mine]})


class Breaks(Quick):
    """Raises what no step should."""

    type = "breaks"

    def run(self, context: StepContext) -> Outcome:
        raise ZeroDivisionError("a defect")


class Judge(Quick):
    """Ends on the port ``port`` with its output, as a validation or a condition does."""

    type = "judge"

    def ports(self, config: dict) -> tuple[str, ...]:
        return ("yes", "no", "failure")

    def run(self, context: StepContext) -> Outcome:
        ports = tuple(context.config["take"])
        return StepResult(output={"took": list(ports)}, ports=ports, reason="It was found wanting.")


class Blocks(Quick):
    """Runs until the test lets it go, or until it is told to stop if it ``listens``."""

    type = "blocks"
    gate: ClassVar[threading.Event] = threading.Event()
    entered: ClassVar[threading.Semaphore] = threading.Semaphore(0)

    def run(self, context: StepContext) -> Outcome:
        context.on_cancel(lambda: context.log("info", "told to stop"))
        self.entered.release()
        while not self.gate.wait(0.005):
            if context.config.get("listens", True):
                context.check()
        return StepResult(output="let go")


class Asks(Quick):
    """Asks as its config says."""

    type = "asks"

    def ports(self, config: dict) -> tuple[str, ...]:
        return ("approved", "rejected", "expired", "failure")

    def run(self, context: StepContext) -> Outcome:
        config = context.config
        return Ask(
            message=config.get("message", "Go on?"),
            evidence=[{"title": "Why", "value": config.get("why", "because")}],
            assignees=config.get("assignees", []),
            role=config.get("role", ""),
            quorum=config.get("quorum", 1),
            expires_s=config.get("expires_s"),
            form=config.get("form"),
            allow_self=config.get("allow_self", True),
            channels=config.get("channels", ["web"]),
        )


class Sleeps(Quick):
    """Waits ``seconds``."""

    type = "sleeps"

    def ports(self, config: dict) -> tuple[str, ...]:
        return ("success",)

    def run(self, context: StepContext) -> Outcome:
        return Sleep(context.config["seconds"], {"slept": True})


class Streams(Quick):
    """Writes text as it comes, and to its log."""

    type = "streams"
    gate: ClassVar[threading.Event] = threading.Event()

    def run(self, context: StepContext) -> Outcome:
        for word in context.config["words"]:
            context.emit(word)
            context.log("info", f"wrote {word!r}", length=len(word))
        while not self.gate.wait(0.005):
            context.check()
        return StepResult(output={"text": "".join(context.config["words"])})


class Slow(Quick):
    """Sleeps in its thread without listening."""

    type = "slow"

    def run(self, context: StepContext) -> Outcome:
        time.sleep(context.config["seconds"])
        return StepResult(output="late")


class Talks(Quick):
    """Names a model, as far as limits are concerned, and calls it ``calls`` times."""

    type = "talks"
    order: ClassVar[list[str]] = []  # the texts, as the steps ran

    def asks(self, config: dict) -> list[dict]:
        return [config]

    def run(self, context: StepContext) -> Outcome:
        self.order.append(context.config.get("text", context.key))
        for _ in range(context.config.get("calls", 0)):
            try:
                admission.keeper.enter(context.config["model"], context.cancelled)
            except GatewayError as error:
                raise Throttled(error.message, **error.details) from error
        admission.keeper.spent(context.config["model"], context.config.get("tokens", 0))
        return StepResult(output={"text": "said"})


ALL = (Echo(), Fails(), Breaks(), Judge(), Blocks(), Asks(), Sleeps(), Streams(), Slow(), Talks())
