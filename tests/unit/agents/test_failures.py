"""What each failure of a provider means for the step."""

from __future__ import annotations

import pytest
from pydantic_ai import exceptions as ai

from agents.failures import explain


def explained(error, secret=""):
    return explain(error, name="GPT", sent="the prompt", secret=secret)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "bad_request", False),
        (401, "bad_key", False),
        (403, "forbidden", False),
        (404, "not_found", False),
        (408, "timeout", True),
        (413, "bad_request", False),
        (422, "bad_request", False),
        (429, "rate_limited", True),
        (500, "provider_failed", True),
        (502, "provider_failed", True),
        (503, "provider_failed", True),
        (529, "provider_failed", True),
    ],
)
def test_a_status_decides_whether_to_try_again(status, code, retryable):
    error = explained(ai.ModelHTTPError(status, "gpt", {"message": "no"}))
    assert (error.code, error.retryable) == (code, retryable)
    assert error.details["status"] == status
    assert error.message.startswith(("“GPT”", "The "))
    assert error.received == '{"message":"no"}'


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (ai.ModelConnectionError("gpt", "refused"), "connection", True),
        (ai.ModelTimeoutError("gpt", "slow"), "timeout", True),
        (ai.ModelRequestTimeout("gpt", 3), "timeout", True),
        (ai.ModelQuotaExceededError("gpt", "no credit"), "quota", False),
        (ai.ModelContextWindowExceededError("gpt", "too long"), "context_length", False),
        (ai.ModelRateLimitError("gpt", "slow down", in_stream=True), "rate_limited", True),
        (ai.ModelRequestRejectedError("gpt", "no", in_stream=True), "bad_request", False),
        (ai.ModelServerError("gpt", "ours", in_stream=True), "provider_failed", True),
        (ai.ModelAPIError("gpt", "something", in_stream=True), "provider_failed", True),
        (ai.ContentFilterError("filtered"), "content_filter", False),
        (ai.UnexpectedModelBehavior("nonsense"), "bad_response", True),
        (ai.UserError("no tools"), "configuration", False),
        (ValueError("a defect"), "provider_failed", False),
    ],
)
def test_a_class_of_failure_decides_whether_to_try_again(error, code, retryable):
    found = explained(error)
    assert (found.code, found.retryable) == (code, retryable)
    assert found.received


def test_llama_cpps_words_for_a_prompt_that_is_too_long_are_known():
    body = {"error": {"message": "request (6031 tokens) exceeds the available context size (4096 tokens)"}}
    assert explained(ai.ModelHTTPError(400, "local", body)).code == "context_length"


def test_how_long_to_wait_is_passed_on():
    error = ai.ModelHTTPError(429, "gpt", None, headers={"Retry-After": "12"})
    assert explained(error).details["retry_after_s"] == 12


def test_a_secret_is_blotted_out_of_everything():
    error = explained(ai.ModelHTTPError(401, "gpt", {"message": "Bad key sk-123."}), secret="sk-123")
    assert "sk-123" not in f"{error.message}{error.sent}{error.received}{error.details}"
    assert "Bad key •••." in error.received


def test_what_is_shown_is_bounded():
    error = explain(ai.ModelHTTPError(500, "gpt", "x" * 9999), name="GPT", sent="y" * 9999, secret="")
    assert (len(error.sent), len(error.received)) == (4096, 4096)


def test_a_key_that_gemini_refuses_with_400_is_a_bad_key():
    error = ai.ModelHTTPError.for_category(
        ai.ModelAuthenticationError, status_code=400, model_name="gemini", body={"error": "API_KEY_INVALID"}
    )
    assert explained(error).code == "bad_key"
