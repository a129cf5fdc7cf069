"""The process of the local demo model: llama.cpp's own OpenAI-compatible server on a loopback port.

Run by ``agents.local`` as a script, not imported. It is a process of its own because llama.cpp ends
its process when something is badly wrong, and must not take the runs with it. The first line on
standard input is JSON ``{model, name, api_key, context, most_tokens}``; the answer on standard output is
``{"address": "http://127.0.0.1:port"}``. It ends when standard input does, so it never outlives the
process that started it, not even one that was killed.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any

HTTP_THREADS = 32  # each waiting request holds one; more than the workers that usually wait


def serve(wanted: dict[str, Any]) -> Any:
    """Load the model and listen; returns the server, which lives as long as it is referenced."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wanted["model"]
    params.model_alias = {wanted["name"]}  # else answers name the file's path
    params.api_keys = [wanted["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # the system picks a free one
    params.n_ctx = wanted["context"]
    params.n_predict = wanted["most_tokens"]
    params.n_parallel = 1  # one answer at a time, the others queue: two threads collapse on two cores
    params.n_threads_http = HTTP_THREADS
    for pool in (params.cpuparams, params.cpuparams_batch):
        pool.n_threads = 1
        pool.poll = 0
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9
    params.cache_ram_mib = 0
    params.cors_origins = ""  # no web page may read from it
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 0
    return xllamacpp.Server(params)


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # llama.cpp prints where it likes; the answer's channel is ours alone
    server = serve(json.loads(sys.stdin.readline()))
    with suppress(BrokenPipeError):  # who started us was killed meanwhile
        print(json.dumps({"address": server.listening_address}), file=answers, flush=True)
        sys.stdin.read()
    os._exit(0)  # llama.cpp's threads would hold up an orderly exit, for ever if nobody reads them


if __name__ == "__main__":
    main()
