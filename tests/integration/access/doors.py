"""Every address of the product, with the method and what it does to which noun: one line each.

A door is tried by people of every role in every relation; what the policies say of its noun and action is
what it must answer. ``test_every_address_has_its_doors`` fails for an address that is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ANYBODY, SIGNED_IN = "anybody", "signed in"


@dataclass(frozen=True)
class Door:
    """``send`` is the body; ``listed``: the object appears in the answer if it may be seen.

    ``found``: what a 404 says that is about something within the object. ``closed``: the whole collection is refused with 403, whatever the id, to who sees nothing of it.
    """

    noun: str
    action: str
    method: str
    name: str
    send: dict[str, Any] | None = None
    query: str = ""
    found: str = ""
    listed: bool = False
    closed: bool = False


def doors(noun: str, action: str, text: str, **more: Any) -> list[Door]:
    """One for each word of ``text``, such as ``get:run``; with ``?`` at its end a list to be found in."""
    found = []
    for word in text.split():
        method, _, name = word.partition(":")
        found.append(Door(noun, action, method, name.rstrip("?"), listed=name.endswith("?"), **more))
    return found


def kept(noun: str, rest: str) -> list[Door]:
    """Pages and REST of models, agents, tools and credentials."""
    return [
        *doors(noun, "create", "get:agent_rows get:new_agent_row post:new_agent_row"),
        *doors(noun, "edit", "get:edit_agent_row post:edit_agent_row get:delete_agent_row"),
        *doors(noun, "edit", "post:delete_agent_row post:try_agent_row"),
        *doors(noun, "view", f"get:{rest}-list? get:{rest}-detail"),
        *doors(noun, "create", f"post:{rest}-list"),
        *doors(noun, "edit", f"put:{rest}-detail patch:{rest}-detail delete:{rest}-detail"),
    ]


DOORS = [
    # addresses that ask for nobody
    *doors("", ANYBODY, "get:health_live get:health_ready get:login post:login get:favicon post:logout"),
    *doors("", ANYBODY, "post:token post:token_refresh post:token_verify post:token_blacklist get:answer"),
    *doors("", ANYBODY, "get:unknown get:schema get:docs"),
    # what everybody has who is signed in
    *doors("", SIGNED_IN, "get:home get:profile get:inbox get:runs get:orchestrations get:me"),
    *doors("", SIGNED_IN, "get:api-token-list post:api-token-list"),
    # orchestrations
    *doors("orchestration", "view", "get:builder get:orchestration-list?"),
    *doors("orchestration", "view", "get:orchestrations?", query="q={orchestration}"),
    *doors("orchestration", "view", "get:orchestration-detail get:orchestration-versions"),
    *doors("orchestration", "view", "get:orchestration-version"),
    *doors("orchestration", "read draft", "get:export_orchestration get:builder_state get:builder_lot"),
    *doors("orchestration", "read draft", "get:orchestration-document post:orchestration-validate"),
    *doors("orchestration", "read draft", "get:orchestration-diff"),
    *doors("orchestration", "start", "get:start post:start post:api_start_run"),
    *doors("orchestration", "edit", "post:builder_fields get:publish_orchestration"),
    *doors("orchestration", "edit", "post:builder_edits", send={"revision": 1, "edits": []}),
    *doors("orchestration", "edit", "post:publish_orchestration post:orchestration_access"),
    *doors("orchestration", "edit", "get:delete_orchestration post:delete_orchestration"),
    *doors("orchestration", "edit", "patch:orchestration-detail delete:orchestration-detail"),
    *doors("orchestration", "edit", "put:orchestration-document post:orchestration-publish"),
    *doors("orchestration", "edit", "post:orchestration-restore"),
    *doors("orchestration", "create", "get:new_orchestration post:new_orchestration"),
    *doors("orchestration", "create", "get:import_orchestration post:import_orchestration"),
    *doors("orchestration", "create", "post:orchestration-list post:orchestration-bring-in"),
    # runs
    *doors("run", "view", "get:runs? get:run get:run_view get:run-list? get:run-detail get:run-events"),
    *doors("run", "view", "get:run-logs"),
    *doors("run", "view", "get:run-items", found="This step has no items."),
    *doors("run", "view", "get:run-compare", query="with={run}"),
    *doors("run", "view", "get:run_compare", query="left={run}"),
    *doors("run", "act", "post:run_cancel post:run_cancel_step post:run_retry post:run_rollback"),
    *doors("run", "act", "post:run_resolve", send={"step": "ask", "action": "retry"}),
    *doors("run", "act", "post:run-cancel post:run-cancel-step post:run-retry post:run-rollback"),
    *doors("run", "act", "post:run-resolve", send={"step": "ask", "action": "retry"}),
    *doors("run", "fork", "get:run_fork post:run_fork"),
    *doors("run", "fork", "post:run-fork", send={"from": "ask"}),
    # approvals
    *doors("approval", "view", "get:approval get:approval-list? get:approval-detail"),
    *doors("approval", "answer", "post:decide post:approval-decide", send={"decision": "approve"}),
    # knowledge
    *doors("knowledge base", "view", "get:knowledge_base get:documents get:knowledge-base-list?"),
    *doors("knowledge base", "view", "get:knowledge? get:knowledge-base-detail get:document-list"),
    *doors("knowledge base", "view", "post:knowledge-base-search"),
    *doors("knowledge base", "edit", "get:change_knowledge_base post:change_knowledge_base"),
    *doors("knowledge base", "edit", "get:delete_knowledge_base post:delete_knowledge_base"),
    *doors("knowledge base", "edit", "post:knowledge_base_access post:documents"),
    *doors("knowledge base", "edit", "patch:knowledge-base-detail delete:knowledge-base-detail"),
    *doors("knowledge base", "edit", "post:document-list"),
    *doors("knowledge base", "create", "get:new_knowledge_base post:new_knowledge_base"),
    *doors("knowledge base", "create", "post:knowledge-base-list"),
    *doors("document", "view", "get:document get:document-detail"),
    *doors("document", "edit", "post:replace_document post:retry_document get:delete_document"),
    *doors("document", "edit", "post:delete_document delete:document-detail post:document-retry"),
    # limits
    *doors("limit", "view", "get:limit-list? get:limit-detail"),
    *doors("limit", "edit", "patch:limit-detail delete:limit-detail"),
    *doors("limit", "create", "get:limits post:limits post:limit-list post:save_limits"),
    # who works
    *kept("agent", "agent"),
    *kept("model", "llm-model"),
    *doors("model", "edit", "post:llm-model-test"),
    *kept("tool", "tool"),
    *kept("credential", "credential"),
    # people
    *doors("person", "view", "get:user-list? get:user-detail", closed=True),
    *doors("person", "create", "post:user-list"),
    *doors("person", "edit", "patch:user-detail post:user-sign-out"),
    *doors("audit", "view", "get:audit-list? get:audit-detail", query="search=findme", closed=True),
    *doors("token", "edit", "delete:api-token-detail"),
]
