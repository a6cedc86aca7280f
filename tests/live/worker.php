<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// worker.php - a PHP target: obeys one-line commands, answers each with one line.

class Registry
{
    public static array $kept = [];

    // A new string each time: nothing is reallocated.
    public static function concat(int $n, string $left): void
    {
        for ($i = 0; $i < $n; $i++) {
            self::$kept[] = $left . $i;
        }
    }

    public static function keep(int $n, int $length): void
    {
        for ($i = 0; $i < $n; $i++) {
            self::$kept[] = str_repeat('x', $length - 8) . sprintf('%08d', $i);
        }
    }

    // Every n-th of them stays.
    public static function thin(int $n): void
    {
        self::$kept = array_filter(self::$kept, fn ($i) => $i % $n == 0, ARRAY_FILTER_USE_KEY);
    }
}

$libc = FFI::cdef('void *malloc(size_t n); size_t strlen(const char *s); void abort(void);', 'libc.so.6');

function leak_native(FFI $libc, int $n, int $size): void
{
    for ($i = 0; $i < $n; $i++) {
        $libc->malloc($size);
    }
}

// The same instruction of the engine, at the same depth, on three lines in turn.
function leak_by_line(FFI $libc, int $n): void
{
    for ($i = 0; $i < $n; $i++) {
        $libc->malloc(3001);
        $libc->malloc(3001);
        $libc->malloc(3001);
    }
}

// Code that is compiled anew each time, to where the one before was; so is the name of its file.
function leak_by_eval(FFI $libc, int $n): void
{
    for ($i = 0; $i < $n; $i++) {
        eval('$libc->malloc(3003);');
        eval('$libc->malloc(3003);');
        eval('$libc->malloc(3003);');
    }
}

function a_function_whose_name_is_so_long_that_it_does_not_fit_into_what_is_recorded_of_it(FFI $libc): void
{
    $libc->malloc(3002);
}

function churn(int $n): void
{
    for ($i = 0; $i < $n; $i++) {
        json_encode(array_map('strrev', json_decode('["abc", "def", "ghi"]')));
    }
}

echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    $word = explode(' ', trim($line));
    switch ($word[0]) {
        case 'keep':
            Registry::keep((int)$word[1], (int)$word[2]);
            break;
        case 'concat':
            Registry::concat((int)$word[1], str_repeat('c', 80));
            break;
        case 'native':
            leak_native($libc, (int)$word[1], (int)$word[2]);
            break;
        case 'lines':
            leak_by_line($libc, (int)$word[1]);
            break;
        case 'evals':
            leak_by_eval($libc, (int)$word[1]);
            break;
        case 'long':
            a_function_whose_name_is_so_long_that_it_does_not_fit_into_what_is_recorded_of_it($libc);
            break;
        case 'churn':
            churn((int)$word[1]);
            break;
        case 'drop':
            Registry::$kept = [];
            break;
        case 'thin':
            Registry::thin((int)$word[1]);
            break;
        case 'give_back':
            gc_mem_caches();
            break;
        case 'crash':
            $libc->strlen($libc->cast('const char *', 0x10));
            break;
    }
    echo memory_get_usage(), "\n";
}
