# SPDX-License-Identifier: GPL-2.0-or-later
"""test_requests.py - requests are counted, each once: PHP's, Swoole's, and those that the user names a function for."""
import os
import socket
import time
import urllib.request

from harness import TARGETS, HostPhp, command, equal, test
from web import Apache, Fpm, Server

PROBE = "requests:handle_request"
SWOOLE = os.path.join(TARGETS, "swoole-requests")
HTTP = "_Z23swoole_http_context_newl"
HTTP_SERVER = "_Z32php_swoole_http_server_onReceivePN6swoole6ServerEPNS_8RecvDataE"
TCP = "_Z27php_swoole_server_onReceivePN6swoole6ServerEPNS_8RecvDataE"
WEBSOCKET = "_Z26swoole_websocket_onMessagePN6swoole6ServerEPNS_8RecvDataE"
UDP = "_Z26php_swoole_server_onPacketPN6swoole6ServerEPNS_8RecvDataE"
OTHER = "_Z24swoole_http_context_new2l"
FPM = "/usr/sbin/php-fpm8.2"


def counted(tracer, kind="report"):
    """(number, source) of each process of the last report, by pid."""
    return {p["pid"]: (p["n_requests"], p["requests_by"]) for p in tracer.of(kind)[-1]["processes"]}


def finish(tracer):
    tracer.finish()
    equal(tracer.lost(), {}, "lost")


@test
def calls_of_a_named_function_are_requests_in_all_threads(run):
    target = run.target("requests")
    tracer = run.trace("-p", target.pid, "-i", 60, "--request-probe", PROBE)
    target.ask("serve 1000")
    target.ask("threads 8 500")
    finish(tracer)
    equal(counted(tracer), {target.pid: (5000, "request_probe")})


@test
def a_forked_workers_requests_are_its_own(run):
    target = run.target("requests")
    early = int(target.ask("fork"))
    target.ask("work 7")
    tracer = run.trace("-p", target.pid, "--follow", "-i", 60, "--request-probe", PROBE)
    target.ask("serve 10")
    target.ask("work 20")
    late = int(target.ask("fork"))
    tracer.hear(f"{late}, a child of {target.pid}, is traced, too")
    target.ask("work 30")
    finish(tracer)
    equal({pid: n for pid, (n, _) in counted(tracer).items()}, {target.pid: 10, early: 20, late: 30})


@test
def requests_and_bytes_a_request_are_told_by_milestones(run):
    target = run.target("requests")
    tracer = run.trace("-p", target.pid, "-i", 0.2, "--request-probe", PROBE)
    for _ in range(60):
        target.ask("serve 200")
        tracer.wait("report")
    finish(tracer)
    process = tracer.last_report()["processes"][0]
    equal((process["n_requests"], process["requests_by"]), (12000, "request_probe"))
    assert 50 < process["requests_per_s"] < 1000, process["requests_per_s"]
    growth = process["request_growth"]
    equal([(g["milestone"], g["from_requests"]) for g in growth], [(1000, 0), (10000, growth[0]["to_requests"]),
                                                                   (None, growth[1]["to_requests"])], growth)

    def holds(n_bytes, requests):
        """A report that is late may come when a request has begun, and not allocated yet."""
        return 0 <= 24 * requests - n_bytes <= 24

    for g in growth:
        assert 0 <= g["to_requests"] - (g["milestone"] or 12000) < 300, g
        libc = g["libc"]
        assert holds(libc["gained_bytes"], g["to_requests"]) and abs(libc["bytes_per_request"] - 24) < 0.1, g
        assert 20 < libc["low_bytes_per_request"] <= 24 <= libc["high_bytes_per_request"] < 28, g
    curve = process["request_curve"]
    assert 20 < len(curve) <= 64 and curve[0]["requests"] == 0, curve
    assert all(holds(point["libc"], point["requests"]) for point in curve), curve
    assert curve[0]["rss"] > 1 << 20 and curve[-1]["rss"] > curve[0]["rss"] + 100000, "resident memory"


@test
def the_text_tells_of_requests_and_shows_the_curve(run):
    target = run.target("requests")
    target.ask("serve 5")
    tracer = run.trace("-p", target.pid, "-i", 60, "-d", 1, "--request-probe", PROBE, json_lines=False)
    target.ask("serve 2000")
    text = ""
    while (line := tracer.out.next(20)) is not None:
        text += line + "\n"
    assert "    requests: 2,000 so far, " in text, text
    assert "    libc by requests: by 2,000 +46.9 KiB (+24.0 B a request)\n" in text, text
    assert "      curve [__" in text and "##] 0 B to 46.9 KiB\n" in text, text


@test
def requests_of_swoole_are_counted_once_each(run):
    target = run.target("requests")
    tracer = run.trace("-p", target.pid, "-i", 60, "-v")
    equal(target.ask(f"load {SWOOLE}"), "done")
    tracer.hear("swoole-requests: 4 functions that begin a request probed")
    for function, n in ((HTTP, 100), (WEBSOCKET, 20), (TCP, 3), (UDP, 4), (HTTP_SERVER, 5), (OTHER, 7)):
        equal(target.ask(f"call {function} {n}"), "done")
    finish(tracer)
    # All that HTTP_SERVER gets here but the first (0) is HTTP's; OTHER is none of Swoole's.
    equal(counted(tracer), {target.pid: (100 + 20 + 3 + 4 + 5, "swoole")})


@test
def each_request_to_fpm_is_counted_in_its_worker(run):
    server = run.keep(Fpm(FPM, 2))
    script = os.path.join(HostPhp.scripts, "request.php")
    server.get(script)
    tracer = run.trace("-p", server.proc.pid, "-i", 60)
    for _ in range(23):
        server.get(script)
    finish(tracer)
    seen = counted(tracer)
    equal(sum(seen[pid][0] for pid in server.workers()), 23, seen)
    equal({by for _, by in seen.values()}, {"php"}, seen)


@test
def requests_to_a_module_of_apache_are_counted(run):
    server = run.keep(Apache(HostPhp.scripts, []))
    script = os.path.join(HostPhp.scripts, "request.php")
    server.get(script)
    tracer = run.trace("-p", server.proc.pid, "-i", 60)
    for _ in range(5):
        server.get(script)
    finish(tracer)
    equal(counted(tracer)[server.workers()[0]], (5, "php"))


@test
def the_script_of_phps_command_line_is_no_request(run):
    tracer = run.trace("-i", 60, "--", HostPhp.php, "-r", "$a = str_repeat('x', 100);", wait_for="tracing")
    equal(tracer.finish(interrupt=False), 0)
    equal([(p["n_requests"], p["requests_per_s"]) for p in tracer.last_report()["processes"]], [(None, None)])


@test
def each_request_to_phps_own_server_is_counted(run):
    server = run.keep(PhpServer())
    server.get("request.php")
    tracer = run.trace("-p", server.proc.pid, "-i", 60)
    for _ in range(9):
        server.get("request.php")
    finish(tracer)
    equal(counted(tracer), {server.proc.pid: (9, "php")})


class PhpServer(Server):
    """php -S on a port of this machine alone."""

    def __init__(self):
        super().__init__()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.start([HostPhp.php, "-n", "-S", f"127.0.0.1:{self.port}", "-t", HostPhp.scripts])

    def is_up(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def get(self, script):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{script}", timeout=30) as answer:
            return answer.read()


@test
def counting_begins_anew_with_a_new_program(run):
    program = os.path.join(TARGETS, "requests")
    tracer = run.trace("-i", 60, "--request-probe", PROBE, "--", "bash", "-c",
                       f"exec {program} <<< 'serve 7' >/dev/null")
    equal(tracer.finish(interrupt=False), 0)
    equal([n for n, _ in counted(tracer).values()], [7])


@test
def requests_are_counted_between_windows_too(run):
    target = run.target("requests")
    tracer = run.trace("-p", target.pid, "-i", 60, "--overhead", 1, "--request-probe", PROBE)
    for _ in range(40):
        target.ask("serve 50")
        time.sleep(0.02)
    finish(tracer)
    equal(counted(tracer, "windows"), {target.pid: (2000, "request_probe")})


@test
def requests_of_a_whole_system_are_counted_by_process(run):
    one, two = run.target("requests"), run.target("requests")
    tracer = run.trace("-a", "--exe", "requests", "-i", 60, "--request-probe", PROBE)
    later = run.target("requests")
    deadline = time.monotonic() + 20
    while not known(tracer, later):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for n, target in enumerate((one, two, later), 1):
        target.ask(f"serve {100 * n}")
    finish(tracer)
    equal(counted(tracer), {one.pid: (100, "request_probe"), two.pid: (200, "request_probe"),
                            later.pid: (300, "request_probe")})


def known(tracer, program):
    """Does swtrace hold a pidfd of it?"""
    for fd in os.listdir(f"/proc/{tracer.proc.pid}/fdinfo"):
        try:
            with open(f"/proc/{tracer.proc.pid}/fdinfo/{fd}") as f:
                if f"Pid:\t{program.pid}\n" in f.read():
                    return True
        except OSError:
            pass
    return False


@test
def a_file_or_function_that_is_not_there_is_told_with_what_is_near(run):
    target = run.target("requests")
    code, _, said = command("-p", target.pid, "--request-probe", "requests:handle_requests")
    equal(code, 2, said)
    assert "requests has no function 'handle_requests'" in said and "'handle_request' is near" in said, said
    code, _, said = command("-p", target.pid, "--request-probe", "server:handle_request")
    equal(code, 2, said)
    assert "no traced process maps such a file" in said and "that function is in " + TARGETS + "/requests" in said, said
    code, _, said = command("-p", target.pid, "--request-probe", "server:zzz")
    equal(code, 2, said)
    assert "none of these has the function: " in said and "/requests" in said, said
    equal(target.ask("serve 3"), "done")
