# SPDX-License-Identifier: GPL-2.0-or-later
"""test_reuse.py - PHP code that comes and goes: without opcache a function is compiled anew for each request or include, into
memory where another one was. Frames must be those of today's code, not of what stood there before."""
import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections import Counter

from harness import PHP, HostPhp, Program, RootPhp, equal, test

# What leaks, once a run, by native code, which frees nothing at the end of a request.
LEAK = "FFI::cdef('void *malloc(size_t n);', 'libc.so.6')->malloc(3000);"


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text)


def blocks_by(tracer, what):
    """Live blocks of the leak by what the innermost PHP frame that is none of FFI's says."""
    found = Counter()
    for s in tracer.stacks():
        if s["live_bytes"] % 3000 or s["layer"] != "libc":
            continue
        frames = [f for f in s["frames"] if f["kind"] == "php" and f["file"]]
        if frames:
            found[what(frames)] += s["live_blocks"]
    return dict(found)


def get(port, path):
    deadline = time.monotonic() + 20
    while True:
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            c.request("GET", path)
            answer = c.getresponse()
            equal((answer.status, answer.read()), (200, b"done"), path)
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)


@test
def a_function_of_this_request_is_not_taken_for_one_of_the_last(run):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        for name in "one", "two":
            write(folder, f"{name}.php",
                  f"<?php\nfunction leak_{name}() {{\n    {LEAK}\n}}\nclass In_{name} {{\n    static function go() {{\n"
                  f"        leak_{name}();\n    }}\n}}\nIn_{name}::go();\necho 'done';\n")
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        with subprocess.Popen([PHP, "-d", "ffi.enable=1", "-S", f"127.0.0.1:{port}", "-t", folder], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as server:
            try:
                get(port, "/one.php")
                tracer = run.trace("-p", server.pid, "-i", 60, "-T", 1000)
                for _ in range(20):
                    get(port, "/one.php")
                    get(port, "/two.php")
                    get(port, "/two.php")
                tracer.finish()
            finally:
                server.kill()
        found = blocks_by(tracer, lambda f: tuple(g["function"] for g in f) + (os.path.basename(f[0]["file"]),))
        equal(found, {("leak_one", "In_one::go", "{main}", "one.php"): 20,
                      ("leak_two", "In_two::go", "{main}", "two.php"): 40}, "blocks")


def run_in_each(run, files, what, expected):
    """Run run.php of these files under each PHP, with swtrace at it from its first line on."""
    for php in HostPhp(), RootPhp("bullseye", "php7.4"), RootPhp("trixie", "php8.4"):
        root = getattr(php, "root", "")
        with tempfile.TemporaryDirectory(dir=root + "/tmp") as folder:
            os.chmod(folder, 0o755)
            for name, text in files.items():
                write(folder, name, text)
            program = run.keep(Program(php.argv("-d", "opcache.enable_cli=0", "-d", "ffi.enable=1",
                                                os.path.join(folder, "run.php")[len(root):])))
            tracer = run.trace("-p", program.pid, "-i", 60, "-T", 1000)
            equal(program.ask("go"), "done")
            tracer.finish()
            program.end()
            equal(blocks_by(tracer, what), expected, f"blocks in {php.php}")


def script(body):
    return f"<?php\necho \"ready\\n\";\nfgets(STDIN);\n{body}\necho \"done\\n\";\nfgets(STDIN);\n"


def place(frames):
    return os.path.basename(frames[0]["file"]), frames[0]["line"]


@test
def an_included_file_is_not_taken_for_the_one_before(run):
    template = f"<?php\n$a = 1;\n{LEAK}\n"
    body = "for ($i = 0; $i < 20; $i++)\n    foreach (['one', 'two', 'two'] as $name)\n        include \"$name.php\";"
    run_in_each(run, {"one.php": template, "two.php": template, "run.php": script(body)}, place,
                {("one.php", 3): 20, ("two.php", 3): 40})


@test
def evaluated_code_is_not_taken_for_the_one_before(run):
    body = (f"$code = ['one' => \"\\n{LEAK} \\n\", 'two' => \"\\n\\n{LEAK}\"];\n"
            "for ($i = 0; $i < 20; $i++)\n    foreach (['one', 'two', 'two'] as $name)\n        eval($code[$name]);")
    run_in_each(run, {"run.php": script(body)}, place,
                {("run.php(7) : eval()'d code", 2): 20, ("run.php(7) : eval()'d code", 3): 40})


@test
def a_closure_that_is_gone_keeps_its_name(run):
    """Twenty closures, each made by code of its own and gone before the next; the memory of one is that of the next."""
    body = ("for ($i = 0; $i < 20; $i++) {\n"
            f"    $f = eval(str_repeat(\"\\n\", $i) . \"return function () {{ {LEAK} }};\");\n    $f();\n    unset($f);\n}}")
    run_in_each(run, {"run.php": script(body)}, lambda f: (f[0]["function"].startswith("{closure"), *place(f)),
                {(True, "run.php(5) : eval()'d code", n + 1): 1 for n in range(20)})
