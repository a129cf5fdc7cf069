"""The providers by the name that ``LLMModel.provider`` stores."""

from __future__ import annotations

from agents.models import LLMModel
from agents.providers.anthropic import Anthropic
from agents.providers.base import Provider
from agents.providers.gemini import Gemini
from agents.providers.local import Local
from agents.providers.openai import OpenAI
from agents.providers.openai_compatible import OpenAICompatible

PROVIDERS: dict[str, Provider] = {
    LLMModel.Provider.LOCAL: Local(),
    LLMModel.Provider.OPENAI: OpenAI(),
    LLMModel.Provider.OPENAI_COMPATIBLE: OpenAICompatible(),
    LLMModel.Provider.GEMINI: Gemini(),
    LLMModel.Provider.ANTHROPIC: Anthropic(),
}
