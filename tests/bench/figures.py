# SPDX-License-Identifier: GPL-2.0-or-later
"""figures.py - what is measured. Each function measures one part, and adds to the page its table and its figures with a
limit."""
import os
import random
import tempfile
import time

from page import Figure, Table
from rounds import Rounds, Spread
from tools import Floor, Memleak, PHP_WORKER, Swtrace, Variant, WORK, Work, end, heaptrack, valgrind
from webload import WebLoad

NOTHING, FLOOR, ENTRIES, SWTRACE, MEMLEAK = ("nothing", "empty probes", "empty probes, entries alone", "swtrace",
                                             "memleak")
WARM_MS, TIMED_MS = 50, 300
FEW, MANY = 1000, 10000000


def entries(pid):
    return Floor(pid, "--entries")


# What swtrace reads of the process's memory at an allocation whose stack it has seen before: of a C program the top of the
# stack; of PHP also the heap's head, the current call, PHP's own stack, two parts of the stack behind the large frames of
# PHP's main program, and a word. None of them can be left out: each decides what block it is, or what stack.
READS = "empty probes that read as much"


def reads(pid):
    return Floor(pid, "--read", "600")


def php_reads(pid):
    return Floor(pid, "--entries", "--read", "320,8,2944,752,768,768,8")


def timed(command, ms=TIMED_MS):
    def measure(work):
        work.time(f"{command} {WARM_MS}")
        return work.time(f"{command} {ms}")
    return measure


class Allocations:
    """How many allocations of a layer the workload's unit makes, by swtrace's count."""

    def __init__(self, layer):
        self.layer = layer
        self.each = []

    def look(self, report, work):
        process, = report["processes"]
        self.each.append(process["layers"][self.layer]["allocs"] / work.n_done)

    def must_be_one(self):
        """Else what is called a pair is none. (Reading a command and the clocks allocates too.)"""
        if not all(0.98 < each < 1.05 for each in self.each):
            raise RuntimeError(f"{self.layer}: not one allocation a pair: {self.each}")


def cost_table(page, title, text, rounds, variants, base=FLOOR, unit=("ns", 1)):
    """A line for each variant: its time, and how many times that with nothing, and with empty probes, this is."""
    table = page.add(Table(title, text, ["attached", f"CPU {unit[0]}", "times nothing", f"times {base}",
                                         f"passed {unit[0]}"]))
    for v in variants:
        time_each = {kind: Spread([ns / unit[1] for ns in rounds.of(v.name, kind)]) for kind in ("cpu", "wall")}
        table.add(v.name, time_each["cpu"].text(0),
                  rounds.ratio(v.name, NOTHING, "cpu").text(1) if v.name != NOTHING else "",
                  rounds.ratio(v.name, base, "cpu").text() if v.name not in (NOTHING, base) else "",
                  f"{time_each['wall'].median:,.0f}")


def pairs(page, n):
    """malloc and free with eight frames below main."""
    argv = [os.path.join(WORK, "pairs")]
    with tempfile.TemporaryDirectory() as folder:
        variants = [Variant(NOTHING), Variant(FLOOR, Floor), Variant(READS, reads), Variant(SWTRACE, Swtrace),
                    Variant(MEMLEAK, Memleak), heaptrack(folder), valgrind()]
        allocations = Allocations("libc")
        r = Rounds().run(variants, lambda v: v.measure(argv, timed("pairs"), allocations.look), n)
    allocations.must_be_one()
    cost_table(page, "A pair of malloc and free", "A C program, built without frame pointers, eight functions below "
               "`main`. swtrace, memleak, heaptrack and Valgrind take a stack at each allocation.", r, variants)
    page.limit(Figure("malloc/free pair with a full stack, over empty probes", r.ratio(SWTRACE, FLOOR, "cpu"),
                      at_most=1.25, unit="times"))
    page.limit(Figure("malloc/free pair with a full stack, against memleak", r.ratio(SWTRACE, MEMLEAK, "cpu"),
                      at_most=0.25, unit="times"))


def processes(page, n):
    """Whether tracing others makes a pair dearer: their probes are in the same libc, but not of this process."""
    argv = [os.path.join(WORK, "pairs")]
    others = [Work(argv) for _ in range(3)]

    def among(count):
        return lambda pid: Swtrace(",".join(str(p) for p in (pid, *(w.pid for w in others[:count - 1]))))
    variants = [Variant(f"{count}", among(count)) for count in (1, 2, 4)]
    r = Rounds().run(variants, lambda v: v.measure(argv, timed("pairs")), n)
    for work in others:
        work.end()
    table = page.add(Table("A pair while other processes are traced", "The same pair of malloc and free, by one "
                           "process that swtrace traces alone, or with others that do nothing but have the same libc.",
                           ["processes traced", "CPU ns", "times one alone"]))
    for v in variants:
        table.add(v.name, r.spread(v.name, "cpu").text(0), r.ratio(v.name, "1", "cpu").text() if v.name != "1" else "")


def threads(page, n):
    """Pairs a second with one thread and with two."""
    argv = [os.path.join(WORK, "threads")]

    def measure(work):
        work.time(f"threads 2 {WARM_MS}")
        taken = {n: work.time(f"threads {n} {TIMED_MS}") for n in random.sample((1, 2), 2)}
        return {(kind, n): taken[n][kind] for n in taken for kind in taken[n]}
    with tempfile.TemporaryDirectory() as folder:
        variants = [Variant(NOTHING), Variant(FLOOR, Floor), Variant(SWTRACE, Swtrace), Variant(MEMLEAK, Memleak),
                    heaptrack(folder)]
        r = Rounds().run(variants, lambda v: v.measure(argv, measure), n)
    table = page.add(Table("Threads that allocate at the same time", "Each thread keeps 256 blocks of 1 to 1,024 bytes "
                           "and replaces them in turn: pairs of free and malloc, all threads together, by time that "
                           "passed: other work on the machine's cores shows as less than 2 with nothing attached. By "
                           "CPU time it is what is left of 2 if threads never wait, but hinder each other.",
                           ["attached", "1 thread, pairs a ms", "2 threads, pairs a ms", "2 threads / 1 thread",
                            "by CPU time"]))
    for v in variants:
        rate = {k: Spread([1e6 / ns for ns in r.of(v.name, ("wall", k))]) for k in (1, 2)}
        by_cpu = Spread([2 * a / b for a, b in zip(r.of(v.name, ("cpu", 1)), r.of(v.name, ("cpu", 2)))])
        table.add(v.name, rate[1].text(0), rate[2].text(0),
                  r.ratio(v.name, v.name, ("wall", 1), ("wall", 2)).text(), by_cpu.text())
    page.limit(Figure("two threads against one, pairs a second",
                      r.ratio(SWTRACE, SWTRACE, ("wall", 1), ("wall", 2)), at_least=1.8, unit="times"))


def php_variants(folder):
    return [Variant(NOTHING), Variant(ENTRIES, entries), Variant(READS, php_reads), Variant(FLOOR, Floor),
            Variant(SWTRACE, Swtrace), heaptrack(folder, True), valgrind(True)]


PHP_TEXT = ("heaptrack and Valgrind see malloc alone, so PHP is started with `USE_ZEND_ALLOC=0` for them, as their "
            "users do; memleak cannot trace PHP's own heap.")


def php_pairs(page, n):
    """emalloc and efree."""
    with tempfile.TemporaryDirectory() as folder:
        variants = php_variants(folder)
        allocations = Allocations("zend")
        r = Rounds().run(variants, lambda v: v.measure(PHP_WORKER, timed("pairs"), allocations.look), n)
    allocations.must_be_one()
    cost_table(page, "A pair of emalloc and efree", "PHP makes an object and drops it, three calls below the main "
               f"script. {PHP_TEXT}", r, variants, ENTRIES)
    page.limit(Figure("emalloc/efree pair with PHP and native stack, over two empty probes",
                      r.ratio(SWTRACE, ENTRIES, "cpu"), at_most=1.4, unit="times"))


def php_requests(page, n):
    """A worker that serves requests in a loop."""
    with tempfile.TemporaryDirectory() as folder:
        variants = php_variants(folder)
        allocations = Allocations("zend")
        measure = timed("requests", 2 * TIMED_MS)
        r = Rounds().run(variants, lambda v: v.measure(PHP_WORKER, measure, allocations.look), n)
    each = Spread(allocations.each).median
    cost_table(page, "A request in a PHP worker", "JSON is decoded, arrays are filtered and sorted, strings are built, "
               f"a Twig template is rendered: {each:,.0f} allocations. {PHP_TEXT}", r, variants, unit=("µs", 1000))


def web(page, n):
    """php-fpm behind nginx, under wrk."""
    variants = [Variant(NOTHING), Variant(FLOOR, Floor), Variant(SWTRACE, Swtrace)]
    with WebLoad() as load:
        r = Rounds().run(variants, load.measure, n)
    cost_table(page, "php-fpm behind nginx, under wrk", "The same request from a fresh script each time; one "
               "php-fpm worker, the same for all; two connections; everything on the same cores. CPU is the worker's; "
               "what passed is the time between two answers.", r, variants, unit=("µs", 1000))


class Held:
    """A workload that holds n live blocks, and a swtrace that has seen them all."""

    def __init__(self, program, n, *options, traced=True):
        self.work = Work([os.path.join(WORK, program)])
        self.tracer = Swtrace(self.work.pid, *options) if traced else None
        self.n = int(self.work.ask(f"hold {n}", seconds=600))

    def bytes_a_block(self, empty_bytes):
        """Of all swtrace's maps; and of what they have grown by since empty_bytes."""
        total = self.tracer.kernel_bytes()
        return total / self.n, (total - empty_bytes) / self.n

    def end(self):
        """Share of the blocks that swtrace knows."""
        known = 1
        if self.tracer:
            end(self.tracer)
            known = self.tracer.report["live_blocks"] / self.n
        self.work.end()
        return known


def smallest_bytes():
    """What swtrace's maps take with the smallest live table that can be asked for."""
    held = Held("pairs", 1, "--max-blocks", "1000")
    total = held.tracer.kernel_bytes()
    held.end()
    return total


def live_blocks(page, n):
    """Memory for live blocks, and whether a pair costs more when there are many."""
    least = smallest_bytes()
    table = page.add(Table("Kernel memory for live blocks", "By the kernel's own account of swtrace's maps "
                           "(`memlock`), with `--max-blocks` of that many. The live table is what grows with "
                           "the blocks, and what the limit is about; the others (stacks, unwind rows, processes, "
                           "the stack cache) are as large with one block.",
                           ["live blocks", "all maps, bytes a block", "live table, bytes a block",
                            "blocks that are known"]))
    held = Held("pairs", 1000000, "--max-blocks", "1000000")
    memory = {held.n: held.bytes_a_block(least)}
    known = {held.n: held.end()}
    many = Held("pairs-many", MANY, "--max-blocks", str(MANY))
    few = Held("pairs-few", FEW)
    bare = [Held("pairs-few", FEW, traced=False), Held("pairs-many", MANY, traced=False)]
    memory[many.n] = many.bytes_a_block(least)
    variants = {"few": few, "many": many, "few, bare": bare[0], "many, bare": bare[1]}
    r = Rounds().run([Variant(name) for name in variants],
                     lambda v: {c: timed(c, 200)(variants[v.name].work)["cpu"] for c in ("pairs", "replace")}, n)
    known[many.n] = many.end()
    for other in (few, *bare):
        other.end()
    for count, (total, grown) in memory.items():
        table.add(f"{count:,}", f"{total:.1f}", f"{grown:.1f}", f"{known[count]:.2%}")
        page.limit(Figure(f"live table, kernel memory a live block, at {count:,}", Spread([grown]), at_most=32,
                          unit="bytes"))
    pair_table(page, r)
    page.limit(Figure(f"pair at {MANY:,} live blocks against {FEW:,}", r.ratio("many", "few", "pairs"), at_most=1.2,
                      unit="times"))


def pair_table(page, r):
    table = page.add(Table("A pair while many blocks are live", f"With {FEW:,} live blocks and swtrace's default "
                           f"table, and with {MANY:,} and a table for that many, side by side, without a fresh "
                           "start in each round: a block that is allocated and freed at once, and one of the live "
                           "blocks, taken at random, that is freed and replaced. Of the latter, some is the "
                           "program's own: its memory is in no cache.",
                           ["pair", f"{FEW:,} live, CPU ns", f"{MANY:,} live, CPU ns", "ratio",
                            "without swtrace: ratio"]))
    for command, name in ("pairs", "the same block"), ("replace", "a random block"):
        table.add(name, r.spread("few", command).text(0), r.spread("many", command).text(0),
                  r.ratio("many", "few", command).text(), r.ratio("many, bare", "few, bare", command).text())


def own_cpu(page, _n):
    """What swtrace itself uses while it reports once a second."""
    blocks, stacks, windows, seconds = 1000000, 10000, 3, 10
    work = Work([os.path.join(WORK, "stacks")])
    tracer = Swtrace(work.pid, "-i", "1", "--max-blocks", str(blocks))
    work.ask(f"hold {stacks} {blocks}")
    time.sleep(3)
    shares = []
    for _ in range(windows):
        cpu, start = tracer.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        shares.append(100 * (tracer.cpu_seconds() - cpu) / (time.monotonic() - start))
    end(tracer)
    work.end()
    report = tracer.report
    table = page.add(Table("swtrace's own CPU", f"At `-i 1`, while 2,000 blocks a second are replaced; {windows} times "
                           f"{seconds} s.", ["live blocks", "stacks", "% of a core"]))
    table.add(f"{report['live_blocks']:,}", f"{report['stacks']:,}", Spread(shares).text())
    page.limit(Figure(f"swtrace's own CPU at {blocks:,} live blocks and {stacks:,} stacks, -i 1", Spread(shares),
                      at_most=1, unit="% of a core"))


def attach(page, n):
    """How long it takes from the start of swtrace until nothing more is missed."""
    seconds = []
    for _ in range(n):
        work = Work(PHP_WORKER)
        libraries = int(work.ask("libraries"))
        start = time.monotonic()
        tracer = Swtrace(work.pid)
        seconds.append(time.monotonic() - start)
        end(tracer)
        work.end()
    if libraries < 40:
        raise RuntimeError(f"php8.2 maps {libraries} libraries, not 40: php8.2-mbstring and opcache are to be enabled")
    table = page.add(Table("Attaching", "From the start of swtrace to its line `tracing ...`: from then on nothing is "
                           "missed.",
                           ["libraries that php8.2 maps", "times", "seconds"]))
    table.add(str(libraries), str(n), Spread(seconds).text())
    page.limit(Figure("attach to php8.2 with 40 libraries", Spread(seconds), at_most=0.5, unit="s"))


PARTS = {"pairs": pairs, "processes": processes, "threads": threads, "php-pairs": php_pairs,
         "php-requests": php_requests, "web": web, "live-blocks": live_blocks, "own-cpu": own_cpu, "attach": attach}
