# SPDX-License-Identifier: GPL-2.0-or-later
"""web.py - web servers that run PHP, as tests start them: an instance of our own, in a folder of its own, on this machine
alone; and a request to each."""
import http.client
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse

MODULES = ["-d", "extension=ffi", "-d", "ffi.enable=1", "-d", "display_errors=0"]
OPCACHE = ["-d", "zend_extension=opcache", "-d", "opcache.enable=1"]


class Server:
    """A server in the foreground, whose children serve. It is over when it and they are."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="swtrace-web-")
        self.proc = None

    def start(self, argv):
        with open(os.path.join(self.folder, "log"), "w") as log:
            # Apache ends its whole process group: it must have one of its own, and yet end when we are killed.
            self.proc = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *argv], stdin=subprocess.DEVNULL,
                                         stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        self.wait_for(self.is_up)

    def wait_for(self, condition):
        deadline = time.monotonic() + 20
        while not condition():
            assert self.proc.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def log(self):
        with open(os.path.join(self.folder, "log")) as f:
            return f"{self.proc.args}: {f.read()}"

    def workers(self):
        with open(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def end(self):
        if self.proc:
            self.proc.terminate()
            try:
                self.proc.wait(10)
            finally:
                self.proc.kill()
                self.proc.wait()
        shutil.rmtree(self.folder)


class Fpm(Server):
    """php-fpm with a fixed number of workers behind a socket."""

    def __init__(self, program, workers, options=()):
        super().__init__()
        self.n_workers = workers
        self.socket = os.path.join(self.folder, "socket")
        config = os.path.join(self.folder, "fpm.conf")
        with open(config, "w") as f:
            f.write(f"[global]\nerror_log = {self.folder}/error\n[www]\nuser = root\ngroup = root\n"
                    f"listen = {self.socket}\npm = static\npm.max_children = {workers}\n")
        self.start([program, "-F", "-R", "-n", *MODULES, *options, "-y", config])

    def is_up(self):
        return os.path.exists(self.socket) and len(self.workers()) == self.n_workers

    def get(self, script, **query):
        """The body that the script answers with."""
        head, _, body = self.ask(script, **query).partition(b"\r\n\r\n")
        assert b"Status:" not in head, f"{head} {self.log()}"
        return body.decode()

    def ask(self, script, **query):
        """All that is answered, whatever it is."""
        params = {"SCRIPT_FILENAME": script, "SCRIPT_NAME": "/", "REQUEST_METHOD": "GET", "REQUEST_URI": "/",
                  "QUERY_STRING": urllib.parse.urlencode(query)}
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.socket)
            s.sendall(fcgi_request(params))
            return fcgi_answer(s)


# FastCGI: records of version 1, type, request id 1, length of the content.
FCGI_BEGIN, FCGI_END, FCGI_PARAMS, FCGI_STDIN, FCGI_STDOUT = 1, 3, 4, 5, 6


def fcgi_record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def fcgi_request(params):
    """A request of the role "responder" without a body. Lengths from 128 take four bytes, the highest bit set."""
    def length(n):
        return struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 1 << 31)
    pairs = [(k.encode(), v.encode()) for k, v in params.items()]
    content = b"".join(length(len(k)) + length(len(v)) + k + v for k, v in pairs)
    return (fcgi_record(FCGI_BEGIN, struct.pack(">HB5x", 1, 0)) + fcgi_record(FCGI_PARAMS, content)
            + fcgi_record(FCGI_PARAMS) + fcgi_record(FCGI_STDIN))


def fcgi_answer(s):
    """What the application writes to its standard output, up to the end of the request."""
    out = b""
    with s.makefile("rb") as f:
        while True:
            head = f.read(8)
            assert len(head) == 8, f"the answer ends early: {out[:200]}"
            _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
            content = f.read(length)
            f.read(padding)
            if kind == FCGI_STDOUT:
                out += content
            elif kind == FCGI_END:
                return out


class Apache(Server):
    """Apache with PHP as a module, one process that serves, on a port of this machine alone."""

    CONFIG = """
ServerName localhost
ServerRoot {folder}
PidFile {folder}/pid
ErrorLog {folder}/error
Listen 127.0.0.1:{port}
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule php_module {modules}/libphp8.2.so
StartServers 1
MinSpareServers 1
MaxSpareServers 1
MaxRequestWorkers 1
DocumentRoot {scripts}
PHPIniDir {folder}
<FilesMatch "[.]php$">
SetHandler application/x-httpd-php
</FilesMatch>
"""

    def __init__(self, scripts, ini):
        super().__init__()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(self.folder, "apache.conf")
        with open(config, "w") as f:
            f.write(self.CONFIG.format(folder=self.folder, port=self.port, scripts=scripts,
                                       modules="/usr/lib/apache2/modules"))
        with open(os.path.join(self.folder, "php.ini"), "w") as f:
            f.write("\n".join(o for o in [*MODULES, *ini] if o != "-d") + "\n")
        self.start(["/usr/sbin/apache2", "-DFOREGROUND", "-f", config])

    def is_up(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0 and len(self.workers()) == 1

    def get(self, script, **query):
        """The body that the script answers with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", f"/{os.path.basename(script)}?{urllib.parse.urlencode(query)}",
                           headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        assert answer.status == 200, f"{answer.status} {body} {self.log()}"
        return body
