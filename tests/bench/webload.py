# SPDX-License-Identifier: GPL-2.0-or-later
"""webload.py - php-fpm with one worker, behind nginx, under wrk: instances of our own, in folders of their own, on this
machine alone."""
import os
import re
import socket
import subprocess

from harness import ROOT
from tools import end
from web import Fpm, OPCACHE, Server

SECONDS = 2
CONFIG = """
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            fastcgi_pass unix:{socket};
            fastcgi_param SCRIPT_FILENAME {script};
            fastcgi_param SCRIPT_NAME /;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param TEMPLATES {folder}/templates;
        }}
    }}
}}
"""


class Nginx(Server):
    """nginx in front of a php-fpm, for one script."""

    def __init__(self, fpm, script):
        super().__init__()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w") as f:
            f.write(CONFIG.format(folder=self.folder, port=self.port, socket=fpm.socket, script=script))
        self.start(["/usr/sbin/nginx", "-e", f"{self.folder}/error", "-c", config])

    def is_up(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0


def cpu_ns(pid):
    """CPU time of a process of one thread."""
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0])


class WebLoad:
    def __enter__(self):
        self.servers = []
        try:
            options = [*OPCACHE, "-d", "extension=ctype", "-d", "extension=mbstring"]
            self.fpm = Fpm("/usr/sbin/php-fpm8.2", 1, options)
            self.servers.append(self.fpm)
            self.nginx = Nginx(self.fpm, os.path.join(ROOT, "tests/bench/work/page.php"))
            self.servers.append(self.nginx)
            self.load(1)  # compiles the scripts and the template
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.end()

    def load(self, seconds):
        """Nanoseconds a request: CPU time of the worker, and between two answers."""
        pid, = self.fpm.workers()
        cpu = cpu_ns(pid)
        done = subprocess.run(["wrk", "-t1", "-c2", f"-d{seconds}s", f"http://127.0.0.1:{self.nginx.port}/"],
                              stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
        if re.search("Non-2xx|Socket errors", done):
            raise RuntimeError(f"wrk: {done} {self.fpm.log()}")
        count, rate = (float(re.search(form, done)[1]) for form in (r"(\d+) requests in", r"Requests/sec: +([0-9.]+)"))
        return {"cpu": (cpu_ns(pid) - cpu) / count, "wall": 1e9 / rate}

    def measure(self, variant):
        pid, = self.fpm.workers()
        tool = variant.attach(pid) if variant.attach else None
        taken = self.load(SECONDS)
        end(tool)
        if self.fpm.workers() != [pid]:
            raise RuntimeError(f"the worker has ended: {self.fpm.log()}")
        return taken
