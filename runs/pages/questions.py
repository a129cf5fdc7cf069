"""A question put to people as a page shows it: who is asked, who answered, what happens then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.models import User
from runs import verbs
from runs.models import Approval
from runs.pages.forms import SchemaForm
from runs.pages.outcomes import Way, consequence, ways
from runs.pages.people import of_approvals, step_names, voice
from runs.pages.sentences import DECIDED
from runs.pages.words import Voice, ago, capital, duration, listed

PREFIX = "data-"  # of the names of the approval's own form
ENDS = {
    "approved": "COMPLETED",
    "rejected": "COMPLETED",
    "submitted": "COMPLETED",
    "expired": "CANCELLED",
    "voided": "ROLLED_BACK",
}
KINDS = {"approval": "Approval", "form": "Form"}


def question(user: User, approval: Approval, sent: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything the answering page and the run page's panel show of one approval.

    ``sent`` is what a refused form held. Needs ``approval.instance`` with its version and orchestration.
    """
    document = approval.instance.version.document
    speak = voice(user, of_approvals([approval, *_before(approval)]), step_names(document))
    then = ways(document, approval.step, speak)
    open_ = approval.status == Approval.Status.PENDING
    earlier = _earlier(approval, speak)
    filled = earlier["data"] if earlier and isinstance(earlier["data"], dict) else {}
    return {
        "approval": approval,
        "run": approval.instance,
        "step": speak.step(approval.step),
        "may_answer": open_ and verbs.may_answer(user, approval),
        "asked": speak.asked(approval.assignees, approval.role),
        "is_form": approval.kind == Approval.Kind.FORM,
        "closing": _closing(user, approval, speak),
        "since": speak.clock(approval.requested_at),
        "votes": [_vote(vote, speak) for vote in approval.votes],
        "yes": sum(vote.get("decision") == "approve" for vote in approval.votes),
        "then": then,
        "consequence": consequence(then),
        "earlier": earlier,
        "deadline": _deadline(approval, then, speak) if open_ else None,
        "fate": fate(user, approval, speak),
        "form": SchemaForm(approval.form or {}, initial=filled, data=sent, prefix=PREFIX) if open_ else None,
        "comment": (sent or {}).get("comment", ""),
    }


def _before(approval: Approval) -> list[Approval]:
    """The last earlier question of the step that somebody had answered: a rollback has asked it again."""
    asked = Approval.objects.filter(instance_id=approval.instance_id, step=approval.step)
    newest_first = asked.filter(epoch__lt=approval.epoch).order_by("-epoch", "-attempt")
    return [one for one in newest_first if one.votes][:1]


def _earlier(approval: Approval, speak: Voice) -> dict[str, Any] | None:
    """What was answered before, by whom and when, and what is shown otherwise now; None the first time."""
    for one in _before(approval):
        return {
            "votes": [_vote(vote, speak) for vote in one.votes],
            "data": one.data if approval.kind == Approval.Kind.FORM else None,
            "changed": _changed(one, approval),
        }
    return None


def _changed(one: Approval, other: Approval) -> str:
    """Which parts of the question are not as they were, by their names."""
    was, now = ({part["title"]: part["value"] for part in asked.evidence} for asked in (one, other))
    found = [title for title in now if title not in was or was[title] != now[title]]
    if one.message != other.message:
        found.insert(0, "the question")
    if one.form != other.form:
        found.append("the form")
    return listed(found)


def fate(user: User, approval: Approval, speak: Voice) -> dict[str, str]:
    """What became of a question for this reader: a status for the glyph, words, and when."""
    mine = next((vote for vote in approval.votes if vote.get("by") == user.username), None)
    said = f"You {DECIDED.get((mine or {}).get('decision', ''), 'answered')}"
    when = speak.clock(approval.decided_at or (mine or {}).get("at") or approval.requested_at)
    if approval.status == Approval.Status.PENDING:
        if mine:
            return {"status": "WAITING", "words": f"{said}, others are asked too", "when": when}
        when = ago(approval.requested_at, speak.now)
        return {"status": "WAITING", "words": KINDS[approval.kind], "when": when}
    status = ENDS[approval.status]
    if approval.status == Approval.Status.VOIDED:
        words = "No longer counts"
    elif approval.status == Approval.Status.EXPIRED:
        words = "Nobody answered in time"
    elif mine:
        words = said
    else:
        status, words = "CANCELLED", f"{capital(speak.who(approval.decided_by))} was first"
    return {"status": status, "words": words, "when": when}


def _closing(user: User, approval: Approval, speak: Voice) -> str:
    """Why this reader cannot answer (any more)."""
    at = speak.clock(approval.decided_at)
    who = capital(speak.who(approval.decided_by))
    if approval.status in (Approval.Status.APPROVED, Approval.Status.REJECTED):
        return f"{who} {approval.status} this at {at}."
    if approval.status == Approval.Status.SUBMITTED:
        return f"{who} filled this in at {at}."
    if approval.status == Approval.Status.EXPIRED:
        return f"Nobody answered until {speak.clock(approval.expires_at)}."
    if approval.status == Approval.Status.VOIDED:
        return "The run was rolled back, cancelled or failed meanwhile, so an answer no longer counts."
    if any(vote.get("by") == user.username for vote in approval.votes):
        return "You have answered. Others are asked too."
    since = speak.clock(approval.requested_at)
    return f"Waiting for {speak.asked(approval.assignees, approval.role)} since {since}."


def _vote(vote: Mapping[str, Any], speak: Voice) -> dict[str, str]:
    return {
        "who": capital(speak.who(vote.get("by"))),
        "status": "FAILED" if vote.get("decision") == "reject" else "COMPLETED",
        "words": DECIDED.get(str(vote.get("decision")), "answered"),
        "comment": str(vote.get("comment") or ""),
        "when": speak.clock(vote.get("at")),
    }


def _deadline(approval: Approval, then: list[Way], speak: Voice) -> dict[str, Any] | None:
    if approval.expires_at is None:
        return None
    whole = (approval.expires_at - approval.requested_at).total_seconds()
    left = (approval.expires_at - speak.now).total_seconds()
    expired = next((way for way in then if way.port == "expired"), None)
    return {
        "left": f"in {duration(left)}" if left > 0 else "now",
        "until": speak.clock(approval.expires_at),
        "at": approval.expires_at,
        "percent": round(min(1.0, max(0.0, 1 - left / whole)) * 100) if whole > 0 else 100,
        "follows": expired.unanswered if expired else "",
    }
