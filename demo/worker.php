<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// worker.php - a long-lived worker that handles requests in a loop, leaks, and crashes on SIGUSR1.

class SessionCache
{
    private static array $sessions = [];

    // Leak 1, Zend heap: sessions are remembered and never forgotten.
    public static function remember(int $id): void
    {
        self::$sessions[] = str_repeat('s', 700) . $id;
    }
}

class ImageFilter
{
    private FFI $libc;

    public function __construct()
    {
        $this->libc = FFI::cdef('void *malloc(size_t n); size_t strlen(const char *s);', 'libc.so.6');
    }

    // Leak 2, libc heap: a buffer of native code that is never given back.
    public function apply(): void
    {
        $this->libc->malloc(4000);
    }

    public function crash(): void
    {
        $this->libc->strlen($this->libc->cast('const char *', 0x10));
    }
}

function handle_request(int $id, ImageFilter $filter): string
{
    $session = json_decode('{"user": ' . $id . ', "roles": ["a", "b", "c"], "name": "demo"}', true);
    SessionCache::remember($id);
    if ($id % 10 === 0) {
        $filter->apply();
    }
    return json_encode(array_map('strval', $session['roles']));
}

$filter = new ImageFilter();
$crash = false;
pcntl_async_signals(true);
pcntl_signal(SIGUSR1, function () use (&$crash) {
    $crash = true;
});
echo "worker ", getmypid(), " ready\n";
for ($id = 1; $id < 100000; $id++) { // ends by itself, should nobody stop it
    handle_request($id, $filter);
    if ($crash) {
        $filter->crash();
    }
    usleep(1000);
}
