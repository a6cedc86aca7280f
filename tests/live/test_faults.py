# SPDX-License-Identifier: GPL-2.0-or-later
"""test_faults.py - every way to die is told once, at once, and as what it was: swtrace's word against the program's own.

What faults.c and faults.php say right before they die (addresses, blocks, registers, the time) must be in the report; what
else is expected of each stands in the tables."""
import collections
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from harness import EMULATED, HostPhp, Program, TARGETS, equal, test

SHOWN = 100  # differences
LIMIT_MS = 200 * (50 if EMULATED else 1)  # from death to the line that tells it
REGISTERS = "rip rsp rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15".split()


class Fault:
    """What is expected of a crash.

    kind: or one of several; otherwise: that where blocks are not known; at: functions that the frames hold, in this order;
    module: of the first frame; block: the state of the block that the fault is in or behind; pointer: the same, of a block
    that a register points into; message: part of what libc said; ends: the program's own status, where it is a child that
    dies; heard: fields of the report and what they must be."""

    def __init__(self, kind, signal="SIGSEGV", code="SEGV_MAPERR", at=None, module=None, block=None, pointer=None,
                 message=None, ends=None, otherwise="unmapped", **heard):
        self.kind = (kind,) if isinstance(kind, str) else kind
        self.signal, self.code, self.at, self.module = signal, code, at, module
        self.block, self.pointer, self.message, self.ends, self.heard = block, pointer, message, ends, heard
        self.otherwise = otherwise


def gp(kind, **more):
    """A general protection fault: the kernel tells no address."""
    return Fault(kind, code="SI_KERNEL", fault_addr=None, **more)


def denied(kind, **more):
    return Fault(kind, code="SEGV_ACCERR", **more)


def aborted(**more):
    return Fault("abort", "SIGABRT", "SI_TKILL", fault_addr=None, **more)


READ, WRITE, EXECUTE = {"access": "read"}, {"access": "write"}, {"access": "execute"}

# Cases of faults.c. The innermost function is die_CASE where nothing else is said.
C = {
    "null-read": Fault("null_pointer", **READ),
    "null-write": Fault("null_pointer", **WRITE),
    "null-far": Fault("null_pointer", **READ),
    "null-call": Fault("null_pointer", at=["die_null_call"], ip="0x0", **EXECUTE),
    "wild-read": Fault("unmapped", **READ),
    "wild-write": Fault("unmapped", **WRITE),
    "wild-call": Fault("unmapped", ip="0x414141414140", **EXECUTE),
    "hole": Fault("unmapped", **READ),
    "noncanonical-read": gp("non_canonical", **READ),
    "noncanonical-write": gp("non_canonical", **WRITE),
    "noncanonical-call": gp("non_canonical"),
    "noncanonical-return": gp("non_canonical"),
    "read-only": denied("read_only", **WRITE),
    "code-write": denied("read_only", **WRITE),
    "no-access": denied("no_access", **READ),
    "kernel-address": Fault("kernel_address", **READ),
    "execute-data": denied("not_executable", **EXECUTE),
    "execute-block": denied("not_executable", block="live", **EXECUTE),
    "execute-stack": denied("not_executable", **EXECUTE),
    "block-no-access": denied("no_access", block="live", **READ),
    "mapping-read-only": denied("read_only", block="live", **WRITE),
    "freed-read": Fault("use_after_free", block="freed", **READ),
    "freed-write": Fault("use_after_free", block="freed", **WRITE),
    "unmapped-read": Fault("use_after_free", block="freed", **READ),
    "freed-pointer": gp("non_canonical", pointer="freed", **READ),
    "freed-method": Fault("unmapped", pointer="freed", **EXECUTE),
    "past-end": Fault("past_block_end", block="live", **WRITE),
    "past-end-guard": denied("past_block_end", block="live", otherwise="no_access", **READ),
    "past-end-copy": Fault("past_block_end", at=["die_past_end_copy"], module="libc.so.6", block="live", **WRITE),
    "past-mapping": Fault("past_block_end", block="live", **WRITE),
    "truncated": Fault("bus", "SIGBUS", "BUS_ADRERR", block="live", **READ),
    "in-malloc": Fault("unmapped", module="libc.so.6", at=["die_in_malloc"], **READ),
    "overflow": Fault("stack_overflow", at=["recurse", "recurse"], **WRITE),
    "overflow-cycle": Fault("stack_overflow", at=["p[io]ng", "p[io]ng"]),
    "overflow-jump": Fault("stack_overflow", at=["big_frame", "die_overflow_jump"]),
    "overflow-thread": denied("stack_overflow", at=["recurse"]),
    "overflow-own": Fault("stack_overflow", at=["recurse"]),
    "overflow-altstack": Fault("stack_overflow", at=["recurse"]),
    "divide": Fault("division_by_zero", "SIGFPE", "FPE_INTDIV"),
    "divide-overflow": Fault("division_overflow", "SIGFPE", "FPE_INTDIV"),
    "float": Fault("floating_point", "SIGFPE", "FPE_FLTDIV"),
    "illegal": Fault("illegal_instruction", "SIGILL", "ILL_ILLOPN"),
    "privileged": gp("privileged"),
    "misaligned": gp("misaligned", **WRITE),
    "breakpoint": Fault("trap", "SIGTRAP", "SI_KERNEL"),
    "seccomp": Fault("seccomp", "SIGSYS", "SYS_SECCOMP", at=["getppid", "die_seccomp"]),
    "seccomp-kill": Fault("seccomp", "SIGSYS", "SYS_SECCOMP", at=["getppid", "die_seccomp_kill"]),
    "abort": aborted(at=["abort", "die_abort"]),
    "assert": aborted(at=["abort", "die_assert"], message="die_assert: Assertion `zero == 1' failed"),
    "smash": aborted(at=["__stack_chk_fail", "die_smash"], message="*** stack smashing detected ***"),
    "double-free": aborted(at=["free", "die_double_free"], message="free(): double free detected in tcache 2"),
    "double-free-big": Fault(("unmapped", "use_after_free"), at=["free", "die_double_free_big"], module="libc.so.6", **READ),
    "invalid-free": aborted(at=["free", "die_invalid_free"], message="free(): invalid pointer"),
    "corrupt-size": aborted(at=["free", "die_corrupt_size"], message="double free or corruption (out)"),
    "raise": Fault("raised", code="SI_TKILL", at=["raise", "die_raise"], fault_addr=None),
    "killed": Fault("sent", code="SI_USER", at=[".*pause|__write", "die_killed"], fault_addr=None),
    "reraise": Fault("raised", code="SI_TKILL", fault_addr=None),  # delivered once the handler has returned
    "handler-faults": Fault("null_pointer", at=["die_null_write", "null_in_handler", "die_handler_faults"], **WRITE),
    "blocked": Fault("null_pointer", **WRITE),
    "ignored": Fault("null_pointer", **WRITE),
    "overflow-handled": Fault("stack_overflow", code="SI_KERNEL", at=["recurse", "recurse"]),
    "in-thread": Fault("null_pointer", at=["die_null_write", "null_in_thread"], **WRITE),
    "in-handler": Fault("null_pointer", at=["die_null_write", "null_in_handler", "die_in_handler"], **WRITE),
    "in-child": Fault("null_pointer", at=["die_null_write", "die_in_child"], ends=0, **WRITE),
    "in-grandchild": Fault("null_pointer", at=["die_null_write", "die_in_child", "die_in_grandchild"], ends=0, **WRITE),
    "in-vfork": Fault("null_pointer", at=["die_null_write", "die_in_vfork"], ends=0, **WRITE),
    "in-exec": Fault("null_pointer", at=["die_null_write", "die", "main"], ends=0, **WRITE),
    "in-namespace": Fault("null_pointer", at=["die_null_write", "die_in_namespace"], ends=0, **WRITE),
    "abort-in-namespace": aborted(at=["abort", "die_abort"], ends=0),
    "raise-in-namespace": Fault("raised", code="SI_TKILL", at=["raise", "die_raise"], ends=0, fault_addr=None),
    "soon": Fault("null_pointer", at=["die_null_write", "die_soon"], **WRITE),
    "deleted": Fault("null_pointer", at=["die_null_write", "die_deleted"], **WRITE),
}
ANOTHER_PROGRAM = ["in-exec"]  # not traced by -p
MAPS_ANEW = ["read-only", "block-no-access", "truncated"]  # what is mapped changes before it dies
CPU_REGISTERS = ["null-write", "wild-read", "noncanonical-read", "read-only", "block-no-access", "truncated", "divide",
                 "illegal"]

# Cases of faults.php: PHP functions are in at as well.
PHP_CASES = {
    "null": Fault("null_pointer", at=["write_it", "in_null", "{main}"], **WRITE),
    "null-offset": Fault("null_pointer", at=["read_it", "in_null_offset", "{main}"], module="libc.so.6", **READ),
    "wild": Fault("unmapped", at=["write_it", "in_wild", "{main}"], **WRITE),
    "noncanonical": gp("non_canonical", at=["read_it", "in_noncanonical", "{main}"], **READ),
    "zend-freed": Fault("use_after_free", at=["write_it", "in_zend_freed"], block="freed", **WRITE),
    "zend-freed-pointer": gp("non_canonical", at=["in_zend_freed_pointer"], **READ),
    "zend-block": denied("no_access", at=["write_it", "in_zend_block"], block="live", **WRITE),
    "zend-past-end": Fault("past_block_end", at=["write_it", "in_zend_past_end"], block="live", **WRITE),
    "libc-freed": Fault("use_after_free", at=["write_it", "in_libc_freed"], block="freed", **WRITE),
    "zend-corrupted": aborted(at=["abort", "_efree", "release_zend", "in_zend_corrupted"]),
    "abort": aborted(at=["abort", "in_abort"]),
    "double-free": aborted(at=["in_double_free"], message="free(): double free detected in tcache 2"),
    "kill": Fault("raised", code="SI_USER", at=["in_kill"], fault_addr=None),
    "recursion-map": Fault("stack_overflow", at=["again_map", "again_map"]),
    "recursion-sort": Fault("stack_overflow", at=["again_sort", "again_sort"]),
    "recursion-string": Fault("stack_overflow", at=["Spoken::__toString", "Spoken::__toString"]),
    "recursion-fiber": denied("stack_overflow", at=["again_map", "again_map"]),
    "destructor": Fault("null_pointer", at=["write_it", "in_null"], **WRITE),
    "child": Fault("null_pointer", at=["write_it", "in_null", "in_child"], ends=0, **WRITE),
    "jit": Fault("unmapped", at=["write_it", "hot", "in_jit"], **WRITE),
}


class Differences:
    """All that is wrong with the reports, in a form to be read."""

    def __init__(self):
        self.found = []

    def add(self, case, what, got, expected):
        self.found.append(f"{case}: {what}: got {got}, expected {expected}")

    def equal(self, case, what, got, expected):
        if got != expected:
            self.add(case, what, got, expected)

    def none(self, latencies=()):
        if latencies:
            slowest = ", ".join(f"{ms:.1f} ms ({case})" for ms, case in sorted(latencies, reverse=True)[:4])
            print(f"# told {statistics.median(ms for ms, _ in latencies):.1f} ms after death (median of {len(latencies)}); "
                  f"slowest: {slowest}", flush=True)
        each = collections.Counter(self.found)
        lines = [line + (f" ({n} times)" if n > 1 else "") for line, n in each.most_common(SHOWN)]
        assert not self.found, f"{len(self.found)} differences:\n" + "\n".join(lines)


def parse(line, facts):
    facts.update(word.split("=", 1) for word in line.split())
    return facts


def read_facts(program, until="time"):
    """What the program says, up to its last words."""
    facts = {}
    while until not in facts:
        line = program.lines.next(20)
        assert line is not None, f"{program.proc.args}: dies without a word; said {facts}"
        parse(line, facts)
    return facts


def names_of(frames):
    return [f["function"] for f in frames if f["function"]]


def holds(names, wanted):
    """The names hold the wanted ones, in that order, others in between."""
    rest = iter(names)
    return all(any(re.fullmatch(w, n) or n == w for n in rest) for w in wanted)


def compare_block(wrong, case, block, state, facts):
    if not block:
        wrong.add(case, "block", block, state)
        return
    wrong.equal(case, "block's state", block["state"], state)
    wrong.equal(case, "block's address", block["addr"], facts["block"])
    wrong.equal(case, "block's layer", block["layer"], facts["layer"])
    wrong.equal(case, "block's size", block["size_bytes"], int(facts["size"]))
    if "offset" in facts and case != "zend-freed-pointer":
        wrong.equal(case, "offset in the block", block["offset"], int(facts["offset"]))


Mapping = collections.namedtuple("Mapping", "start end flags path")


def maps_of(pid):
    with open(f"/proc/{pid}/maps") as f:
        lines = [line.rstrip("\n").split(None, 5) for line in f]
    return [Mapping(*(int(x, 16) for x in line[0].split("-")), line[1], line[5] if len(line) > 5 else "") for line in lines]


def mapping_at(maps, addr):
    return next((m for m in maps if m.start <= addr < m.end), None)


def compare_mappings(wrong, case, facts, crash):
    """Each register that points into what was mapped before the program went to die: it is told what that is. Where the stack and the heap begin and end may have changed since."""
    told = {p["register"]: p for p in crash["pointers"]}
    n = 0
    for r in REGISTERS:
        addr = int(facts[r], 16)
        m = mapping_at(facts["maps"], addr)
        if not m or case in MAPS_ANEW and m.path[:1] != "/":
            continue
        n += 1
        got = (told.get(r) or {}).get("mapping") or {}
        wrong.equal(case, f"mapping that {r} points into", (got.get("name"), got.get("flags"), got.get("relation")),
                    (os.path.basename(m.path) or "[anon]", m.flags, "in"))
        if got:
            wrong.equal(case, f"place that {r} points to", int(got["start"], 16) + got["distance_bytes"], addr)
        if got and m.path[:1] == "/":
            wrong.equal(case, f"file's mapping that {r} points into", (got["start"], got["end"]), (hex(m.start), hex(m.end)))
    if not n:
        wrong.add(case, "registers that point into mappings", n, "some")
    for r, p in told.items():
        if not p["block"] and not (p["mapping"] and int(p["mapping"]["start"], 16) <= int(p["addr"], 16) < int(p["mapping"]["end"], 16)):
            wrong.add(case, r, p, "a block, or a mapping that it points into")


# What the kernel calls the processor's exceptions: arch/x86/kernel/traps.c.
EXCEPTIONS = {0: "trap divide error", 6: "trap invalid opcode", 13: "general protection fault"}


def as_logged(facts, comm):
    """What the kernel logs of it (show_signal_msg() in arch/x86/mm/fault.c, show_signal() in arch/x86/kernel/traps.c), made of what
    the program says of itself; None: nothing, as of a file that was cut."""
    trap, ip, sp, error, tid = *(int(facts[x], 16) for x in ("trapno", "rip", "rsp", "err")), facts["tid"]
    m = mapping_at(facts["maps"], ip)
    place = f" in {os.path.basename(m.path)}[{m.start:x}+{m.end - m.start:x}]"
    if trap == 14 and facts["handled"] == str(int(signal.SIGSEGV)):
        return f"{comm}[{tid}]: segfault at {int(facts['fault'], 16):x} ip {ip:016x} sp {sp:016x} error {error:x}{place}"
    if trap == 14:
        return None
    return f"traps: {comm}[{tid}] {EXCEPTIONS[trap]} ip:{ip:x} sp:{sp:x} error:{error:x}{place}"


class KernelLog:
    """What the kernel logs from now on; nothing, where that may not be read."""

    def __init__(self):
        self.fd = None
        try:
            self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self.fd, 0, os.SEEK_END)
        except OSError as e:
            print(f"# the kernel's log cannot be read: {e}", flush=True)

    def lines(self):
        """In the form of older kernels: newer ones put the place in the file into the brackets, too, and the processor at the end."""
        found = []
        while self.fd is not None:
            try:
                record = os.read(self.fd, 8192).decode("utf-8", "replace")
            except BrokenPipeError:  # some were overwritten meanwhile
                continue
            except BlockingIOError:
                return found
            text = record.partition(";")[2].partition("\n")[0]
            found.append(re.sub(r" likely on CPU [0-9].*$", "", re.sub(r"\[[0-9a-f]+,([0-9a-f]+\+)", r"[\1", text)))
        return found

    def end(self):
        if self.fd is not None:
            os.close(self.fd)


def is_first_namespace():
    """Are our pids those of the kernel's log?"""
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"  # PROC_PID_INIT_INO


def compare_with_log(wrong, log, told):
    """Those of the lines that the kernel has logged, and did not suppress: it logs ten in five seconds."""
    logged = log.lines()
    if not is_first_namespace():
        logged = [re.sub(r"\[\d+\]", "[]", line, count=1) for line in logged]
    same = 0
    for line in filter(None, told):
        line = line if is_first_namespace() else re.sub(r"\[\d+\]", "[]", line, count=1)
        ip_and_sp = re.search(r" ip.[0-9a-f]+ sp.[0-9a-f]+ ", line).group()
        of_it = [x for x in logged if ip_and_sp in x]
        same += line in of_it
        # Another's line in between may cut one before " in ".
        if of_it and not any(line.startswith(x) for x in of_it):
            wrong.add("the kernel's log", "line", line, of_it)
    print(f"# the kernel's log has {same} of {len(list(filter(None, told)))} lines", flush=True)


def is_in_trampoline(crash):
    """A stack may be full right where a probe's return passes through code of the kernel's: there are no frames then."""
    return crash["walk"] == "no_mapping" and int(crash["ip"], 16) >> 12 == 0x7fffffffe


def compare(wrong, case, fault, facts, crash, blocks=True, names=True):
    """The report of that case against the table and the program's words. blocks: allocators are traced; names: the program
    has symbols."""
    wrong.equal(case, "pid, tid", (crash["pid"], crash["tid"]), (int(facts["pid"]), int(facts["tid"])))
    wrong.equal(case, "signal, code", (crash["signal_name"], crash["code_name"]), (fault.signal, fault.code))
    kinds = fault.kind
    if fault.block and not blocks:  # the mappings alone are known
        kinds = tuple(fault.otherwise if k in ("use_after_free", "past_block_end") else k for k in kinds)
    if crash.get("kind") not in kinds:
        wrong.add(case, "kind", f"{crash.get('kind')} ({crash.get('summary')}; {crash.get('likely')}; "
                  f"{crash.get('instruction')})", " or ".join(kinds))
    for field, value in fault.heard.items():
        wrong.equal(case, field, crash.get(field), value)
    if "fault" in facts:
        wrong.equal(case, "fault_addr", crash["fault_addr"], facts["fault"])
    address = crash.get("address") or {}
    for name, source in (("fault", "kernel"), ("value", "instruction"), ("address", "instruction")):
        if name in facts:
            wrong.equal(case, "address, source", (address.get("addr"), address.get("source")), (facts[name], source))
    if fault.block and blocks:
        compare_block(wrong, case, address.get("block"), fault.block, facts)
    if fault.pointer and blocks:
        blocks_of = [p["block"] for p in crash.get("pointers") or [] if p["block"] and p["block"]["addr"] == facts["block"]]
        compare_block(wrong, case, blocks_of[0] if blocks_of else None, fault.pointer, facts)
    if "sender" in facts:
        wrong.equal(case, "sender", crash["sender_pid"], int(facts["sender"]))
    if "syscall" in facts:
        wrong.equal(case, "system call", crash.get("syscall"), int(facts["syscall"]))
    if "bytes" in facts and not (crash.get("code_bytes") or "").startswith(facts["bytes"]):
        # The byte of a breakpoint is behind the instruction pointer.
        if facts["bytes"] != "cc":
            wrong.add(case, "bytes of the code", crash.get("code_bytes"), facts["bytes"])
    if fault.message and fault.message not in (crash.get("abort_message") or ""):
        wrong.add(case, "abort message", crash.get("abort_message"), fault.message)
    if "rip" in facts:
        told = crash.get("registers") or {}
        for r in REGISTERS:
            wrong.equal(case, r, told.get(r), facts[r])
        wrong.equal(case, "trap, error code", (crash.get("trap"), crash.get("error_code")),
                    (int(facts["trapno"], 16), int(facts["err"], 16)))
    if "rip" in facts and "maps" in facts:
        compare_mappings(wrong, case, facts, crash)
        wrong.equal(case, "the kernel's line", crash.get("kernel_line"), as_logged(facts, crash["comm"]))
    if is_in_trampoline(crash):
        return
    if names:
        wanted = ["die_" + case.replace("-", "_")] if fault.at is None else fault.at
        if not holds(names_of(crash["frames"]), wanted):
            wrong.add(case, "frames", names_of(crash["frames"]), wanted)
    if not crash["frames"]:
        wrong.add(case, "frames", crash["frames"], "some")
    elif fault.module and names:
        wrong.equal(case, "module", crash["frames"][0]["module"], fault.module)
    # Of one that nobody has told swtrace of the stack may be its first frame alone.
    if fault.kind == ("stack_overflow",) and case not in ("overflow-jump",) and (names or len(crash["frames"]) > 1):
        is_php = case.startswith("recursion-")
        wrong.equal(case, "recursion", (crash.get("recursion") or {}).get("kind"), "php" if is_php else "native")
        said = "endless PHP recursion of " if is_php else "endless recursion of " if names else "endless recursion"
        if not (crash.get("likely") or "").startswith(said):
            wrong.add(case, "most likely", crash.get("likely"), said)
    if case == "overflow-cycle":
        wrong.equal(case, "frames of a round", (crash.get("recursion") or {}).get("frames"), 2)


def die_in_turn(run, tracer, programs, table, wrong, **how):
    """Each of these programs, (case, Program), dies when it is told to; its crash, and no other, is told. Return: how
    long each took to be told, in ms."""
    latencies = []
    for case, program in programs:
        fault = table[case]
        maps = maps_of(program.pid)
        program.send("go")
        facts = read_facts(program)
        facts["maps"] = maps
        try:
            crash = tracer.wait("crash", 20 if EMULATED else 5, pid=int(facts["pid"]))
        except AssertionError as e:
            wrong.add(case, "crash", "none", f"one ({e})"[:300])
            continue
        if fault.kind != ("stack_overflow",):  # whose last words come long before its death
            latencies.append((time.monotonic() * 1000 - int(facts["time"]) / 1e6, case))
        compare(wrong, case, fault, facts, crash, **how)
        if fault.ends is not None:
            program.proc.wait(20)
    return latencies


def waiting(run, path, case, *more, **kw):
    return case, run.keep(Program([path, case, "-", "wait", *more], **kw))


def lost_events(tracer):
    """With --crashes there are no reports, which would say so."""
    return {k: v for k, v in tracer.lost().items() if "event" in k}


def told_once(wrong, tracer, programs, code=None):
    """Everybody has died: swtrace ends by itself, with that code, or is told to; no crash was told twice, or lost."""
    got = tracer.finish(interrupt=code is None)
    if code is not None:
        wrong.equal("swtrace", "exit code", got, code)
        wrong.equal("swtrace", "crashes told", len(tracer.of("crash")), len(programs))
    times = collections.Counter(c["pid"] for c in tracer.of("crash"))
    wrong.equal("swtrace", "processes that crashed twice", [pid for pid, n in times.items() if n > 1], [])
    wrong.equal("swtrace", "lost events", lost_events(tracer), {})


def traced_by_pid(run, cases, table, start, **how):
    wrong = Differences()
    programs = [start(case) for case in cases]
    tracer = run.trace("-p", ",".join(str(p.pid) for _, p in programs), "-i", 60, "--follow")
    latencies = die_in_turn(run, tracer, programs, table, wrong, **how)
    told_once(wrong, tracer, programs, code=4)
    wrong.none(latencies)
    return tracer


def part(table, n, of, but=()):
    cases = [c for c in table if c not in but]
    return cases[len(cases) * n // of:len(cases) * (n + 1) // of]


NOT_TOGETHER = ["deleted", "two-threads", *ANOTHER_PROGRAM]


@test
def faults_of_memory_are_told_as_what_they_are(run):
    traced_by_pid(run, part(C, 0, 2, NOT_TOGETHER), C, lambda c: waiting(run, os.path.join(TARGETS, "faults"), c))


@test
def faults_of_stacks_and_ends_of_all_kinds_are_told_as_what_they_are(run):
    traced_by_pid(run, part(C, 1, 2, NOT_TOGETHER), C, lambda c: waiting(run, os.path.join(TARGETS, "faults"), c,
                                                                       stderr=subprocess.DEVNULL))


@test
def registers_what_they_point_to_and_the_kernel_s_line_are_those_that_the_program_itself_saw(run):
    log = run.keep(KernelLog())
    tracer = traced_by_pid(run, CPU_REGISTERS, C, lambda c: waiting(run, os.path.join(TARGETS, "faults"), c, "registers"))
    wrong = Differences()
    compare_with_log(wrong, log, [c["kernel_line"] for c in tracer.of("crash")])
    wrong.none()


def start_php(run, case, *options):
    return case, run.keep(Program(HostPhp.argv(*options, os.path.join(HostPhp.scripts, "faults.php"), case, "-", "wait"),
                                  stderr=subprocess.DEVNULL))


@test
def faults_of_php_are_told_with_its_functions_and_blocks(run):
    cases = [c for c in PHP_CASES if c != "jit"]
    traced_by_pid(run, cases, PHP_CASES, lambda c: start_php(run, c))


@test
def compiled_php_is_told_as_far_as_its_stack_is_known(run):
    jit = "-dopcache.enable_cli=1", "-dopcache.jit_buffer_size=32M", "-dopcache.jit=tracing"
    traced_by_pid(run, ["jit"], PHP_CASES, lambda c: start_php(run, c, *jit))


@test
def programs_without_libraries_or_names_are_told_all_the_same(run):
    for variant in "static", "stripped":  # static and stripped has no allocator to be found, but see crashes_alone
        cases = ["null-read", "wild-call", "noncanonical-write", "read-only", "truncated", "overflow", "divide", "illegal",
                 "in-thread", "in-child", "killed"]
        cases += ["block-no-access", "freed-read", "past-end", "freed-pointer"]
        traced_by_pid(run, cases, C, lambda c: waiting(run, os.path.join(TARGETS, "faults-" + variant), c),
                      names=variant == "static")


@test
def an_exception_that_nobody_catches_is_an_abort(run):
    wrong = Differences()
    with tempfile.TemporaryDirectory() as place:
        facts, crash = launched(run, [os.path.join(TARGETS, "terminate"), "x", place + "/facts"], place + "/facts")
        compare(wrong, "terminate", aborted(at=["abort", "__cxa_throw", "throw_it", "main"]), facts, crash)
    wrong.none()


def launched(run, argv, file, code=None):
    """Run a program under swtrace: (what it said, its crash)."""
    tracer = run.trace("-i", 60, "--follow", "--", *argv, wait_for=None)
    got = tracer.finish(interrupt=False)
    told = tracer.of("crash")
    with open(file) as f:
        said = [parse(line, {}) for line in f]
    assert len(told) == 1, f"{argv}: {len(told)} crashes told; swtrace said {tracer.said}"
    facts = next(x for x in said if "time" in x)
    equal(got, 128 + told[0]["signal"] if code is None else code, f"{argv}: exit code")
    return facts, told[0]


@test
def programs_that_swtrace_starts_have_their_blocks_from_the_start(run):
    wrong = Differences()
    with tempfile.TemporaryDirectory() as place:
        for case in "freed-read", "past-end", "double-free", "in-thread", "overflow", "in-child", "soon":
            file = f"{place}/{case}"
            facts, crash = launched(run, [os.path.join(TARGETS, "faults"), case, file], file, C[case].ends)
            compare(wrong, case, C[case], facts, crash)
        for case in "zend-freed", "recursion-map":
            file = f"{place}/{case}"
            argv = HostPhp.argv(os.path.join(HostPhp.scripts, "faults.php"), case, file)
            facts, crash = launched(run, argv, file, PHP_CASES[case].ends)
            compare(wrong, case, PHP_CASES[case], facts, crash)
    wrong.none()


def untold(tracer, cases, table, start, **how):
    """Programs that nobody has told swtrace of, and that die at once: their files may not be known yet."""
    wrong = Differences()
    for case in cases:
        program = start(case)
        facts = {}
        for line in program.stdout:
            parse(line.decode(), facts)
        program.wait(20)
        try:
            crash = tracer.wait("crash", 5, pid=int(facts["pid"]))
        except AssertionError as e:
            wrong.add(case, "crash", "none", f"one ({e})"[:300])
            continue
        compare(wrong, case, table[case], facts, crash, names=False, **how)
        module = crash["frames"][0]["module"]
        if not module.startswith("faults-static"):  # which has libc in it
            wrong.equal(case, "module", module, "libc.so.6" if case == "abort" else "faults")
    told_once(wrong, tracer, cases)
    wrong.none()


def spawn(*argv):
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def crashes_alone(run, *more):
    return run.trace("--crashes", *more, wait_for="watching")


EARLY = ["null-read", "soon", "read-only", "truncated", "overflow", "divide", "illegal", "abort", "in-child", "in-vfork",
         "in-exec", "in-namespace"]


def known_after_a_while(run, tracer, cases, table, start, **how):
    """Programs that start while swtrace runs, and live for a second, in which it gets to know them: nothing tells when."""
    wrong = Differences()
    programs = [start(case) for case in cases]
    time.sleep(1)
    latencies = die_in_turn(run, tracer, programs, table, wrong, **how)
    told_once(wrong, tracer, programs)
    wrong.none(latencies)


@test
def crashes_alone_are_told_of_every_process_without_a_probe_on_an_allocator(run):
    cases = [c for c in C if c not in NOT_TOGETHER]
    known_after_a_while(run, crashes_alone(run), cases, C, lambda c: waiting(run, os.path.join(TARGETS, "faults"), c,
                                                                            stderr=subprocess.DEVNULL), blocks=False)


@test
def crashes_alone_of_php(run):
    cases = [c for c in PHP_CASES if c != "jit"]
    known_after_a_while(run, crashes_alone(run), cases, PHP_CASES, lambda c: start_php(run, c), blocks=False)


@test
def processes_that_die_right_after_their_start_are_not_missed(run):
    for variant in "faults", "faults-static", "faults-static-stripped":
        untold(crashes_alone(run), EARLY, C, lambda c: spawn(os.path.join(TARGETS, variant), c, "-"), blocks=False)


@test
def all_processes_traced_have_their_blocks(run):
    known = waiting(run, os.path.join(TARGETS, "faults"), "null-read")  # its files are known from the start on then
    tracer = run.trace("-a", "--exe", os.path.join(TARGETS, "faults"), "-i", 60)
    cases = ["null-read", "block-no-access", "freed-read", "unmapped-read", "freed-pointer", "past-end", "truncated",
             "double-free", "overflow", "in-child", "in-vfork", "in-namespace", "soon"]
    known_after_a_while(run, tracer, cases, C, lambda c: waiting(run, os.path.join(TARGETS, "faults"), c,
                                                                stderr=subprocess.DEVNULL))
    equal(known[1].proc.poll(), None, "a program that does not crash")


@test
def a_deleted_program_in_a_root_of_its_own_is_told(run):
    for root in False, True:
        with tempfile.TemporaryDirectory() as place:
            path = shutil.copy(os.path.join(TARGETS, "faults-static"), place + "/faults")
            argv = ["chroot", place, "/faults"] if root else [path]
            untold(crashes_alone(run), ["deleted"], C, lambda c: spawn(*argv, c, "-"), blocks=False)


@test
def two_threads_that_crash_at_once_are_told_one_time_each_at_most(run):
    fault = Fault("null_pointer", at=["with_others"], **WRITE)
    wrong = Differences()
    tracer = crashes_alone(run)
    for _ in range(20):
        program = spawn(os.path.join(TARGETS, "faults"), "two-threads", "-")
        said = [parse(line.decode(), {}) for line in program.stdout]
        program.wait(20)
        tracer.wait("crash", 5, pid=program.pid)
        for tid in (int(x["tid"]) for x in said):
            told = [c for c in tracer.of("crash") if c["tid"] == tid]
            assert len(told) <= 1, f"thread {tid} crashed {len(told)} times"
            for c in told:
                compare(wrong, "two-threads", fault, next(x for x in said if int(x["tid"]) == tid), c, blocks=False,
                        names=False)
    tracer.finish()
    wrong.none()


@test
def a_crash_is_told_within_200_ms(run):
    """From the program's last words to the moment at which the line is read: what is between is the death itself, swtrace,
    and this script. First of all comes a crash in files that no crash was in before."""
    faults = os.path.join(TARGETS, "faults")
    for what, start, table, case, n, select in (
            ("C", lambda c: waiting(run, faults, c), C, "null-write", 30, None),
            ("C, with the table of a whole system", lambda c: waiting(run, faults, c), C, "null-write", 12,
             ("-a", "--exe", faults)),
            ("PHP", lambda c: start_php(run, c), PHP_CASES, "null", 12, None)):
        wrong = Differences()
        programs = [start(case) for _ in range(n)]
        select = select or ("-p", ",".join(str(p.pid) for _, p in programs))
        tracer = run.trace(*select, "-i", 60)
        latencies = die_in_turn(run, tracer, programs, table, wrong)
        wrong.none(latencies)
        latencies = [ms for ms, _ in latencies]
        print(f"# {what}: first {latencies[0]:.1f} ms, then {max(latencies[1:]):.1f} ms at most; "
              f"load {os.getloadavg()[0]:.1f}")
        assert statistics.median(latencies) < LIMIT_MS, latencies
        busy = os.getloadavg()[0] > 2 * os.cpu_count()
        assert busy or max(latencies) < LIMIT_MS, f"{what}: {latencies}"
        tracer.finish()


def comm_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
        return f.read().strip()


def child_of(pid, comm):
    """The pid of its child of that name."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        found = [int(child) for child in f.read().split() if comm_of(int(child)) == comm]
    assert found, f"there is no {comm}"
    return found


SOON_MS = 500  # longer than a crash takes, and shorter by far than what is not to be waited for


@contextlib.contextmanager
def standing_still(tracer, who):
    """That child of swtrace's does nothing meanwhile."""
    stopped = child_of(tracer.proc.pid, who)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


def waiting_to_write_to_null(run, n):
    return [waiting(run, os.path.join(TARGETS, "faults"), "null-write") for _ in range(n)]


def pids_of(*programs):
    return ",".join(str(p.pid) for p in programs)


def told_soon(run, tracer, programs, pause_s, **how):
    """These die one after another, with a pause after each: all are told as what they are, and none waits for anything else."""
    wrong = Differences()
    latencies = []
    for one in programs:
        latencies += [ms for ms, _ in die_in_turn(run, tracer, [one], C, wrong, names=False, **how)]
        time.sleep(pause_s)
    wrong.none()
    print(f"# told after {', '.join(f'{ms:.0f}' for ms in latencies)} ms")
    assert len(latencies) == len(programs) and max(latencies) < SOON_MS, latencies


def told_while_files_are_read(run, who, *options):
    """A library is loaded whose file one child of swtrace's takes forever to read, as far as anyone can tell: a crash of another process
    is told at once, and the library is traced in the end."""
    loader, programs = run.target("plugins"), waiting_to_write_to_null(run, 1)
    tracer = run.trace(*(options or ("-p", pids_of(loader, programs[0][1]))), "-i", 60)
    with standing_still(tracer, who):
        loader.ask(f"load 7001 {TARGETS}/plugin")
        told_soon(run, tracer, programs, 0)
    for _ in range(3):  # it is in use a tenth of a second after it was loaded: of all processes, one may be seen too late
        loader.ask(f"load 7002 {TARGETS}/plugin")
    tracer.finish()
    traced = [s for s in tracer.stacks() if s["live_bytes"] and s["live_bytes"] % 7002 == 0]
    equal([f["function"] for s in traced[:1] for f in s["frames"]][:2], ["plugin_alloc", "load"], "what was read at last")


@test
def a_crash_is_told_while_unwind_rows_of_another_process_are_being_read(run):
    told_while_files_are_read(run, "swtrace-reader")


@test
def a_crash_is_told_while_symbols_of_another_process_are_being_read(run):
    told_while_files_are_read(run, "swtrace-parser")


@test
def a_crash_is_told_while_symbols_are_being_read_where_all_is_traced(run):
    told_while_files_are_read(run, "swtrace-parser", "-a", "--exe", f"{TARGETS}/plugins,{TARGETS}/faults")


@test
def a_crash_is_told_in_time_in_windows_that_are_open_half_the_time(run):
    programs = waiting_to_write_to_null(run, 6)
    tracer = run.trace("-p", pids_of(*(p for _, p in programs)), "--overhead", 50, "-i", 60)
    told_soon(run, tracer, programs, 0.13, blocks=False)
    tracer.finish(interrupt=False)


def names_are_found(run, n):
    """(A program that leaks, n that can crash, swtrace), which has begun to find names."""
    leaker, programs = run.target("alloc"), waiting_to_write_to_null(run, n)
    tracer = run.trace("-p", pids_of(leaker, *(p for _, p in programs)), "-i", 1)
    leaker.ask("leak_malloc 100")
    tracer.wait("stack", 10)
    return leaker, programs, tracer


@test
def a_crash_is_told_while_a_report_waits_for_names(run):
    """Each report of one in which nothing has a name yet would wait for a second."""
    leaker, programs, tracer = names_are_found(run, 6)
    with standing_still(tracer, "swtrace-reader"):
        leaker.ask("leak_calloc 100")
        time.sleep(1)
        told_soon(run, tracer, programs, 0.3)  # at whatever moment of a report
    tracer.finish()


@test
def a_crash_is_told_while_the_last_report_waits_for_names_and_that_has_them_all(run):
    """The last one of which nothing has a name yet would wait for 15 s."""
    leaker, programs, tracer = names_are_found(run, 3)
    with standing_still(tracer, "swtrace-reader"):
        leaker.ask("leak_calloc 100")
        tracer.proc.send_signal(signal.SIGINT)
        time.sleep(0.3)
        told_soon(run, tracer, programs, 0.3)
    tracer.finish(interrupt=False)
    equal({s["frames"][0]["function"] for s in tracer.stacks() if s["live_bytes"]}, {"leak_malloc", "leak_calloc"}, "names")
    equal([r["final"] for r in tracer.of("report")][-2:], [False, True], "reports")


STORM = {"null-write": ("null_pointer", "SIGSEGV"), "abort": ("abort", "SIGABRT"), "divide": ("division_by_zero", "SIGFPE"),
         "illegal": ("illegal_instruction", "SIGILL"), "wild-read": ("unmapped", "SIGSEGV"),
         "wild-call": ("unmapped", "SIGSEGV")}


def start_storm(run, n, milliseconds):
    argv = [os.path.join(TARGETS, "faults"), "storm", "-", str(n), str(milliseconds), "wait"]
    return run.keep(Program(argv, stderr=subprocess.DEVNULL))


def storm(tracer, program, n):
    """That many children die; each is told of, once, as what it was, with its stack."""
    program.send("go")
    told = []
    while len(told) < n:
        told.append(tracer.wait("crash", 20))
    said = []
    while "took" not in (line := parse(program.lines.next(20), {})):
        said.append(line)
    tracer.finish()
    children = {int(x["child"]): x["case"] for x in said}
    told = [c for c in tracer.of("crash") if c["comm"].startswith("faults")]
    print(f"# {n} crashes in {int(line['took']) / 1e9:.1f} s: {len(told)} told", flush=True)
    wrong = Differences()
    wrong.equal("storm", "children told of", len({c["pid"] for c in told} & set(children)), n)
    wrong.equal("storm", "crashes told", len(told), n)
    wrong.equal("storm", "lost events", lost_events(tracer), {})
    for c in told:
        case = children.get(c["pid"], "nobody")
        wrong.equal(case, "kind, signal", (c.get("kind"), c["signal_name"]), STORM[case])
        if not holds(names_of(c["frames"]), ["die_" + case.replace("-", "_"), "storm", "main"]):
            wrong.add(case, "frames", names_of(c["frames"]), "die_..., storm, main")
    wrong.none()


@test
def none_of_1000_crashes_in_10_s_is_missed(run):
    program = start_storm(run, 1000, 10000)
    storm(run.trace("-p", program.pid, "-i", 60), program, 1000)


class Load:
    """A process that wants a processor to itself, for a minute at most."""

    def __init__(self):
        self.proc = subprocess.Popen(["timeout", "60", "sh", "-c", "while :; do :; done"])

    def end(self):
        self.proc.terminate()
        self.proc.wait()


@test
def none_of_1000_crashes_in_10_s_is_missed_on_a_busy_machine_where_crashes_alone_are_told(run):
    for _ in range(2 * os.cpu_count()):
        run.keep(Load())
    program = start_storm(run, 1000, 10000)
    storm(crashes_alone(run), program, 1000)


@test
def crashes_are_named_by_a_parent_that_has_ended_before_they_are_told(run):
    """Of programs that end as soon as their children have died, while swtrace looks ten times a second at who is there."""
    for _ in range(2 * os.cpu_count()):
        run.keep(Load())
    tracer = crashes_alone(run, "-i", 0.1)
    for _ in range(4):
        programs = [start_storm(run, 6, 60) for _ in range(10)]
        time.sleep(0.7)  # it gets to know them
        for p in programs:
            p.send("go")
        for _ in range(60):
            tracer.wait("crash", 20, comm="faults")
    tracer.finish()
    told = [c for c in tracer.of("crash") if c["comm"] == "faults"]
    wrong = Differences()
    wrong.equal("storms", "crashes told", len(told), 240)
    wrong.equal("storms", "lost events", lost_events(tracer), {})
    for c in told:
        if not holds(names_of(c["frames"]), ["storm", "main"]):
            wrong.add(c["signal_name"], "frames", names_of(c["frames"]), "storm, main")
    wrong.none()


@test
def a_memory_limit_is_no_crash(run):
    tracer = run.trace("-i", 60, "--", *HostPhp.argv(os.path.join(HostPhp.scripts, "faults.php"), "limit", "/dev/null"),
                       wait_for=None)
    equal(tracer.finish(interrupt=False), 255, "exit code")
    equal(tracer.of("crash"), [], "crashes")
