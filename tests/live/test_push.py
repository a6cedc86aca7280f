# SPDX-License-Identifier: GPL-2.0-or-later
"""test_push.py - profiles for pprof, in a file and sent to a server: one that takes them, and ones that do not."""
import base64
import glob
import http.server
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from harness import command, equal, test, waiting_test
from pprof import Profile

BLOCK = 3001
SECRET = "geheimnis"


class Server:
    """A server on loopback. It answers what it is told to, the last answer for ever; None: nothing at all; (status, seconds): come
    back then."""

    def __init__(self, *answers, tls=None, flood=False):
        self.requests = []
        self.times = []  # of their arrival
        self.asked = []  # paths that it was asked for; it has none
        self.over = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = answers[min(len(server.requests), len(answers) - 1)]
                server.times.append(time.monotonic())
                server.requests.append((self.path, self.headers, body))
                if answer is None:
                    server.over.wait(60)
                    return
                status, after = answer if isinstance(answer, tuple) else (answer, None)
                self.send_response(status)
                if after:
                    self.send_header("Retry-After", str(after))
                self.send_header("Location", f"http://127.0.0.1:{server.port}/elsewhere")
                self.end_headers()
                while flood and not server.over.is_set():
                    self.wfile.write(b"x" * 65536)

            def do_GET(self):
                server.asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # of clients that go away

        self.http = Quiet(("127.0.0.1", 0), Handler)
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def url(self, path="/ingest", scheme="http", user="", host="127.0.0.1"):
        return f"{scheme}://{user}{host}:{self.port}{path}"

    def gaps(self):
        """Seconds from each request to the next."""
        return [later - earlier for earlier, later in zip(self.times, self.times[1:])]

    def wait(self, n, seconds=20):
        deadline = time.monotonic() + seconds
        while len(self.requests) < n:
            assert time.monotonic() < deadline, f"{len(self.requests)} requests instead of {n} in {seconds} s"
            time.sleep(0.02)


def slurp(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def said(tracer, text):
    return [line for line in tracer.said if text in line]


@test
def a_profile_is_written_at_every_report_and_sent_to_pyroscope(run):
    php = run.php()
    with Server(200) as server, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.pb.gz")
        began = time.time()
        tracer = run.trace("-p", php.pid, "-i", 0.4, "--pprof", path, "--listen", "0", "--push", server.url())
        php.ask(f"native 50 {BLOCK}")
        php.ask("churn 1000")
        tracer.wait("report")
        tracer.wait("report")
        equal(tracer.finish(), 0, "exit code")
        equal(os.listdir(folder), ["one.pb.gz"], "files")
        with open(path, "rb") as f:
            written = f.read()
        path, headers, body = server.requests[-1]
        equal(body, written, "what was sent last, and what was written last")
        profile = Profile(body)
        equal(profile.types, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"], "types")
        equal(profile.live("leak_native"), (50 * BLOCK, 50), "leaked")
        # What was allocated counts, also where nothing of it lives any more: of json_decode, three texts and an array each time.
        equal((profile.live("churn")[1] < 10, profile.allocated("churn")[1] >= 4000), (True, True), "churned")
        equal(profile.files[0], "php8.2", "the first file")
        labels = next(labels for names, _, labels in profile.samples if "leak_native" in names)
        equal((labels["pid"], labels["comm"], labels["layer"]), (php.pid, "php8.2", "libc"), "labels")
        url = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))
        host = "".join(c if c.isalnum() or c in "._-" else "_" for c in socket.gethostname())
        equal((url.path, query["name"], query["format"]), ("/ingest", f"php8.2{{host={host}}}", "pprof"), "request")
        assert began - 2 < int(query["from"]) < int(query["until"]) <= time.time(), query
        equal(headers["Authorization"], None, "authorization")
        times = [Profile(body).time_ns for _, _, body in server.requests]
        equal(times, sorted(set(times)), "moments, each once")
        equal(len(said(tracer, f"push: {server.url()}: {len(times)} profiles sent")), 1, tracer.said)


@test
def parcas_gateway_gets_json_and_profiles_come_as_often_as_is_asked_for(run):
    php = run.php()
    with Server(200) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.2, "--push-every", 1, "--push",
                           server.url("/api/profiles/writeraw", host="localhost"))
        php.ask(f"native 50 {BLOCK}")
        for _ in range(12):
            tracer.wait("report")
        equal(tracer.finish(), 0, "exit code")
        assert 3 <= len(server.requests) <= 5, len(server.requests)
        path, headers, body = server.requests[-1]
        equal((path, headers["Content-Type"]), ("/api/profiles/writeraw", "application/json"), "request")
        o = json.loads(body)
        equal(o["normalized"], True, "addresses are those of files")
        series, = o["series"]
        labels = {x["name"]: x["value"] for x in series["labels"]["labels"]}
        equal((labels["__name__"], labels["job"]), ("memory", "php8.2"), "labels")
        profile = Profile(base64.b64decode(series["samples"][0]["rawProfile"], validate=True))
        equal(profile.live("leak_native"), (50 * BLOCK, 50), "leaked")


@test
def a_server_that_fails_gets_the_same_profiles_later(run):
    php = run.php()
    with Server(500, 503, 200) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.3, "--push", server.url())
        tracer.hear("cannot send: it answers with HTTP status 500; it is tried again")
        tracer.hear("profiles are sent again")
        equal(tracer.finish(), 0, "exit code")
        bodies = [body for _, _, body in server.requests]
        equal((bodies[0], bodies[1]), (bodies[1], bodies[2]), "the first profile")
        equal(len(set(bodies)), len(bodies) - 2, "the others")
        equal(len(said(tracer, "cannot send")), 1, tracer.said)


@waiting_test
def a_server_that_fails_is_asked_again_later_each_time(run):
    php = run.php()
    with Server(503, 503, 200) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.2, "--push", server.url())
        server.wait(3)
        equal(tracer.finish(), 0, "exit code")
        first, second, *_ = server.gaps()
        assert 0.5 <= first and 1 <= second, server.gaps()  # a second, then two; of each up to a half by chance less


@waiting_test
def a_server_that_says_when_to_come_back_is_left_alone_until_then(run):
    php = run.php()
    with Server((429, 3), 200) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.2, "--push", server.url())
        server.wait(2)
        equal(tracer.finish(), 0, "exit code")
        assert server.gaps()[0] >= 3, server.gaps()
        equal(server.requests[0][2], server.requests[1][2], "the profile that comes again")


@waiting_test
def a_server_that_hangs_holds_up_neither_tracing_nor_its_end(run):
    php = run.php()
    with Server(None) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.2, "--push", server.url())
        server.wait(1)
        thread, = [t for t in glob.glob(f"/proc/{tracer.proc.pid}/task/*") if slurp(t + "/comm") == "swtrace-push\n"]
        assert "CapEff:\t0000000000000000\n" in slurp(thread + "/status"), "who talks to a server has no rights"
        began = time.monotonic()
        for _ in range(5):
            tracer.wait("report", seconds=3)
        assert time.monotonic() - began < 3, "reports come as before"
        began = time.monotonic()
        equal(tracer.finish(), 2, "exit code")
        assert time.monotonic() - began < 8, "it ends within seconds"
        equal(len(server.requests), 1, "requests at a time")
        equal(len(said(tracer, "still waiting in the end")), 1, tracer.said)


@waiting_test
def without_a_server_the_oldest_profiles_are_dropped_and_counted(run):
    php = run.php()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/ingest"
        tracer = run.trace("-p", php.pid, "-i", 0.1, "--push", url)
        for _ in range(40):
            tracer.wait("report")
        equal(tracer.finish(), 2, "exit code")
        equal(len(said(tracer, "the oldest are dropped")), 1, tracer.said)
        last, = said(tracer, "lost:")
        assert ": 0 profiles sent" in last and " 32 still waiting in the end" in last, last
        assert int(last.split(" dropped")[0].rpartition(" ")[2]) >= 1, last


@test
def what_is_refused_is_told_and_credentials_never_are(run):
    php = run.php()
    with Server(401) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.3, "--push", server.url(user=f"joe:{SECRET}@"))
        server.wait(2)
        equal(tracer.finish(), 2, "exit code")
        equal(server.requests[0][1]["Authorization"], "Basic " + base64.b64encode(f"joe:{SECRET}".encode()).decode(), "user")
        assert said(tracer, "a profile is refused: it answers with HTTP status 401"), tracer.said
        assert said(tracer, "without encryption"), tracer.said
        assert not said(tracer, SECRET), tracer.said
    with Server(200, 401, 200, 401) as server:
        tracer = run.trace("-p", php.pid, "-i", 0.3, "--push", server.url())
        tracer.hear("a profile is refused")
        tracer.hear("profiles are sent again")
        tracer.hear("a profile is refused")
        equal(tracer.finish(), 0, "exit code")
    code, out, err = command("-p", php.pid, "--push", f"ftp://joe:{SECRET}@127.0.0.1/ingest")
    equal((code, out, SECRET in err), (2, "", False), err)
    assert "/api/profiles/writeraw" in err, err


@test
def a_server_must_prove_who_it_is_and_cannot_send_us_elsewhere_or_flood_us(run):
    php = run.php()
    with tempfile.TemporaryDirectory() as folder:
        pem = os.path.join(folder, "both.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out",
                        pem + ".crt"], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pem + ".crt", pem)
        with Server(200, tls=tls) as server:
            tracer = run.trace("-p", php.pid, "-i", 0.3, "--push", server.url(scheme="https"))
            tracer.hear("cannot send: SSL")
            equal(tracer.finish(), 2, "exit code")
            equal(server.requests, [], "requests to a server that nobody vouches for")
            os.environ.update(SSL_CERT_FILE=pem + ".crt", SWTRACE_PUSH_SECRET=SECRET)
            try:
                code, _, err = command("-i", "0.3", "-n", "2", "--json", "--push", server.url(scheme="https"), "--", "sh", "-c",
                                       "echo $SWTRACE_PUSH_SECRET >&2; sleep 1")
            finally:
                del os.environ["SSL_CERT_FILE"], os.environ["SWTRACE_PUSH_SECRET"]
            equal((code, SECRET in err), (0, False), err)
            assert server.requests, err
            equal(server.requests[0][1]["Authorization"], f"Bearer {SECRET}", "token")
    with Server(302) as server:
        code, _, err = command("-p", php.pid, "-i", 0.3, "-n", 1, "--push", server.url())
        equal(([path.partition("?")[0] for path, _, _ in server.requests], code), (["/ingest"], 2), "requests, and exit code")
        assert "HTTP status 302" in err, err
    with Server(200, flood=True) as server:
        began = time.monotonic()
        code, _, err = command("-p", php.pid, "-i", 0.3, "-n", 2, "--push", server.url())
        equal(code, 0, err)
        assert time.monotonic() - began < 6, "an endless answer is not read to its end"
