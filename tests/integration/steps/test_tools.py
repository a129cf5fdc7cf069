"""Tools over the real SDK and real HTTP: used by an agent, and turned against the own network and secrets."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from agents import verbs
from agents.models import Credential, Tool
from steps.llm import Llm
from tests import aimock

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "s3cr3t-4711"
NUMBER = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}


class Shop(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.got.append((self.path, self.headers.get("Authorization")))
        said = f"{self.path} has shipped; you are {self.headers.get('Authorization')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


@pytest.fixture
def shop(settings):
    """A shop's server, which repeats what it was authenticated with."""
    server = HTTPServer(("127.0.0.1", 0), Shop)
    server.got = []
    settings.HTTP_ALLOW = [f"127.0.0.1:{server.server_port}"]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def use(at_work, support, mock):
    """Let the agent use `find_order`, at an address; gives the result and the model's second request."""

    def run(url, prompt, credential=None):
        Tool.objects.create(
            name="F", slug="find_order", config={"url": url, "arguments": NUMBER}, credential=credential
        )
        support.tools = ["find_order"]
        support.save()
        before = len(aimock.asked(mock))
        result = Llm().run(at_work({"agent": "support", "prompt": prompt}))
        return result, aimock.asked(mock)[before:]

    return run


def test_an_agent_uses_its_tool_and_answers(use, shop):
    address = f"http://127.0.0.1:{shop.server_port}/orders/{{{{ input.number }}}}"
    result, asked = use(address, "use a tool")
    assert result.output == {"text": "Your order has shipped."}
    assert result.usage == {"input_tokens": 50, "output_tokens": 14}
    assert shop.got == [("/orders/4711", None)]
    assert [request["headers"]["idempotency-key"] for request in asked] == [
        "run-1:step:1:0",
        "run-1:step:1:2",
    ]


def test_a_tools_credential_reaches_its_server_and_nobody_else(use, shop, at_work, caplog):
    key = Credential(name="Shop", slug="shop", kind=Credential.Kind.BEARER)
    verbs.set_secret(key, SECRET)
    key.save()
    address = f"http://127.0.0.1:{shop.server_port}/orders/{{{{ input.number }}}}"
    result, asked = use(address, "look into it", key)
    assert shop.got == [("/orders/4711", f"Bearer {SECRET}")]
    assert "you are •••" in str(asked[1]["body"])
    for place in (str(asked), str(result), str(at_work.logs), str(at_work.emitted), caplog.text):
        assert SECRET not in place


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1:9",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::ffff:10.0.0.1]",
    ],
)
def test_a_tool_does_not_reach_the_own_network(use, host):
    result, asked = use(f"http://{host}/latest/{{{{ input.number }}}}", "look into it")
    assert result.output == {"text": "That is all."}
    assert "private or reserved network" in str(asked[1]["body"])
