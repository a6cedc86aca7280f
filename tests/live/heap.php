<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// heap.php - uses the Zend heap in every way that changes its size, and rests after each: blocks of all bins, large and huge
// ones; grown and cut in place and by moving; freed; garbage that is collected; caches that are given back.

function rest(): void
{
    usleep(150000);
}

const BINS = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
    1280, 1536, 1792, 2048, 2560, 3072];
const LARGE = [3073, 4096, 4097, 60000, 1000000, 2093056 - 25];
const HUGE = [2093056, 3000000, 9000001];
const HEAD = 25; // of a string: 24 bytes before it and a NUL behind it

$kept = [];
foreach ([...array_slice(BINS, 3), ...LARGE, ...HUGE] as $size) {
    for ($i = 0; $i < 7; $i++) {
        $kept[] = str_repeat('x', $size - HEAD);
    }
}
rest();
foreach ($kept as $i => $string) { // grow and cut: the engine reallocates strings that have one owner
    unset($string);
    if ($i % 3 == 0) {
        $kept[$i] .= 'y';
    } elseif ($i % 3 == 1) {
        $kept[$i] .= str_repeat('z', 500);
    }
}
rest();
for ($size = 1; $size < 3000; $size += 7) { // a string that grows through all bins
    $kept['grows'] = ($kept['grows'] ?? '') . '1234567';
}
rest();
$array = range(1, 5000);
while (count($array) > 10) {
    array_pop($array);
}
$array = array_values($array);
rest();
foreach ($kept as $i => $unused) {
    if (is_int($i) && $i % 2) {
        unset($kept[$i]);
    }
}
unset($unused);
rest();
for ($i = 0; $i < 3000; $i++) { // cycles
    $a = new stdClass();
    $a->self = $a;
}
gc_collect_cycles();
gc_mem_caches();
rest();
$fiber = class_exists('Fiber') ? new Fiber(function () { Fiber::suspend(str_repeat('f', 7000)); }) : null;
if ($fiber) {
    $fiber->start();
}
$kept['json'] = json_decode(json_encode(array_fill(0, 500, ['a' => 1.5, 'b' => 'text', 'c' => [1, 2, 3]])), true);
preg_match_all('/(\\w+) (\\d+)/', str_repeat('word 12 ', 3000), $kept['matches']);
usort($kept['matches'][1], fn ($x, $y) => strcmp($y, $x));
$kept['text'] = implode(',', array_map(fn ($n) => dechex($n * $n), range(1, 9000)));
rest();
$kept = null;
rest();
