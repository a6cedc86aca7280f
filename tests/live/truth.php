<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// truth.php - a PHP target that tells its own call stack: each case calls mark() somewhere deep; mark() allocates a native
// block of a size of its own and prints what debug_backtrace() says at that moment. Command: a case's name.

namespace Truth;

use FFI;

$libc = FFI::cdef('void *malloc(size_t n);', 'libc.so.6');

function mark(): void
{
    global $libc, $size, $marks;
    $libc->malloc(++$size); $line = __LINE__;
    $marks[] = ['size' => $size, 'line' => $line, 'trace' => array_map(
        fn ($f) => [($f['class'] ?? '') . (isset($f['class']) ? '::' : '') . $f['function'], $f['file'] ?? null, $f['line'] ?? null],
        debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS)
    )];
}

class Base
{
    public function __construct(private int $n = 1)
    {
        if ($n > 5) {
            mark();
        }
    }

    public function method(): void
    {
        mark();
    }

    public static function fixed(): void
    {
        (new static())->method();
    }

    public function __toString(): string
    {
        mark();
        return 'x';
    }

    public function __get(string $name): int
    {
        mark();
        return 1;
    }

    public function __call(string $name, array $arguments): void
    {
        mark();
    }

    public function __destruct()
    {
        if ($this->n === 3) {
            mark();
        }
    }
}

class Derived extends Base
{
}

function plain(int $depth): void
{
    if ($depth === 0) {
        mark();
    } else {
        plain($depth - 1);
    }
}

function generator(): \Generator
{
    for ($i = 0; $i < 2; $i++) {
        mark();
        yield $i;
    }
}

function outer_generator(): \Generator
{
    yield from generator();
}

function thrower(): void
{
    throw new \RuntimeException('thrown');
}

function run_case(string $case): void
{
    switch ($case) {
        case 'function':
            plain(0);
            break;
        case 'recursion':
            plain(40);
            break;
        case 'method':
            (new Base())->method();
            break;
        case 'static':
            Derived::fixed();
            break;
        case 'constructor':
            new Base(
                6
            );
            break;
        case 'closure':
            (function () {
                mark();
            })();
            break;
        case 'callback':
            array_map(function ($x) {
                mark();
                return $x;
            }, [1]);
            break;
        case 'sort':
            $a = [2, 1];
            usort($a, function ($x, $y) {
                plain(1);
                return $x <=> $y;
            });
            break;
        case 'nested':
            array_map(fn ($x) => array_filter([1], fn ($y) => array_walk($GLOBALS['one'], fn () => plain(2))), [1]);
            break;
        case 'preg':
            preg_replace_callback('/a/', function () {
                mark();
                return 'b';
            }, 'a');
            break;
        case 'generator':
            foreach (generator() as $_) {
            }
            break;
        case 'tostring':
            strlen((string)new Base());
            break;
        case 'get':
            (new Base())->absent;
            break;
        case 'destructor':
            $object = new Base(3);
            $object = null;
            break;
        case 'include':
            include __DIR__ . '/truth-included.php';
            break;
        case 'exception':
            try {
                thrower();
            } catch (\RuntimeException $e) {
                mark();
            } finally {
                mark();
            }
            break;
        case 'fiber':
            $fiber = new \Fiber(function (): void {
                plain(1);
                \Fiber::suspend();
                plain(1);
            });
            $fiber->start();
            $fiber->resume();
            break;
    }
}

$size = (int)($argv[1] ?? 100000);
$one = [1];
echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    $marks = [];
    run_case(trim($line));
    echo json_encode($marks), "\n";
}
