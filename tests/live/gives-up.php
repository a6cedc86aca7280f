<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// gives-up.php - PHP gives up, by the command on standard input or in the query: "limit" its memory_limit, "corrupt" its heap,
// "fatal" an error, "exit N".

class Hoard
{
    public static array $kept = [];

    public static function grow(): void
    {
        while (true) {
            self::$kept[] = str_repeat('x', 1000);
        }
    }
}

// The first word of each chunk of 2 MiB says whose it is, and is looked at when a block in it is freed.
function smash(): void
{
    $block = FFI::new('uint64_t');
    $at = FFI::cast('uint64_t *', FFI::addr($block));
    $chunk = FFI::cast('uint64_t', $at)->cdata & ~0x1fffff;
    FFI::cast('uint64_t *', FFI::cast('void *', $chunk))[0] = 1;
}

function obey(string $command): void
{
    switch (explode(' ', $command)[0]) {
        case 'limit':
            Hoard::grow();
            break;
        case 'corrupt':
            smash();
            break;
        case 'fatal':
            no_such_function();
            break;
        case 'exit':
            exit((int)substr($command, 5));
    }
}

if (PHP_SAPI === 'cli') {
    echo "ready\n";
    obey(trim(fgets(STDIN)));
} else {
    obey($_GET['command']);
    echo 'done';
}
