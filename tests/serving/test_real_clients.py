"""Clients and proxies that people use, as they are: curl, Java's HttpClient, nginx, HAProxy, Caddy.

A client that would rather speak HTTP/2 asks for it in the head of its first request. It is answered in HTTP/1.1
(RFC 9110 §7.8). What is not installed here is not tried, and the report says so.
"""

import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live import API_KEY, LiveServer, free_port

BIG = 10_000_000
HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
CREATE, LIVE = "/internal/session/create", "/health/live"
NGINX = """
user root; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; client_max_body_size 0;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream service {{ server 127.0.0.1:{service}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port}; listen 127.0.0.1:{port2} http2;
        location / {{ proxy_pass http://service; proxy_set_header Host $host; {version} }}
    }}
}}
"""
HAPROXY = """
global
    log stderr format raw daemon
    hard-stop-after 1s
defaults
    mode http
    timeout connect 5s
    timeout client 15s
    timeout server 15s
    http-reuse {reuse}
frontend all
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{port2} proto h2
    default_backend service
backend service
    option httpchk GET /health/ready
    server one 127.0.0.1:{service} check
"""
CADDY = """
{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2c
    }}
}}
http://127.0.0.1:{port}, http://127.0.0.1:{port2} {{
    reverse_proxy 127.0.0.1:{service}
}}
"""
PROXIES = {
    "nginx with kept connections": (
        "nginx",
        NGINX,
        {"version": 'proxy_http_version 1.1; proxy_set_header Connection "";'},
    ),
    "nginx in HTTP/1.0": ("nginx", NGINX, {"version": ""}),
    "caddy": ("caddy", CADDY, {}),
    "haproxy with kept connections": ("haproxy", HAPROXY, {"reuse": "always"}),
    "haproxy with connections of its own": ("haproxy", HAPROXY, {"reuse": "never"}),
}
RESETS_AFTER_AN_EARLY_ANSWER = {("caddy", "2")}
"""It ends the stream with NO_ERROR, as it may (RFC 9113 §8.1); curl before 8 takes that for a failure."""
JAVA = """
import java.net.URI; import java.net.http.*; import java.util.*; import java.util.concurrent.*;
public class Client {
  static HttpRequest.Builder to(String[] a, String path) {
    return HttpRequest.newBuilder(URI.create(a[0] + path)).header("X-API-Key", a[1]).header("X-Tenant-ID", "acme");
  }
  public static void main(String[] a) throws Exception {
    var text = HttpResponse.BodyHandlers.ofString();
    for (var version : HttpClient.Version.values()) {
      var client = HttpClient.newBuilder().version(version).build();
      var small = HttpRequest.BodyPublishers.ofString("{\\"auth_user_id\\":\\"usr_java\\"}");
      var big = HttpRequest.BodyPublishers.ofByteArray(new byte[%d]);
      var create = to(a, "/internal/session/create").header("Content-Type", "application/json");
      var said = new ArrayList<Object>();
      for (int i = 0; i < 3; i++) said.add(client.send(create.POST(small).build(), text).statusCode());
      said.add(client.send(create.POST(small).expectContinue(true).build(), text).statusCode());
      said.add(client.send(create.POST(big).expectContinue(false).build(), text).statusCode());
      var sent = new ArrayList<CompletableFuture<HttpResponse<String>>>();
      for (int i = 0; i < 50; i++) sent.add(client.sendAsync(to(a, "/health/live").build(), text));
      for (var one : sent) said.add(one.get().statusCode());
      said.add(client.send(to(a, "/internal/session/session/user/usr_java").DELETE().build(), text).statusCode());
      System.out.println(version + " " + said);
    }
  }
}
"""


def program(name: str) -> str:
    """Where a program is. Skips the test, loudly, when it is not installed."""
    found = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if found is None:
        pytest.skip(f"NOT TESTED: {name} is not installed")
    return found


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A body over every limit."""
    path = tmp_path_factory.mktemp("big") / "body"
    path.write_bytes(b'{"auth_user_id":"' + b"a" * BIG + b'"}')
    return path


def curl(url: str, *options: str, data: str | None = None) -> str:
    """The version and the status of the answer as curl tells them; its complaint when there is none."""
    command = [program("curl"), "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", *options]
    if data is not None:
        command += [part for pair in HEADERS.items() for part in ("-H", ": ".join(pair))] + ["--data-binary", data]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("options", [(), ("--http2",), ("--http1.1", "-H", "Expect: 100-continue")], ids=" ".join)
def test_curl_is_answered_in_http_1_1_whatever_it_would_rather_speak(
    options: tuple[str, ...], server: LiveServer, big: Path
) -> None:
    assert curl(server.url + LIVE, *options) == "1.1 200"
    assert curl(server.url + CREATE, *options, data='{"auth_user_id":"usr_curl"}') == "1.1 201"
    assert curl(server.url + CREATE, *options, data=f"@{big}") == "1.1 413"


def test_javas_client_is_answered_whether_it_asks_for_an_upgrade_or_not(server: LiveServer, tmp_path: Path) -> None:
    source = tmp_path / "Client.java"
    source.write_text(JAVA % BIG)
    command = [program("java"), str(source), server.url, API_KEY]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    expected = [201] * 4 + [413] + [200] * 51
    assert done.stdout.splitlines() == [f"HTTP_1_1 {expected}", f"HTTP_2 {expected}"], done.stderr


@contextmanager
def proxy(name: str, service: int, folder: Path) -> Iterator[tuple[str, str]]:
    """A proxy before the service: where it speaks HTTP/1.1, and where HTTP/2."""
    kind, template, values = PROXIES[name]
    port, port2 = free_port(), free_port()
    file = folder / "proxy.conf"
    file.write_text(template.format(folder=folder, service=service, port=port, port2=port2, **values))
    options = {
        "nginx": ["-p", str(folder), "-c", str(file)],
        "haproxy": ["-db", "-f", str(file)],
        "caddy": ["run", "--config", str(file), "--adapter", "caddyfile"],
    }[kind]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([program(kind), *options], stdout=said, stderr=said)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not answers(url):
            assert process.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < deadline, (folder / "said").read_text()
            time.sleep(0.05)
        yield url, f"http://127.0.0.1:{port2}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def answers(url: str) -> bool:
    """Whether the service can be reached there."""
    try:
        with urllib.request.urlopen(url + LIVE, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_passes_on_what_the_service_says(name: str, server: LiveServer, big: Path, tmp_path: Path) -> None:
    with proxy(name, server.port, tmp_path) as (url, url2):
        for place, version, options in ((url, "1.1", ()), (url2, "2", ("--http2-prior-knowledge",))):
            for _ in range(5):
                assert curl(place + LIVE, *options) == f"{version} 200"
                assert curl(place + CREATE, *options, data='{"auth_user_id":"usr_proxy"}') == f"{version} 201"
                assert curl(place + "/nowhere", *options) == f"{version} 404"
                assert curl(place + CREATE, *options, data="{") == f"{version} 400"
                if (name, version) not in RESETS_AFTER_AN_EARLY_ANSWER:
                    assert curl(place + CREATE, *options, data=f"@{big}") == f"{version} 413"
