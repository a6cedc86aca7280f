<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// truth.php - a PHP target that tells its own call stack: each case calls mark() somewhere deep; mark() allocates a native
// block of a size of its own and prints what debug_backtrace() says at that moment. Command: a case's name. Under a web
// server: a case a request.
// This file is PHP 7.4; what later versions brought is in truth-8.1.php and truth-8.4.php.

namespace Truth;

use FFI;

$libc = FFI::cdef('void *malloc(size_t n);', 'libc.so.6');

function mark(): void
{
    global $libc, $size, $marks;
    $libc->malloc(++$size); $line = __LINE__;
    $marks[] = ['size' => $size, 'line' => $line, 'trace' => array_map(
        fn ($f) => [called($f), $f['file'] ?? null, $f['line'] ?? null],
        debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS)
    )];
}

// The name of a class without a name has its place behind a NUL.
function called(array $f): string
{
    return isset($f['class']) ? explode("\0", $f['class'])[0] . '::' . $f['function'] : $f['function'];
}

trait Marking
{
    public function from_trait(): void
    {
        mark();
    }
}

class Base implements \ArrayAccess, \IteratorAggregate, \Countable, \JsonSerializable
{
    use Marking;

    private int $n;
    public ?Base $cycle = null;

    public function __construct(int $n = 1)
    {
        $this->n = $n;
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

    public static function __callStatic(string $name, array $arguments): void
    {
        mark();
    }

    public function __invoke($x = null): void
    {
        mark();
    }

    public function __serialize(): array
    {
        mark();
        return [];
    }

    public function offsetExists($offset): bool
    {
        mark();
        return true;
    }

    #[\ReturnTypeWillChange]
    public function offsetGet($offset)
    {
        mark();
        return 1;
    }

    public function offsetSet($offset, $value): void
    {
        mark();
    }

    public function offsetUnset($offset): void
    {
        mark();
    }

    public function getIterator(): \Iterator
    {
        mark();
        return new \ArrayIterator([1]);
    }

    public function count(): int
    {
        mark();
        return 1;
    }

    #[\ReturnTypeWillChange]
    public function jsonSerialize()
    {
        mark();
        return 1;
    }

    public function bound(): \Closure
    {
        return function () {
            mark();
        };
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
    public function method(): void
    {
        parent::method();
    }
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

function cleaned_generator(): \Generator
{
    try {
        yield 1;
    } finally {
        mark();
    }
}

function receiver(): \Generator
{
    $x = yield;
    plain($x);
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
        case 'call':
            (new Base())->undefined(1, 2);
            break;
        case 'callstatic':
            Base::undefined();
            break;
        case 'invoke':
            (new Base())();
            array_map(new Base(), [1]);
            break;
        case 'inherited':
            (new Derived())->from_trait();
            (new Derived())->method();
            break;
        case 'anonymous':
            (new class (1) extends Base {
                public function own(): void
                {
                    mark();
                }
            })->own();
            break;
        case 'arrayaccess':
            $object = new Base();
            $object[1] = isset($object[2]) ? $object[3] : 0;
            unset($object[4]);
            break;
        case 'iterator':
            foreach (new Base() as $_) {
            }
            count(new Base());
            break;
        case 'serialize':
            serialize(new Base());
            json_encode(new Base());
            break;
        case 'bound':
            (new Base())->bound()();
            \Closure::fromCallable([new Base(), 'method'])();
            \Closure::bind(static function () {
                mark();
            }, null, Base::class)();
            break;
        case 'indirect':
            call_user_func('Truth\plain', 1);
            call_user_func_array([Base::class, 'fixed'], []);
            plain(...[2]);
            $name = 'Truth\plain';
            $name(3);
            break;
        case 'reflection':
            (new \ReflectionMethod(Base::class, 'method'))->invoke(new Base());
            (new \ReflectionClass(Base::class))->newInstance(7);
            break;
        case 'autoload':
            class_exists('Truth\Missing' . ++$GLOBALS['missing']);
            break;
        case 'errorhandler':
            set_error_handler(function (): bool {
                mark();
                return true;
            });
            echo $undefined_variable;
            trigger_error('x');
            restore_error_handler();
            break;
        case 'output':
            ob_start(function (string $text): string {
                mark();
                return '';
            });
            echo 'x';
            ob_end_clean();
            break;
        case 'cycle':
            $object = new Base(3);
            $object->cycle = $object;
            $object = null;
            gc_collect_cycles();
            break;
        case 'delegation':
            foreach (outer_generator() as $_) {
            }
            break;
        case 'cleanup':
            $generator = cleaned_generator();
            $generator->current();
            $generator = null;
            break;
        case 'send':
            receiver()->send(1);
            break;
        case 'frameless':
            implode(',', [new Base(), 'x']);
            in_array('x', [new Base()]);
            break;
        case 'eval':
            eval('\Truth\plain(1);');
            break;
        case 'evaluated':
            if (!function_exists('evaluated')) {
                eval("function evaluated()\n{\n    \\Truth\\mark();\n}\nclass Evaluated\n{\n    function m() { evaluated(); }\n}");
            }
            evaluated();
            (new \Evaluated())->m();
            break;
        case 'evalinclude':
            eval("include \$GLOBALS['included'];\n\n(function () { eval('\\Truth\\mark();'); })();");
            break;
        default:
            run_later_case($case);
    }
}

function run_later_case(string $case): void
{
    function_exists('Truth\run_case_81') && run_case_81($case);
    function_exists('Truth\run_case_84') && run_case_84($case);
}

if (PHP_VERSION_ID >= 80100) {
    require __DIR__ . '/truth-8.1.php';
}
if (PHP_VERSION_ID >= 80400) {
    require __DIR__ . '/truth-8.4.php';
}
spl_autoload_register(function (string $class): void {
    plain(1);
});
$missing = 0;
$included = __DIR__ . '/truth-included.php';
$size = (int)($argv[1] ?? $_GET['size'] ?? 100000);
$one = [1];
if (PHP_SAPI !== 'cli') { // a case a request
    $marks = [];
    run_case($_GET['case']);
    echo json_encode(['pid' => getmypid(), 'marks' => $marks]);
    return;
}
echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    $marks = [];
    run_case(trim($line));
    echo json_encode($marks), "\n";
}
