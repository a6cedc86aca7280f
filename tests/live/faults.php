<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// faults.php - PHP that dies in the way that its first argument names, and says before what is to be found of it, as
// faults.c does:  faults.php CASE FILE [wait]

// Addresses are numbers here: PHP has no pointers.
$libc = FFI::cdef('
    size_t malloc(size_t n);
    void free(size_t p);
    size_t strlen(size_t s);
    size_t strsep(size_t string, const char *delimiters);
    size_t memset(size_t p, int c, size_t n);
    size_t memcpy(size_t to, const char *from, size_t n);
    int mprotect(size_t p, size_t n, int protection);
    long syscall(long number, ...);
    void abort(void);
', 'libc.so.6');

// PHP's own heap, which the program that runs us exports.
$zend = FFI::cdef('
    size_t _emalloc(size_t n);
    void _efree(size_t p);
');

const PAGE = 4096;
const HUGE = 4 << 20; // a block of PHP's that has a mapping of its own
const LARGE = 1 << 20; // the same of libc's
const WILD = 0x414141414140;
const NONCANONICAL = 0x4141414141414140; // aligned: libc reads whole vectors

function note(string $facts): void
{
    global $file;
    file_put_contents($file, $facts . "\n", FILE_APPEND);
}

function last(string $facts, int ...$numbers): void
{
    $facts = sprintf($facts, ...$numbers);
    note(sprintf('%s pid=%d tid=%d time=%d', $facts, getmypid(), getmypid(), hrtime(true)));
}

function read_it(int $address): void
{
    global $libc;
    $libc->strlen($address);
}

function write_it(int $address): void
{
    global $libc;
    $libc->memset($address, 1, 1);
}

function in_null(): void
{
    last('fault=0x0');
    write_it(0);
}

function in_null_offset(): void
{
    last('fault=0x10');
    read_it(0x10);
}

function in_wild(): void
{
    last('fault=0x%x', WILD);
    write_it(WILD);
}

function in_noncanonical(): void
{
    last('value=0x%x', NONCANONICAL);
    read_it(NONCANONICAL);
}

function allocate_zend(int $size): int
{
    global $zend;
    return $zend->_emalloc($size);
}

function release_zend(int $block): void
{
    global $zend;
    $zend->_efree($block);
}

function in_zend_freed(): void
{
    $block = allocate_zend(HUGE);
    release_zend($block);
    last('fault=0x%x block=0x%x size=%d offset=70000 layer=zend', $block + 70000, $block, HUGE);
    write_it($block + 70000);
}

// A pointer out of a small block that was freed; what is behind its first word is as it was. It is of a size that PHP itself
// has no use for in between.
function in_zend_freed_pointer(): void
{
    global $libc;
    $block = allocate_zend(2900);
    $libc->memcpy($block + 24, pack('P', NONCANONICAL), 8);
    release_zend($block);
    last('value=0x%x block=0x%x size=2900 offset=24 layer=zend', NONCANONICAL, $block);
    $libc->strsep($block + 24, ',');
}

function in_zend_block(): void
{
    global $libc;
    $block = allocate_zend(HUGE);
    $at = $block + 3 * PAGE + 20;
    $libc->mprotect($block + 3 * PAGE, PAGE, 0);
    last('fault=0x%x block=0x%x size=%d offset=%d layer=zend', $at, $block, HUGE, $at - $block);
    write_it($at);
}

function in_zend_past_end(): void
{
    global $libc;
    $block = allocate_zend(HUGE);
    // Nothing is to be mapped right behind it. If something was, this page of it is not missed.
    $libc->syscall(11 /* munmap */, $block + HUGE, PAGE);
    last('fault=0x%x block=0x%x size=%d offset=%d layer=zend', $block + HUGE, $block, HUGE, HUGE);
    write_it($block + HUGE);
}

function in_libc_freed(): void
{
    global $libc;
    $block = $libc->malloc(LARGE);
    $libc->free($block);
    last('fault=0x%x block=0x%x size=%d offset=5000 layer=libc', $block + 5000, $block, LARGE);
    write_it($block + 5000);
}

// The head of its chunk, which says whose it is, is wiped: PHP sees that, and gives up.
function in_zend_corrupted(): void
{
    global $libc;
    $block = allocate_zend(56);
    last('block=0x%x size=56 layer=zend', $block);
    $libc->memset($block & -(2 << 20), 0, 8);
    release_zend($block);
}

function in_abort(): void
{
    global $libc;
    last('kind=abort');
    $libc->abort();
}

function in_double_free(): void
{
    global $libc;
    $block = $libc->malloc(1000);
    $libc->free($block);
    last('block=0x%x size=1000 offset=0 layer=libc', $block);
    $libc->free($block);
}

function in_kill(): void
{
    last('kind=kill');
    posix_kill(getmypid(), 11);
}

// Recursion: PHP's own functions live on its own stack; only those that C code calls back are on the native one.
function again_map(int $n): int
{
    return array_map('again_map', [$n + 1])[0];
}

function in_recursion_map(): void
{
    last('stack=main');
    again_map(0);
}

function again_sort($a, $b): int
{
    $list = [1, 2];
    usort($list, 'again_sort');
    return 0;
}

function in_recursion_sort(): void
{
    last('stack=main');
    again_sort(1, 2);
}

class Spoken
{
    public function __toString(): string
    {
        return 'x' . implode(',', [$this]);
    }
}

function in_recursion_string(): void
{
    last('stack=main');
    (string) new Spoken();
}

// The C stack of a fiber is small, and has a guard page below.
function in_recursion_fiber(): void
{
    $fiber = new Fiber(function (): void {
        last('stack=fiber');
        again_map(0);
    });
    $fiber->start();
}

function in_destructor(): void
{
    $object = new class () {
        public function __destruct()
        {
            in_null();
        }
    };
    unset($object);
}

function in_child(): void
{
    $child = pcntl_fork();
    if ($child === 0) {
        in_null();
    }
    pcntl_waitpid($child, $status);
    note("ended=$child");
}

// Made into machine code after some calls, where opcache's JIT is on.
function hot(int $n, int $address): int
{
    $sum = 0;
    for ($i = 0; $i < $n; $i++) {
        $sum += ($i * 7) % 11;
    }
    if ($address) {
        write_it($address);
    }
    return $sum;
}

function in_jit(): void
{
    for ($i = 0; $i < 2000; $i++) {
        hot(100, 0);
    }
    last('fault=0x%x', WILD);
    hot(100, WILD);
}

// The limit is an error of PHP's, not a crash: it ends with a status.
function in_limit(): void
{
    ini_set('memory_limit', '16M');
    last('kind=limit');
    $all = [];
    for (;;) {
        $all[] = str_repeat('x', 100000);
    }
}

[, $case, $file] = $argv;
if ($file === '-') {
    $file = 'php://stdout';
}
if (($argv[3] ?? '') === 'wait') {
    echo "ready\n";
    fgets(STDIN);
}
('in_' . str_replace('-', '_', $case))();
