"""How it happens: runs, their journal, and the projections that follow from it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.fields import JSONTextField
from orchestrator.models import BaseModel
from runs.engine.states import RunStatus, StepStatus

RUN_STATUSES = [(s.value, s.value.replace("_", " ").capitalize()) for s in RunStatus]
STEP_STATUSES = [(s.value, s.value.capitalize()) for s in StepStatus]


class OrchestrationInstance(BaseModel):
    """A run. Everything but its identity and input is a projection of its journal."""

    orchestration = models.ForeignKey(  # run_flow begins with it
        Orchestration, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    version = models.ForeignKey(OrchestrationVersion, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()  # within the orchestration
    input = JSONTextField(default=dict)
    started_by = models.ForeignKey(  # run_starter begins with it
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="runs",
        db_index=False,
    )
    forked_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="forks"
    )
    parent = models.ForeignKey(  # a child run: the run, and below the step and item, that started it
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    parent_step = models.CharField(max_length=64, blank=True)
    parent_item = models.PositiveIntegerField(null=True, blank=True)
    parent_told = models.BooleanField(default=True)  # False: this child run may have something to say to it
    depth = models.PositiveSmallIntegerField(default=0)  # how many parents there are above
    # Projection of the journal, written by runs/journal only:
    status = models.CharField(max_length=12, choices=RUN_STATUSES, default=RunStatus.PENDING.value)
    seq = models.PositiveIntegerField(default=0)  # the entry this projection has reached
    undoing = models.BooleanField(default=False)  # an effect is to be undone, be it a late one
    output = JSONTextField(default=None)
    payload = JSONTextField(default=None)  # {sha256, size} of an output over 16 KiB; then `output` is null
    error = JSONTextField(default=None)
    tokens = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "run"
        ordering = ("-created_at",)
        constraints = [models.UniqueConstraint(fields=["orchestration", "number"], name="run_number_once")]
        indexes = [
            models.Index(fields=["status", "created_at"], name="run_status"),
            models.Index(fields=["started_by", "created_at"], name="run_starter"),
            models.Index(fields=["created_at"], name="run_created"),
            models.Index(fields=["orchestration", "created_at"], name="run_flow"),
            models.Index(fields=["undoing"], name="run_undoing", condition=models.Q(undoing=True)),
            models.Index(  # of these there are few, and other runs do not pay for it
                fields=["parent_told"], name="run_untold", condition=models.Q(parent_told=False)
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number}"


class JournalEntry(BaseModel):
    """One transition of a run: all its events in one atomic insert. Never updated."""

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="journal", db_index=False
    )  # journal_seq_once begins with it; a second index would cost every commit
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    events = JSONTextField(default=list)

    class Meta:
        verbose_name_plural = "journal entries"
        ordering = ("instance", "seq")
        constraints = [models.UniqueConstraint(fields=["instance", "seq"], name="journal_seq_once")]

    def __str__(self) -> str:
        return f"entry {self.seq}"


class StepRun(BaseModel):
    """A step of a run as it stands now; a projection of the journal."""

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="steps", db_index=False
    )
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=32)
    position = models.PositiveIntegerField()  # in the version's document
    status = models.CharField(max_length=10, choices=STEP_STATUSES, default=StepStatus.PENDING.value)
    epoch = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    ports = JSONTextField(default=list)
    output = JSONTextField(default=None)
    payload = JSONTextField(default=None)  # {sha256, size} of an output over 16 KiB; then `output` is null
    error = JSONTextField(default=None)
    tokens = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    items = JSONTextField(default=None)  # of a map: {count, running, completed, failed}
    seq = models.PositiveIntegerField(default=0)  # the entry that changed it last
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("instance", "position")
        constraints = [models.UniqueConstraint(fields=["instance", "key"], name="steprun_key_once")]

    def __str__(self) -> str:
        return self.key


class StepLog(BaseModel):
    """A line that a step wrote to its log; ids sort by time."""

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="logs", db_index=False
    )
    step = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()
    level = models.CharField(max_length=8)  # debug, info, warning, error
    message = models.TextField()
    data = JSONTextField(default=dict)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["instance", "id"], name="log_order")]

    def __str__(self) -> str:
        return self.message[:80]


class Approval(BaseModel):
    """A question to people; a projection of the journal. Its id follows from run, step, epoch, attempt."""

    class Kind(models.TextChoices):
        APPROVAL = "approval", "Approval"
        FORM = "form", "Form"

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        SUBMITTED = "submitted", "Filled in"
        EXPIRED = "expired", "Expired"
        VOIDED = "voided", "No longer counts"

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="approvals", db_index=False
    )
    step = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.APPROVAL)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    message = models.TextField()
    evidence = JSONTextField(default=list)  # [{title, value}]
    assignees = JSONTextField(default=list)  # user names
    role = models.CharField(max_length=12, blank=True)
    quorum = models.PositiveIntegerField(default=1)
    allow_self = models.BooleanField(default=True)
    form = JSONTextField(default=None)
    votes = JSONTextField(default=list)  # [{by, decision, comment, at}]
    content_hash = models.CharField(max_length=64, blank=True)  # of what was shown
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)  # user name
    comment = models.TextField(blank=True)
    data = JSONTextField(default=None)
    seq = models.PositiveIntegerField(default=0)
    to_mail = models.BooleanField(default=False)  # whom to tell by mail is still to be written down

    class Meta:
        ordering = ("requested_at",)
        constraints = [
            models.UniqueConstraint(fields=["instance", "step", "epoch", "attempt"], name="approval_once")
        ]
        indexes = [
            models.Index(fields=["status", "requested_at"], name="approval_status"),
            models.Index(fields=["to_mail"], name="approval_to_mail"),
        ]

    def __str__(self) -> str:
        return self.message[:80]


class ApprovalRecipient(BaseModel):
    """Who is asked, one row each (``user:<username>`` or ``role:<role>``): the inbox's lookup."""

    approval = models.ForeignKey(
        Approval, on_delete=models.CASCADE, related_name="recipients", db_index=False
    )
    who = models.CharField(max_length=160)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "who"], name="recipient_once")]
        indexes = [models.Index(fields=["who", "id"], name="recipient_newest")]

    def __str__(self) -> str:
        return self.who


class ApprovalMail(BaseModel):
    """One mail to one person about one question. Not a projection: what was sent stays sent."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENT = "sent", "Sent"
        FAILED = "failed", "Could not be sent"
        DROPPED = "dropped", "Not needed any more"

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="mails", db_index=False
    )
    approval_id = models.UUIDField()  # no foreign key: rebuilt projections must not take the mails along
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)  # compare-and-set: who sends it now
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval_id", "user"], name="mail_once")]
        indexes = [
            models.Index(fields=["state", "due_at"], name="mail_due"),
            models.Index(fields=["instance"], name="mail_instance"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.approval_id} to {self.user_id}"


class Payload(BaseModel):
    """A value over 16 KiB, stored once per run and referenced from the journal by its hash."""

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="payloads", db_index=False
    )
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    content = JSONTextField(default=None)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance", "sha256"], name="payload_once")]

    def __str__(self) -> str:
        return self.sha256


class Timer(BaseModel):
    """Something that falls due: a delay, a retry, an approval's expiry. Follows from the journal."""

    class Kind(models.TextChoices):
        DELAY = "delay", "Delay"
        RETRY = "retry", "Next attempt"
        SLOT = "slot", "A limit allows it"
        EXPIRY = "expiry", "Approval expires"
        ITEMS = "items", "Next attempt of an item"
        CHILD = "child", "Look after a child run"
        UNDO = "undo", "Next attempt to undo"

    instance = models.ForeignKey(
        OrchestrationInstance, on_delete=models.CASCADE, related_name="timers", db_index=False
    )
    step = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "step", "epoch", "attempt", "kind"], name="timer_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.step}"


class Worker(BaseModel):
    """A process that executes steps. Alive while ``beat`` moves."""

    name = models.CharField(max_length=120, unique=True)  # host:pid:random
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    process_started = models.CharField(max_length=40, blank=True)  # tells a reused pid apart
    beat = models.PositiveBigIntegerField(default=0)
    beat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Limit(BaseModel):
    """How much of something may happen at once or a minute. An empty ``subject`` is the default of its kind.

    A limit that is None does not bound. Steps that have to wait do so in the order in which they came.
    """

    class Kind(models.TextChoices):
        USER = "user", "User"
        ORCHESTRATION = "orchestration", "Orchestration"
        MODEL = "model", "LLM model"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    subject = models.CharField(max_length=150, blank=True)  # user name, or slug
    concurrency = models.PositiveIntegerField(null=True, blank=True)  # steps at once
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)  # of LLM models

    class Meta:
        ordering = ("kind", "subject")
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="limit_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject or '(each)'}"


class Gate(BaseModel):
    """Who has, and who waits for, a slot of something limited. One row, changed by compare-and-set."""

    key = models.CharField(max_length=180, unique=True)  # "model:gpt", "user:mary", "orchestration:refund"
    revision = models.PositiveIntegerField(default=1)
    state = JSONTextField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.key
