<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// vitals.php - a PHP target that tells what PHP itself counts. On the command line it obeys one-line commands and answers each
// with a line of JSON; behind a web server it takes 20 MB for the request, or as
// many as it is asked for.

class Node
{
    public ?Node $self = null;
    public string $text = '';
}

function keep(int $n): void
{
    static $kept = [];
    for ($i = 0; $i < $n; $i++) {
        $kept[] = str_repeat('k', 992) . sprintf('%08d', $i);
    }
}

// Garbage that only the cycle collector can free.
function make_cycles(int $n): void
{
    for ($i = 0; $i < $n; $i++) {
        $node = new Node();
        $node->self = $node;
        $node->text = str_repeat('g', 2000);
    }
}

// Leak so many strings every 5 ms, until memory_limit ends it.
function leak_until_the_end(int $n): void
{
    while (true) {
        keep($n);
        usleep(5000);
    }
}

if (PHP_SAPI !== 'cli') {
    $kept = [];
    // Twenty of these fill a chunk.
    for ($i = 0; $i < 10 * ($_GET['megabytes'] ?? 0); $i++) {
        $kept[] = str_repeat('m', 100000);
    }
    if ($kept) {
        exit('kept ' . count($kept));
    }
    for ($i = 0; $i < 20000; $i++) {
        $kept[] = str_repeat('k', 992) . sprintf('%08d', $i);
    }
    echo 'kept ', count($kept);
    exit;
}

echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    $word = explode(' ', trim($line));
    switch ($word[0]) {
        case 'keep':
            keep((int)$word[1]);
            break;
        case 'cycles':
            make_cycles((int)$word[1]);
            break;
        case 'peak':
            strlen(str_repeat('p', (int)$word[1]));
            break;
        case 'collect':
            gc_collect_cycles();
            break;
        case 'off':
            gc_disable();
            break;
        case 'leak':
            echo "leaking\n";
            leak_until_the_end((int)$word[1]);
            break;
    }
    $gc = gc_status();
    echo json_encode([
        'size_bytes' => memory_get_usage(), 'real_bytes' => memory_get_usage(true),
        'real_peak_bytes' => memory_get_peak_usage(true), 'limit' => ini_get('memory_limit'),
        'enabled' => gc_enabled(), 'roots' => $gc['roots'], 'runs' => $gc['runs'], 'collected' => $gc['collected'],
        'threshold' => $gc['threshold'],
    ]), "\n";
}
