"""The local demo model, for real: llama.cpp and SmolLM2 on this machine, nothing faked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import httpx2
import pytest

from agents import local
from agents.gateway import GatewayError, Passage, Request, complete
from agents.models import LLMModel

ROOT = Path(__file__).resolve().parents[3]
LABEL = {
    "type": "object",
    "properties": {"label": {"enum": ["refund", "other"]}, "sure": {"type": "boolean"}},
    "required": ["label", "sure"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model():
    yield LLMModel(
        name="Local demo model",
        slug="local",
        provider="local",
        model_name="smollm2-135m-instruct",
        timeout_s=60,
        defaults={"temperature": 0},
    )
    local.stop()


def test_a_short_answer_streams_and_its_tokens_are_counted(model):
    heard: list[str] = []
    reply = complete(Request(model, "Say hello in one sentence.", max_tokens=40, on_text=heard.append))
    assert len(heard) > 2
    assert "".join(heard) == reply.text
    assert reply.usage["input_tokens"] > 5
    assert 0 < reply.usage["output_tokens"] <= 40


def test_it_answers_from_a_passage_that_becomes_the_citation(model):
    passages = [
        Passage("A customer may return an item within 30 days with the receipt.", "Handbook.md", 0),
        Passage("The shop sells kettles, toasters and lamps.", "Handbook.md", 1),
    ]
    reply = complete(
        Request(model, "Within how many days may an item be returned?", passages=passages, max_tokens=60)
    )
    assert "30 days" in reply.text
    assert [citation["drawn_on"] for citation in reply.citations] == [True, False]


def test_its_grammar_holds_an_answer_to_the_schema(model):
    reply = complete(Request(model, "Is 'I want my money back' a refund request?", output_schema=LABEL))
    assert reply.data["label"] in ("refund", "other")
    assert isinstance(reply.data["sure"], bool)


def test_an_answer_is_never_longer_than_the_models_limit(model):
    reply = complete(Request(model, "Count from 1 to 1000.", max_tokens=100_000))
    assert reply.usage["output_tokens"] <= local.MOST_TOKENS


def test_a_prompt_beyond_its_context_is_refused_for_good(model):
    with pytest.raises(GatewayError) as caught:
        complete(Request(model, "word " * (local.CONTEXT_TOKENS + 500)))
    assert (caught.value.code, caught.value.retryable) == ("context_length", False)


def test_requests_at_once_queue_and_all_are_answered(model):
    replies = []
    threads = [
        threading.Thread(
            target=lambda: replies.append(complete(Request(model, "Say hello.", max_tokens=8)).text)
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(replies) == 6
    assert all(replies)


def test_a_cancelled_answer_frees_the_model_for_the_next_one(model):
    stop = threading.Event()
    with pytest.raises(GatewayError, match="cancelled"):
        complete(
            Request(
                model,
                "Write a very long story.",
                on_text=lambda _: stop.set(),
                cancelled=stop.is_set,
            )
        )
    began = time.monotonic()
    assert complete(Request(model, "Say hello.", max_tokens=8)).text
    assert time.monotonic() - began < 4  # the story would have taken longer


def test_nobody_without_the_key_may_use_it(model):
    server = local.running()
    body = {"messages": [{"role": "user", "content": "hello"}]}
    answer = httpx2.post(f"{server.address}/v1/chat/completions", json=body, trust_env=False)
    assert answer.status_code == 401
    assert server.address.startswith("http://127.0.0.1:")
    assert server.api_key not in repr(server)


def test_a_crashed_server_is_started_again_at_the_next_use(model):
    first = local.running()
    first.process.kill()
    first.process.wait()
    assert complete(Request(model, "Say hello.", max_tokens=8)).text
    assert local.running().address != first.address


def test_it_ends_with_the_process_that_started_it_even_when_that_is_killed():
    script = """
        import os, sys
        os.environ["DJANGO_SETTINGS_MODULE"] = "orchestrator.settings"
        from agents import local
        print(local.running().process.pid, flush=True)
        sys.stdin.read()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert _runs(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    give_up = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < give_up, "the model's server outlived its parent"
        os.sched_yield()


def _runs(pid):
    """Whether a process is there and not just a corpse that nobody has fetched."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_ends_when_who_started_it_was_killed_before_it_could_say_where_it_is():
    wanted = {"model": str(local.weights()), "name": local.NAME, "api_key": "k"}
    wanted |= {"context": local.CONTEXT_TOKENS, "most_tokens": local.MOST_TOKENS}
    process = subprocess.Popen(
        [sys.executable, "-P", str(local.SCRIPT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(wanted).encode() + b"\n")
    process.stdin.close()
    process.stdout.close()
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()
