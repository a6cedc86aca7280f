<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// load.php - PHP that allocates below every kind of call that the engine makes: says "ready", works until its
// input ends, or for two minutes.

function squares(int $n): Generator
{
    for ($i = 0; $i < $n; $i++) {
        yield $i => str_repeat('g', 100 + $i * $i);
    }
}

function outer(int $n): Generator
{
    yield from squares($n);
    return array_fill(0, $n, 'x');
}

class Tree implements IteratorAggregate, JsonSerializable
{
    private array $nodes = [];

    public function __construct(private int $depth)
    {
        if ($depth > 0) {
            $this->nodes = [new Tree($depth - 1), new self($depth - 1)];
        }
    }

    public function getIterator(): Iterator
    {
        return new ArrayIterator($this->nodes);
    }

    public function __call(string $name, array $arguments): array
    {
        return array_map(fn (Tree $t) => $t->depth . $name, $this->nodes);
    }

    public function jsonSerialize(): mixed
    {
        return ['depth' => $this->depth, 'nodes' => $this->nodes];
    }

    public function __destruct()
    {
        $this->nodes[] = sprintf('gone %d', $this->depth);
    }
}

function callbacks(int $n): void
{
    $words = explode(' ', str_repeat('the quick brown fox ', 5));
    usort($words, fn ($a, $b) => strcmp($a . $b, $b . $a));
    array_walk($words, function (&$w, $k) { $w = ucfirst($w) . $k; });
    array_map(fn ($w) => preg_replace_callback('/[a-z]+/', fn ($m) => strrev($m[0]), $w), $words);
    call_user_func_array('sprintf', ['%s-%d', implode(',', array_filter($words, 'strlen')), $n]);
}

function recursion(int $n): array
{
    return $n ? array_merge([$n], array_map('recursion', [$n - 1])[0]) : [];
}

function exceptions(int $n): string
{
    try {
        if ($n) {
            return exceptions($n - 1);
        }
        throw new RuntimeException(str_repeat('e', 50));
    } catch (RuntimeException $e) {
        if ($n % 2) {
            throw new RuntimeException('outer', $n, $e);
        }
        return $e->getTraceAsString();
    } finally {
        $kept = str_repeat('f', 200);
    }
}

function fibers(int $n): int
{
    $total = 0;
    $fibers = [];
    for ($i = 0; $i < $n; $i++) {
        $fibers[] = new Fiber(function (int $i): int {
            $bytes = 0;
            foreach (squares($i) as $s) {
                $bytes += strlen($s) + count(Fiber::suspend(str_split($s, 20)));
            }
            return $bytes;
        });
    }
    foreach ($fibers as $i => $f) {
        for ($out = $f->start($i); !$f->isTerminated(); $out = $f->resume(array_map('strrev', $out))) {
            $total += count($out);
        }
        $total += $f->getReturn();
    }
    return $total;
}

function output(): void
{
    ob_start(fn ($text) => strtoupper($text) . strlen($text));
    foreach (outer(8) as $k => $v) {
        echo $k, $v;
    }
    var_export(json_decode(json_encode(new Tree(3)), true));
    ob_end_clean();
}

function work(int $i): void
{
    callbacks($i);
    recursion($i % 12);
    try {
        exceptions($i % 9);
    } catch (RuntimeException $e) {
        (string)$e;
    }
    fibers(4);
    output();
    foreach (new Tree(3) as $t) {
        $t->anything($i);
    }
    unserialize(serialize([new ArrayObject(range(1, 20)), new SplObjectStorage()]));
    eval('$f = function ($x) { return array_fill(0, $x, "eval"); }; $f(10);');
    spl_autoload_register($loader = function ($class) { str_repeat($class, 10); });
    class_exists('Missing' . $i % 100);
    spl_autoload_unregister($loader);
    iterator_to_array(new CallbackFilterIterator(new ArrayIterator(range(1, 9)), fn ($x) => (bool)str_repeat('c', $x)));
}

if (PHP_SAPI !== 'cli') {
    for ($i = 0; $i < 5; $i++) {
        work($i);
    }
    echo 'done';
    return;
}
echo "ready\n";
stream_set_blocking(STDIN, false);
for ($i = 0, $end = time() + 120; fgets(STDIN) !== '' && !feof(STDIN) && time() < $end; $i++) {
    work($i);
}
