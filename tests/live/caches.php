<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// caches.php - fills the Zend heap and empties it, has it give back what it keeps for later (gc_mem_caches(), which is
// zend_mm_gc), and fills it again; rests after each step. Run with memory_limit=64M. Ends with 1 when it gave back nothing.

const BINS = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
    1280, 1536, 1792, 2048, 2560, 3072];
const HEAD = 25; // of a string: 24 bytes before it and a NUL behind it

function rest(): void
{
    usleep(150000);
}

// As many strings of each bin as take so many KiB, and others of whole pages.
function fill(array &$kept, int $kib): void
{
    foreach (array_slice(BINS, 3) as $size) {
        for ($i = 0; $i < 1024 * $kib / $size; $i++) {
            $kept[] = str_repeat('x', $size - HEAD);
        }
    }
    foreach ([4000, 9000, 100000, 700000] as $size) {
        $kept[] = str_repeat('y', $size);
        $kept[] = str_repeat('y', $size + 5000);
    }
}

// Every n-th of them stays: bins whose pages are all in use by a few.
function thin(array &$kept, int $n): void
{
    foreach ($kept as $i => $unused) {
        if ($i % $n) {
            unset($kept[$i]);
        }
    }
}

function give_back(int $least): void
{
    gc_collect_cycles();
    if (gc_mem_caches() < $least) {
        exit(1);
    }
}

$kept = [];
foreach ([2, 300] as $n) {
    fill($kept, 100);
    rest();
    thin($kept, $n);
    rest();
    give_back($n == 2 ? 0 : 1 << 20);
    rest();
    fill($kept, 100);
    rest();
    $kept = [];
    give_back(1 << 20);
    rest();
}
// Chunks that are empty are kept for the next that wants some, then given back.
for ($i = 0; $i < 3; $i++) {
    for ($k = 0; $k < 40; $k++) {
        $kept[] = str_repeat('z', 1000000);
    }
    rest();
    $kept = [];
    rest();
}
// At the limit the heap gives back by itself, in the middle of an allocation: all pages belong to bins of free blocks.
for ($i = 0; $i < 110000; $i++) {
    $kept[] = str_repeat('w', 320 - HEAD);
}
rest();
$places = array_keys($kept);
foreach ($places as $i) {
    $kept[$i] = null;
}
$places = null;
for ($k = 0; $k < 20; $k++) {
    $kept[$k] = str_repeat('v', 1000000);
}
rest();
for ($i = 0; $i < 40000; $i++) {
    $kept[$i] = str_repeat('u', 100 - HEAD);
}
rest();
