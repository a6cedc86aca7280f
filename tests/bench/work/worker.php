<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// worker.php - a PHP worker to be timed. Commands as in work.h: "requests MS"; "pairs MS": an object is made and
// dropped, which is one emalloc and one efree, some calls below the main script. And "libraries": how many of them it
// maps.
require __DIR__ . '/request.php';

class Thing
{
}

class Maker
{
    public static function outer(int $ns): int
    {
        return self::inner($ns);
    }

    private static function inner(int $ns): int
    {
        return self::pairs($ns);
    }

    private static function pairs(int $ns): int
    {
        $n = 0;
        $end = hrtime(true) + $ns;
        do {
            for ($i = 0; $i < 200; $i++) {
                new Thing();
            }
            $n += 200;
        } while (hrtime(true) < $end);
        return $n;
    }
}

function requests(Shop $shop, int $ns): int
{
    $n = 0;
    $end = hrtime(true) + $ns;
    do {
        $shop->serve($n++);
    } while (hrtime(true) < $end);
    return $n;
}

function cpu_ns(): int
{
    $used = getrusage();
    return ($used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']) * 1000000000
        + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) * 1000;
}

$shop = new Shop(false);
$shop->serve(0); // compiles the template
echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    [$command, $ms] = explode(' ', trim($line) . ' 0');
    if ($command === 'libraries') {
        preg_match_all('~/\S+\.so\S*$~m', file_get_contents('/proc/self/maps'), $found);
        echo count(array_unique($found[0])), "\n";
        continue;
    }
    $start = hrtime(true);
    $cpu = cpu_ns();
    $n = $command === 'requests' ? requests($shop, $ms * 1000000) : Maker::outer($ms * 1000000);
    echo $n, ' ', hrtime(true) - $start, ' ', cpu_ns() - $cpu, "\n";
}
