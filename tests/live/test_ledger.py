# SPDX-License-Identifier: GPL-2.0-or-later
"""test_ledger.py - the books against a program's own ledger, kept by a preloaded library (tests/ledger): every live
block, by address and size, and every counter, at many moments at which the program stands still. Nothing is tolerated:
what is missing must have been counted as lost.

LEDGER_OPERATIONS and LEDGER_SEED change the random calls; `make ledger` makes ten million."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import ROOT, SWTRACE, Lines, equal, test

LEDGER = os.path.join(os.path.dirname(SWTRACE), "ledger", "ledger")
if not os.path.exists(LEDGER):
    LEDGER = os.path.join(ROOT, "build", "ledger", "ledger")
BUILT = os.path.join(ROOT, "build", "tests", "ledger")
SHIM = os.path.join(BUILT, "ld-shim.so")  # not probed: swtrace sees the real allocator alone
OUTER_SHIM = os.path.join(BUILT, "shim.so")  # probed: the real allocator's calls are nested in its own
CHURN = os.path.join(BUILT, "churn")
WORK = os.path.join(ROOT, "tests", "ledger", "targets")
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
OPERATIONS = int(os.environ.get("LEDGER_OPERATIONS", 300000))
SEED = os.environ.get("LEDGER_SEED", "20261124")
# A call costs up to 20 microseconds here, and machines under load can be ten times slower.
SECONDS = 80 + OPERATIONS // 5000


class Ledger:
    """A program under the ledger."""

    def __init__(self, run, *command, options=(), shim=SHIM, env=None):
        signal.alarm(SECONDS + 10)
        argv = [LEDGER, "-t", str(SECONDS), "-s", shim, *options, *command]
        self.proc = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                     env={**os.environ, "LC_ALL": "C", **(env or {})})
        self.lines = Lines(self.proc.stdout)
        self.said = []
        run.keep(self)

    def await_line(self, part):
        """The next line with that in it, of the program or of the tool."""
        deadline = time.monotonic() + SECONDS
        while (line := self.lines.next(deadline - time.monotonic())) is not None:
            self.said.append(line)
            if part in line:
                return line
        raise AssertionError(f"nothing with {part!r} was said, but {self.said}")

    def counts(self):
        """What was counted, by name, when all has ended."""
        summary = self.await_line("ledger: looks ")
        print("# " + "\n# ".join(self.said[-100:]), flush=True)
        self.proc.wait(30)
        found = {name: int(n) for name, n in re.findall(r"([a-z ]+) (\d+)(?:, |$)", summary.removeprefix("ledger: "))}
        equal(self.proc.returncode, 0, "exit code")
        equal(found["freed twice"], 0, "blocks that were told to be freed twice")
        return found

    def end(self):
        if self.proc.poll() is None:
            self.proc.kill()  # takes the program with it
        self.proc.wait()
        self.proc.stdout.close()


def exact(c, looks, compared):
    """The two were equal, in so many looks at least, and swtrace has nothing to excuse."""
    equal([c[n] for n in ("missing", "extra", "wrong sizes", "wrong totals")], [0, 0, 0, 0], "differences")
    equal((c["lost"], c["other losses"]), (0, 0), "losses")
    assert c["looks"] >= looks and c["blocks compared"] >= compared, c


def churn(run, threads, n, *argv, **kw):
    """n random calls."""
    print(f"# {n} operations in {threads} threads, seed {SEED}", flush=True)
    c = Ledger(run, CHURN, str(threads), str(n), SEED, *argv, **kw).counts()
    assert c["calls"] >= n and c["most blocks"] >= min(n // 10, 10000), c
    assert "alone" in argv or c["children"] >= n // 20000, c
    return c


@test
def the_books_are_the_ledgers_after_random_calls(run):
    exact(churn(run, 1, OPERATIONS), OPERATIONS // 20000, OPERATIONS // 4)


@test
def the_books_are_the_ledgers_when_eight_threads_free_each_others_blocks(run):
    exact(churn(run, 8, OPERATIONS), OPERATIONS // 20000, OPERATIONS // 4)


@test
def the_books_are_the_ledgers_when_libcs_calls_are_nested_in_another_allocators(run):
    # A look at any moment would be one within a call.
    exact(churn(run, 8, OPERATIONS // 3, shim=OUTER_SHIM, options=["-e", "0"]), 1, 10000)


@test
def the_books_are_the_ledgers_under_jemalloc(run):
    # It has no pvalloc: libc's gives a block of libc's.
    c = churn(run, 8, OPERATIONS // 3, "first", options=["-l", JEMALLOC])
    exact(c, OPERATIONS // 60000, OPERATIONS // 10)
    equal((c["unknown frees"], c["in the ledger"]), (0, 0), "unknown frees")


def all_accounted_for(c):
    """What found no place in the table, or was left out, is missing, or has been freed since."""
    equal([c[n] for n in ("extra", "wrong sizes", "wrong totals", "other losses")], [0, 0, 0, 0], "differences")
    equal(c["lost"] + c["left out"], c["missing at the last look"] + c["unknown frees"], "blocks lost or left out")
    assert c["left out"] > OPERATIONS // 30 and c["lost"] < c["left out"] // 50, c


@test
def each_block_that_a_full_table_lacks_of_the_ledgers_is_counted_once(run):
    # No new threads: their stacks are mappings, which would be lost too.
    all_accounted_for(churn(run, 1, OPERATIONS // 6, "first", "alone", options=["-l", JEMALLOC, "-b", "1000"]))


@test
def a_full_table_lacks_no_block_of_the_ledgers_uncounted_when_eight_threads_race_for_room(run):
    all_accounted_for(churn(run, 8, OPERATIONS // 6, "first", "alone", options=["-l", JEMALLOC, "-b", "1000"]))


class Redis:
    """redis-server that listens at a path alone."""

    def __init__(self, run):
        self.dir = tempfile.mkdtemp(prefix="swtrace-redis-")
        run.keep(self)
        self.path = os.path.join(self.dir, "s")
        self.ledger = Ledger(run, "redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
                             "--appendonly", "no", "--dir", self.dir)
        self.ledger.await_line("ready to accept connections")

    def ask(self, program, *argv):
        done = subprocess.run([program, "-s", self.path, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=80)
        equal(done.returncode, 0, f"{program} {argv}: {done.stdout.decode()}")
        return done.stdout.decode()

    def end(self):
        shutil.rmtree(self.dir, ignore_errors=True)


@test
def the_books_are_the_ledgers_of_a_redis_server_under_load(run):
    redis = Redis(run)
    redis.ask("redis-benchmark", "-q", "-n", "2000", "-c", "10", "-r", "500", "-d", "200",
              "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,mset")
    redis.ask("redis-cli", "eval", "for i = 1, 3000 do redis.call('set', 'k' .. i, string.rep('x', i)) end", "0")
    redis.ask("redis-cli", "eval", "for i = 1, 3000, 3 do redis.call('unlink', 'k' .. i) end", "0")
    redis.ask("redis-cli", "config", "set", "maxclients", "50")
    assert int(redis.ask("redis-cli", "dbsize")) > 2000
    redis.ask("redis-cli", "shutdown", "nosave")
    exact(redis.ledger.counts(), 3, 10000)


def sqlite(run, **kw):
    ledger = Ledger(run, "sqlite3", ":memory:", ".read " + os.path.join(WORK, "load.sql"), **kw)
    ledger.await_line("ok")  # the integrity check
    c = ledger.counts()
    equal((c["unknown frees"], c["in the ledger"]), (0, 0), "unknown frees")
    return c


@test
def the_books_are_the_ledgers_of_sqlite(run):
    exact(sqlite(run, options=["-e", "5000"]), 5, 1000)


@test
def a_free_that_is_handed_on_is_one_by_the_ledgers_count(run):
    exact(sqlite(run, shim=OUTER_SHIM, options=["-e", "0"]), 1, 1)


def python(run, every, **env):
    ledger = Ledger(run, "/usr/bin/python3", "-S", os.path.join(WORK, "load.py"), options=["-e", every], env=env)
    ledger.await_line("work done by python")
    c = ledger.counts()
    assert c["children"] == 1 and c["library changes"] >= 1, c
    return c


@test
def the_books_are_the_ledgers_of_python(run):
    exact(python(run, "1000"), 4, 1000)


@test
def what_the_books_lack_of_the_ledgers_of_a_python_with_too_many_stacks_is_counted(run):
    # Every object is malloc's then. The tool fails where more is missing than lost.
    c = python(run, "10000", PYTHONMALLOC="malloc")
    equal([c[n] for n in ("extra", "wrong sizes", "wrong totals", "other losses")], [0, 0, 0, 0], "differences")
    assert c["missing"] > 0 and c["lost"] > 0 and c["most blocks"] > 20000, c


@test
def the_books_are_the_ledgers_of_php_on_malloc(run):
    # -n: PHP loads its extensions so that they do not see a preloaded library. The Zend heap is a way to malloc here.
    ledger = Ledger(run, "php8.2", "-n", os.path.join(WORK, "load.php"), options=["-e", "0"],
                    env={"USE_ZEND_ALLOC": "0"})
    ledger.await_line("work done by PHP")
    c = ledger.counts()
    exact(c, 30, 100000)
    equal((c["unknown frees"], c["in the ledger"]), (0, 0), "unknown frees")  # a free below efree is none of its own
