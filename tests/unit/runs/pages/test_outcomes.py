from datetime import UTC, datetime

import pytest

from runs.pages.outcomes import consequence, ways
from runs.pages.words import Voice

VOICE = Voice(datetime(2026, 1, 5, tzinfo=UTC), names={"pay": "Pay", "ask": "Ask", "draft": "Draft"})


def document(on_failure=None, **config):
    ask = {
        "key": "ask",
        "type": "approval",
        "config": config,
        **({"on_failure": on_failure} if on_failure else {}),
    }
    return {"steps": [ask], "edges": [{"source": "ask", "target": "pay", "port": "approved"}]}


def test_each_answer_says_where_it_leads():
    found = ways(document(expires_s=60), "ask", VOICE)
    assert [(way.port, way.noun) for way in found] == [
        ("approved", "Pay"), ("rejected", "The run fails"), ("expired", "The run fails"),
    ]  # fmt: skip
    assert consequence(found) == "Approving goes on with Pay. Rejecting fails the run."
    assert found[2].unanswered == "If nobody answers, the run fails."


@pytest.mark.parametrize(("to", "where"), [("draft", "Draft"), (None, "Ask")])
def test_a_rollback_says_where_to(to, where):
    plan = {"action": "rollback", **({"to": to} if to else {})}
    rejected = ways(document(plan), "ask", VOICE)[1]
    assert (rejected.noun, rejected.clause) == (f"Rolls back to {where}", f"rolls back to {where}")


def test_a_question_that_cannot_expire_says_nothing_of_it():
    assert [way.port for way in ways(document(), "ask", VOICE)] == ["approved", "rejected"]
