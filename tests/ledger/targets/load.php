<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// load.php - work for PHP that allocates; sys_getloadavg() asks for a look (tests/ledger/shim.c).

final class Node
{
    public array $down = [];

    public function __construct(public ?Node $up, public string $name)
    {
    }
}

function tree(int $depth, ?Node $up = null): Node
{
    $node = new Node($up, str_repeat('n', $depth * 9));
    for ($i = 0; $depth > 0 && $i < 3; $i++) {
        $node->down[] = tree($depth - 1, $node);
    }
    return $node;
}

function squares(int $n): Generator
{
    for ($i = 0; $i < $n; $i++) {
        yield "k$i" => $i * $i;
    }
}

$kept = [];
for ($n = 0; $n < 30; $n++) {
    $kept[] = json_decode(json_encode(iterator_to_array(squares(40))), true);
    $kept[] = preg_replace_callback('/\d+/', fn ($m) => $m[0] + $n, implode(',', range(0, 90)));
    tree(3);
    if ($n % 4 === 3) {
        array_splice($kept, 0, 3);
        gc_collect_cycles();
    }
    try {
        throw new RuntimeException(str_repeat('e', $n * 50));
    } catch (RuntimeException $e) {
        usort($kept, fn ($a, $b) => strlen(serialize($a)) <=> strlen(serialize($b)));
    }
    sys_getloadavg();
}
echo 'work done by PHP: ', count($kept), ' ', strlen(serialize($kept)), "\n";
