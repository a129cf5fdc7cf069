"""Documents over REST: taken as JSON or YAML text, answered in the one that was asked for."""

from __future__ import annotations

from typing import IO, Any

from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer

from builder.document import MAX_BYTES, parse
from orchestrator.errors import TooLarge


class _Text(BaseParser):
    """Reads a document whole, canonical; what cannot be read is answered by the product's own errors."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """The canonical document. Raises Invalid, TooLarge."""
        text = stream.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise TooLarge(f"A document may have {MAX_BYTES // 1024 // 1024} MiB; this one has more.")
        return parse(text, self.media_type)


class JSONDocument(_Text):
    """``application/json``."""

    media_type = "application/json"


class YAMLDocument(_Text):
    """``application/yaml``."""

    media_type = "application/yaml"


class OlderYAMLDocument(_Text):
    """``application/x-yaml``, as many clients still call it."""

    media_type = "application/x-yaml"


class TextYAMLDocument(_Text):
    """``text/yaml``, likewise."""

    media_type = "text/yaml"


PARSERS = [JSONDocument, YAMLDocument, OlderYAMLDocument, TextYAMLDocument]


class AsIs(BaseRenderer):
    """Bytes that are written already."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        """The bytes themselves; a refusal as JSON, which is YAML too."""
        return data if isinstance(data, bytes) else JSONRenderer().render(data)


class AsYAML(AsIs):
    """The same, asked for as YAML."""

    media_type = "application/yaml"
    format = "yaml"


RENDERERS = [AsIs, AsYAML]
