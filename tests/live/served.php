<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// served.php - a worker that runs for long and answers requests, one a line, over a socket: served.php SOCKET

class Sessions
{
    public static array $kept = [];
    public static array $table = [];
    public static array $cache = [];

    public static function leak(int $n): void
    {
        self::$kept[] = str_repeat('x', 3000) . $n;
    }

    // A table whose entries are replaced in turn: each of them lives for 500 requests.
    public static function replace(int $n): void
    {
        self::$table[$n % 500] = ['id' => $n, 'name' => str_repeat('t', 200) . $n];
    }

    // It fills, and then stops.
    public static function cached(int $n, int $limit): string
    {
        $key = $n * 7 % $limit;
        return self::$cache[$key] ??= str_repeat('c', 500) . $key;
    }
}

function render(int $n): string
{
    $rows = [];
    foreach (json_decode('[{"a": 1, "b": "two"}, {"a": 3, "b": "four"}, {"a": 5, "b": "six"}]', true) as $row) {
        for ($i = 0; $i < 10; $i++) {
            $rows[] = strtoupper($row['b']) . ($row['a'] * $n + $i);
        }
    }
    usort($rows, fn($x, $y) => strcmp(strrev($x), strrev($y)));
    return md5(implode(',', array_map(fn($r) => htmlspecialchars("<$r>"), $rows)));
}

function handle(string $kind, int $n): string
{
    $page = render($n);
    if ($kind === 'leak') {
        Sessions::leak($n);
    }
    Sessions::replace($n);
    Sessions::cached($n, 200);
    return $page;
}

$server = stream_socket_server("unix://$argv[1]");
echo "ready\n";
$n = 0;
while ($client = stream_socket_accept($server, -1)) {
    while (($line = fgets($client)) !== false) {
        fwrite($client, handle(trim($line), $n++) . "\n");
    }
    fclose($client);
}
