"""The http step against a real server on this machine."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from steps import outbound
from steps.base import Cancelled, StepError
from steps.http import Http


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.seen.append(
            {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        )
        name = self.path.split("?")[0].strip("/").replace("/", "_").replace("-", "_")
        getattr(self, f"on_{name.split('_', 1)[0]}", self.on_echo)(name)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815

    def reply(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_echo(self, _):
        self.reply(200, json.dumps(self.server.seen[-1]).encode())

    def on_status(self, name):
        status = int(name.split("_")[1])
        self.reply(status, b'{"why": "because"}', Retry_After="7")

    def on_text(self, _):
        self.reply(
            200, "grüß dich".encode("latin-1"), "text/plain; charset=latin-1", Set_Cookie="s=1", X_Tokens="7"
        )

    def on_badjson(self, _):
        self.reply(200, b"{not json")

    def on_big(self, _):
        self.reply(200, b"x" * 100_000, "text/plain")

    def on_zip(self, _):
        self.reply(200, gzip.compress(b"0" * 50_000_000), "text/plain", Content_Encoding="gzip")

    def on_to(self, name):
        where = {"own": "/echo", "metadata": "http://169.254.169.254/latest/", "file": "file:///etc/passwd"}
        target = where.get(name.split("_")[-1]) or self.server.elsewhere
        self.reply(307 if "307" in name else 302, Location=target)

    def on_loop(self, _):
        self.reply(302, Location="/loop")

    def on_cut(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def on_slow(self, name):
        if name == "slow_body":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
        self.server.asked.set()
        while not self.server.done.wait(0.02):
            try:
                self.wfile.write(b"x" if name == "slow_body" else b"H")
            except OSError:
                return


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Nothing: clients that hang up are what is tested."""


@pytest.fixture
def serve():
    """Start servers; each has `seen`, the requests it got."""
    running = []

    def start(elsewhere="", context=None):
        server = Server(("127.0.0.1", 0), Handler)
        server.seen, server.elsewhere = [], elsewhere
        if context:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(context)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.asked, server.done = threading.Event(), threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.done.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(serve, settings):
    server = serve()
    settings.HTTP_ALLOW = [f"127.0.0.1:{server.server_port}"]
    return server


def certified(path, name):
    """A self-signed certificate for `name` with its key, as a PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(serve, settings, tmp_path, monkeypatch):
    """Start a TLS server whose certificate is for `name` and, unless told otherwise, trusted."""

    def start(name, *, trusted=True):
        pem = certified(tmp_path / "server.pem", name)
        server = serve(context=pem)
        settings.HTTP_ALLOW = [f"localhost:{server.server_port}", f"127.0.0.1:{server.server_port}"]
        if trusted:
            monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(pem))
        return server

    return start


@pytest.fixture
def credential(monkeypatch):
    """A credential `erp` whose headers are given here."""
    from agents import verbs

    headers = {"X-Api-Key": "s3cr3t-value"}
    monkeypatch.setattr(verbs, "auth_for", lambda slug: headers if slug == "erp" else {})
    return headers


def run(at_work, **config):
    return Http().run(at_work(config))


def test_json_comes_back_as_json(at_work, server):
    result = run(at_work, url=f"{server.url}/echo", query={"q": "a b", "n": 3, "none": None})
    assert result.output["status"] == 200
    assert result.output["json"]["path"] == "/echo?q=a+b&n=3"
    assert result.output["headers"]["content-type"] == "application/json"
    assert result.line == "200 OK"
    assert "text" not in result.output


def test_text_comes_back_in_its_own_encoding_and_cookies_are_veiled(at_work, server):
    output = run(at_work, url=f"{server.url}/text").output
    assert output["text"] == "grüß dich"
    assert output["headers"]["set-cookie"] == "•••"
    assert output["headers"]["x-tokens"] == "7"


def test_json_that_is_none_comes_back_as_text(at_work, server):
    assert run(at_work, url=f"{server.url}/badjson").output["text"] == "{not json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_call_that_may_change_something_carries_an_idempotency_key(at_work, server, method):
    run(at_work, method=method, url=f"{server.url}/echo", json={"a": [1]})
    seen = server.seen[-1]
    assert seen["headers"]["Idempotency-Key"] == "run-1:step:1:0"
    assert seen["headers"]["Content-Type"] == "application/json"
    assert json.loads(seen["body"]) == {"a": [1]}


def test_a_get_carries_no_idempotency_key_and_an_own_one_wins(at_work, server):
    run(at_work, url=f"{server.url}/echo")
    assert "Idempotency-Key" not in server.seen[-1]["headers"]
    run(at_work, method="POST", url=f"{server.url}/echo", body="hi", headers={"idempotency-key": "mine"})
    assert server.seen[-1]["headers"]["idempotency-key"] == "mine"
    assert server.seen[-1]["body"] == "hi"


def test_the_host_header_names_the_port(at_work, server):
    run(at_work, url=f"{server.url}/echo")
    assert server.seen[-1]["headers"]["Host"] == f"127.0.0.1:{server.server_port}"
    assert "X-Forwarded-For" not in server.seen[-1]["headers"]


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (400, False),
        (401, False),
        (404, False),
        (408, True),
        (409, False),
        (425, True),
        (429, True),
        (500, True),
        (503, True),
    ],
)
def test_an_unexpected_status_fails_and_says_whether_to_try_again(at_work, server, status, retryable):
    with pytest.raises(StepError) as caught:
        run(at_work, method="POST", url=f"{server.url}/status/{status}", json={"order": 7})
    error = caught.value
    assert error.code == "http_status"
    assert error.retryable is retryable
    assert error.details == {"status": status, "retry_after_s": 7}
    assert f"answered {status}" in error.message
    assert '{"order":7}' in error.sent
    assert '{"why": "because"}' in error.received


@pytest.mark.parametrize("expected", [404, "404", "4xx", [200, 404], ["2xx", "4xx"]])
def test_an_expected_status_is_a_success(at_work, server, expected):
    result = run(at_work, url=f"{server.url}/status/404", expect_status=expected)
    assert result.output == {**result.output, "status": 404, "json": {"why": "because"}}


def test_a_success_that_was_not_expected_fails(at_work, server):
    with pytest.raises(StepError, match="answered 200"):
        run(at_work, url=f"{server.url}/echo", expect_status=[201])


@pytest.mark.parametrize("path", ["big", "zip"])
def test_an_answer_over_its_limit_fails_without_being_read_to_the_end(at_work, server, path):
    with pytest.raises(StepError, match="larger than 1,000 bytes") as caught:
        run(at_work, url=f"{server.url}/{path}", max_bytes=1000)
    assert caught.value.code == "too_large"
    assert not caught.value.retryable


def test_a_redirect_is_followed(at_work, server):
    output = run(at_work, method="POST", url=f"{server.url}/to/own", json={"a": 1}).output
    assert output["json"]["method"] == "GET"
    assert output["json"]["body"] == ""
    output = run(at_work, method="POST", url=f"{server.url}/to/307/own", json={"a": 1}).output
    assert output["json"]["method"] == "POST"
    assert output["json"]["body"] == '{"a":1}'


def test_a_redirect_without_end_fails(at_work, server):
    with pytest.raises(StepError, match="redirected more than 5 times"):
        run(at_work, url=f"{server.url}/loop")


def test_a_credential_does_not_follow_a_redirect_elsewhere(at_work, serve, settings, credential):
    other = serve()
    server = serve(elsewhere=f"{other.url}/echo")
    settings.HTTP_ALLOW = ["127.0.0.1"]
    run(
        at_work, url=f"{server.url}/to/elsewhere", credential="erp", headers={"Authorization": "Bearer typed"}
    )
    assert server.seen[-1]["headers"]["X-Api-Key"] == "s3cr3t-value"
    assert "X-Api-Key" not in other.seen[-1]["headers"]
    assert "Authorization" not in other.seen[-1]["headers"]


def test_a_secret_is_shown_nowhere(at_work, server, credential):
    output = run(at_work, url=f"{server.url}/echo?api_key=typed-1", credential="erp").output
    assert output["json"]["headers"]["X-Api-Key"] == "•••"
    assert "s3cr3t" not in json.dumps([output, at_work.logs], default=str)
    with pytest.raises(StepError) as caught:
        run(
            at_work,
            method="POST",
            url=server.url.replace("http://", "http://me:pw-in-url@") + "/status/500?token=typed-2&a=1",
            credential="erp",
            headers={"Authorization": "Bearer typed-3", "X-Plain": "shown"},
        )
    shown = "".join([caught.value.sent, caught.value.received, caught.value.message, str(at_work.logs)])
    for secret in ("s3cr3t-value", "typed-1", "typed-2", "typed-3", "pw-in-url"):
        assert secret not in shown
    assert "X-Plain: shown" in caught.value.sent
    assert "a=1" in caught.value.sent


def test_a_bearer_token_is_hidden_where_the_server_repeats_it_alone(at_work, server, credential):
    credential.clear()
    credential["Authorization"] = "Bearer t0k3n"
    output = run(at_work, method="POST", url=f"{server.url}/echo", body="t0k3n", credential="erp").output
    assert server.seen[-1]["headers"]["Authorization"] == "Bearer t0k3n"
    assert "t0k3n" not in json.dumps(output)


@pytest.mark.parametrize(
    "said", ["me:p4ss", "p4ss", "bWU6cDRzcw==", "bWU6cDRzcw%3D%3D", "Basic bWU6cDRzcw=="]
)
def test_a_password_is_hidden_in_every_spelling(at_work, server, credential, said):
    credential.clear()
    credential["Authorization"] = "Basic bWU6cDRzcw=="
    result = run(at_work, method="POST", url=f"{server.url}/echo", body=said, credential="erp")
    assert result.output["json"]["body"].replace("Basic ", "") == "•••"


def test_an_own_header_does_not_replace_the_credential(at_work, server, credential):
    run(at_work, url=f"{server.url}/echo", credential="erp", headers={"X-Api-Key": "forged"})
    assert server.seen[-1]["headers"]["X-Api-Key"] == "s3cr3t-value"


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection"])
def test_a_header_that_is_set_by_itself_is_refused(at_work, server, name):
    with pytest.raises(StepError, match="is set by itself"):
        run(at_work, url=f"{server.url}/echo", headers={name: "x"})
    assert server.seen == []


def test_a_header_with_a_line_break_is_refused(at_work, server):
    with pytest.raises(StepError) as caught:
        run(at_work, url=f"{server.url}/echo", headers={"X-A": "b\r\nHost: evil"})
    assert caught.value.code == "bad_config"
    assert server.seen == []


def test_without_permission_the_own_network_is_refused(at_work, serve, settings):
    server = serve()
    settings.HTTP_ALLOW = []
    with pytest.raises(StepError, match="HTTP_ALLOW") as caught:
        run(at_work, url=f"{server.url}/echo")
    assert caught.value.code == "address_refused"
    assert not caught.value.retryable
    assert server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/echo",
        "http://127.1:{port}/echo",
        "http://2130706433:{port}/echo",
        "http://0x7f.0.0.1:{port}/echo",
        "http://0177.0.0.1:{port}/echo",
        "http://0.0.0.0:{port}/echo",
        "http://localhost:{port}/echo",
        "http://[::1]:{port}/echo",
        "http://[::ffff:127.0.0.1]:{port}/echo",
        "http://[::127.0.0.1]:{port}/echo",
        "http://[64:ff9b::127.0.0.1]:{port}/echo",
        "http://user@127.0.0.1:{port}/echo",
        "http://example.org@127.0.0.1:{port}/echo",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "https://127.0.0.1:{port}/echo",
        "http://0:{port}/echo",
        "http://127.0.1:{port}/echo",
        "http://127.255.255.254:{port}/echo",
        "http://0x7f000001:{port}/echo",
        "http://0x7F.1:{port}/echo",
        "http://017700000001:{port}/echo",
        "http://0177.0x0.0.01:{port}/echo",
        "http://LOCALHOST:{port}/echo",
        "http://[::]:{port}/echo",
        "http://[0:0:0:0:0:0:0:1]:{port}/echo",
        "http://[::ffff:7f00:1]:{port}/echo",
        "http://[::ffff:a9fe:a9fe]/latest/meta-data/",
        "http://[2002:7f00:1::]:{port}/echo",
        "http://[64:ff9b:1::7f00:1]:{port}/echo",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://%31%32%37.0.0.1:{port}/echo",
        "http://example.org:80@127.0.0.1:{port}/echo",
        "http://me:pw@[::1]:{port}/echo",
        "http://2852039166/latest/meta-data/",
        "http://0xa9fea9fe/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://172.31.255.255/",
        "http://192.0.0.1/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
    ],
)
def test_every_spelling_of_a_private_address_is_refused(at_work, serve, settings, url):
    server = serve()
    settings.HTTP_ALLOW = []
    with pytest.raises(StepError) as caught:
        run(at_work, url=url.format(port=server.server_port))
    assert caught.value.code == "address_refused"
    assert server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.:{port}/echo",
        "http://localhost.:{port}/echo",
        "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:{port}/echo",
        "http://\uff11\uff12\uff17.0.0.1:{port}/echo",
        "http://127\u30020\u30020\u30021:{port}/echo",
        "http://169.254.169.254./latest/meta-data/",
    ],
)
def test_a_spelling_that_only_some_systems_read_as_an_address_reaches_nothing(at_work, serve, settings, url):
    """Refused as no address or as private, or, where the system knows no such name, not connected."""
    server = serve()
    settings.HTTP_ALLOW = []
    with pytest.raises(StepError) as caught:
        run(at_work, url=url.format(port=server.server_port))
    assert caught.value.code in ("bad_config", "address_refused", "connection")
    assert server.seen == []


@pytest.mark.parametrize("where", ["metadata", "file"])
def test_a_redirect_to_a_forbidden_place_is_refused(at_work, server, where):
    with pytest.raises(StepError) as caught:
        run(at_work, url=f"{server.url}/to/{where}")
    assert caught.value.code == "address_refused"


def test_a_redirect_to_another_port_of_an_allowed_host_is_refused(at_work, serve, settings):
    other = serve()
    server = serve(elsewhere=f"{other.url}/echo")
    settings.HTTP_ALLOW = [f"127.0.0.1:{server.server_port}"]
    with pytest.raises(StepError, match="HTTP_ALLOW"):
        run(at_work, url=f"{server.url}/to/elsewhere")
    assert other.seen == []


def test_a_name_that_changes_its_address_gets_nowhere(at_work, serve, settings, monkeypatch):
    """DNS rebinding: the address that was checked is the one that is connected to."""
    server = serve()
    settings.HTTP_ALLOW = []
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked = []

    def resolve(host, port, *args, **kwargs):
        asked.append(host)
        address = next(answers) if host == "rebind.test" else host
        return [(2, 1, 6, "", (address, port or 0))]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    connected = []

    def connect(address, *args, **kwargs):
        connected.append(address)
        raise OSError("no network here")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(StepError) as caught:
        run(at_work, url=f"http://rebind.test:{server.server_port}/echo")
    assert caught.value.code == "connection"
    assert connected == [("93.184.216.34", server.server_port)]
    assert asked.count("rebind.test") == 1


def test_a_name_with_one_private_address_among_public_ones_is_refused(at_work, settings, monkeypatch):
    settings.HTTP_ALLOW = []
    addresses = [(2, 1, 6, "", ("93.184.216.34", 0)), (2, 1, 6, "", ("10.0.0.5", 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: addresses)
    with pytest.raises(StepError) as caught:
        run(at_work, url="http://mixed.test/")
    assert caught.value.code == "address_refused"


@pytest.mark.parametrize(
    "entry", ["127.0.0.1", "127.0.0.1:{port}", "127.0.0.0/8", "localhost", "localhost:{port}", "LOCALHOST"]
)
def test_an_allowed_place_is_reached(at_work, serve, settings, entry):
    server = serve()
    settings.HTTP_ALLOW = [entry.format(port=server.server_port)]
    host = "localhost" if "local" in entry.lower() else "127.0.0.1"
    assert run(at_work, url=f"http://{host}:{server.server_port}/echo").output["status"] == 200


@pytest.mark.parametrize("entry", ["127.0.0.1:1", "localhost", "127.0.0.2", "10.0.0.0/8", "[::1]:{port}"])
def test_a_permission_for_something_else_does_not_help(at_work, serve, settings, entry):
    server = serve()
    settings.HTTP_ALLOW = [entry.format(port=server.server_port)]
    with pytest.raises(StepError, match="HTTP_ALLOW"):
        run(at_work, url=f"{server.url}/echo")


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ("Erp.local:8080", outbound.Allowed("erp.local", "", 8080)),
        ("erp.local.", outbound.Allowed("erp.local", "", None)),
        ("10.1.2.3:80", outbound.Allowed("", "10.1.2.3/32", 80)),
        ("10.1.0.0/16", outbound.Allowed("", "10.1.0.0/16", None)),
        ("fd00::/8", outbound.Allowed("", "fd00::/8", None)),
        ("::1", outbound.Allowed("", "::1/128", None)),
        ("[::1]:99", outbound.Allowed("", "::1/128", 99)),
    ],
)
def test_entries_of_http_allow_are_read(entry, read):
    assert outbound.allowed(entry) == read


def test_the_environments_proxy_is_not_used(at_work, server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert run(at_work, url=f"{server.url}/echo").output["status"] == 200


def test_a_refused_connection_can_be_tried_again(at_work, serve, settings):
    server = serve()
    settings.HTTP_ALLOW = ["127.0.0.1"]
    port = server.server_port
    server.shutdown()
    server.server_close()
    with pytest.raises(StepError) as caught:
        run(at_work, url=f"http://127.0.0.1:{port}/")
    assert caught.value.code == "connection"
    assert caught.value.retryable
    assert "refused" in caught.value.message


def test_a_name_that_nobody_knows_is_a_failed_connection(at_work, monkeypatch):
    def resolve(*args, **kwargs):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    with pytest.raises(StepError, match="is not known") as caught:
        run(at_work, url="http://nobody.invalid/")
    assert caught.value.retryable


def test_an_answer_that_breaks_off_can_be_tried_again(at_work, server):
    with pytest.raises(StepError) as caught:
        run(at_work, url=f"{server.url}/cut")
    assert caught.value.code == "connection"
    assert caught.value.retryable


@pytest.mark.parametrize("what", ["headers", "body"])
def test_a_server_that_answers_a_byte_at_a_time_runs_into_the_steps_time(at_work, server, what):
    began = time.monotonic()
    with pytest.raises(StepError) as caught:
        Http().run(at_work({"url": f"{server.url}/slow/{what}"}, timeout_s=1.5))
    assert caught.value.code == "timeout"
    assert caught.value.retryable
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("what", ["headers", "body"])
def test_a_cancel_ends_the_call_at_once(at_work, server, what):
    def cancel():
        server.asked.wait(10)
        at_work.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        Http().run(at_work({"url": f"{server.url}/slow/{what}"}, timeout_s=60))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "/relative", "https://", "http://[bad", "http://a:99999/", "https:///x"]
)
def test_an_address_that_is_none_is_refused(at_work, url):
    with pytest.raises(StepError, match="must begin with https://") as caught:
        run(at_work, url=url)
    assert caught.value.code == "bad_config"


@pytest.mark.parametrize(
    ("name", "host"),
    [
        (x509.DNSName("localhost"), "localhost"),
        (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), "127.0.0.1"),
    ],
)
def test_the_certificate_is_checked_against_the_name_not_the_address(at_work, secure, name, host):
    server = secure(name)
    output = run(at_work, url=f"https://{host}:{server.server_port}/echo").output
    assert output["json"]["headers"]["Host"] == f"{host}:{server.server_port}"


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.test", True)])
def test_a_certificate_that_does_not_hold_is_refused(at_work, secure, name, trusted):
    server = secure(x509.DNSName(name), trusted=trusted)
    with pytest.raises(StepError, match="certificate of localhost") as caught:
        run(at_work, url=f"https://localhost:{server.server_port}/echo")
    assert caught.value.code == "tls"
    assert not caught.value.retryable
    assert server.seen == []
