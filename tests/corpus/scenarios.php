<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// scenarios.php - programs that leak, and programs that only look as if they did:
// php scenarios.php NAME REQUESTS RATE OTHERS BEFORE
// Each is a function that is called once a request; scenarios.py says what is true of it. The program serves BEFORE
// requests, says "ready", waits for a line, serves REQUESTS more, RATE a second (0: as fast as it can), says "done", and
// waits for the end of its input. Each request makes about OTHERS more allocations, which are freed at once. With RATE 0 it
// says what it gained, by its own count: "done ZEND LIBC MMAP", in bytes a request, from the least of the second quarter to
// the least of the last.

// ---- leaks ----

function linear_25(int $i): void // 184 bytes and 16 of the list, in each eighth request
{
    static $kept = [];
    if ($i % 8 == 0) {
        $kept[] = str_repeat('x', 159);
    }
}

function each_request(int $i): void
{
    static $kept = [];
    $kept[] = "request $i";
}

function remembered_by_key(int $i): void
{
    static $known = [];
    $known["user:$i"] ??= ['id' => $i, 'seen' => 1];
}

class Node
{
    public ?Node $next = null;
    public ?Node $other = null;
}

function linked_list(int $i): void
{
    static $head = null;
    $node = new Node();
    $node->next = $head;
    $head = $node;
}

function in_steps(int $i): void // a reload every 700 requests that keeps what it replaces
{
    static $configurations = [];
    if ($i % 700 == 350) {
        $configurations[] = array_map(fn ($n) => str_repeat('c', 100 + $n % 7), range(1, 300));
    }
}

function rare_and_large(int $i): void
{
    static $uploads = [];
    if ($i % 1200 == 600) {
        $uploads[] = str_repeat('u', 1 << 20);
    }
}

class Emitter
{
    public static array $listeners = [];
    public static function on(string $event, callable $f): void
    {
        self::$listeners[$event][] = $f;
    }
}

function listeners(int $i): void
{
    Emitter::on('tick', function () use ($i) {
        return $i;
    });
}

function cyclic_garbage(Node $a): void
{
    $b = new Node();
    $a->next = $b;
    $b->next = $a;
}

function cycles_never_collected(int $i): void
{
    gc_disable();
    cyclic_garbage(new Node());
}

function cycles_collected(int $i): void
{
    cyclic_garbage(new Node());
    cyclic_garbage(new Node());
    cyclic_garbage(new Node());
}

function sessions_without_end(int $i): void
{
    static $sessions = [];
    $sessions[md5((string)$i)] = new ArrayObject(['user' => $i]);
}

function response(int $i): string
{
    return str_repeat('r', 300 + $i % 50);
}

function some_are_kept(int $i): void // the line that makes them makes others, too, that are freed at once
{
    static $kept = [];
    for ($k = 0; $k < 10; $k++) {
        $r = response($i + $k);
    }
    if ($i % 10 == 0) {
        $kept[] = $r;
    }
}

function log_in_memory(int $i): void // one string, ever longer
{
    static $log = '';
    $log .= "GET /index.php?id=$i 200\n";
}

function coroutines_pile_up(int $i): void
{
    static $waiting = [];
    if ($i % 10) {
        return;
    }
    $fiber = new Fiber(function () use ($i): void {
        $local = str_repeat('l', 500);
        Fiber::suspend($i);
    });
    $fiber->start();
    $waiting[] = $fiber;
}

function walk(int $i): Generator
{
    $page = str_repeat('p', 200);
    while (true) {
        yield $i;
    }
}

function generators_kept(int $i): void
{
    static $open = [];
    $g = walk($i);
    $g->current();
    if ($i % 5 == 0) {
        $open[] = $g;
    }
}

function exceptions_kept(int $i): void
{
    static $errors = [];
    try {
        throw new RuntimeException("request $i failed");
    } catch (RuntimeException $e) {
        if ($i % 4 == 0) {
            $errors[] = $e;
        }
    }
}

function memory(): FFI
{
    static $ffi = null;
    return $ffi ??= FFI::cdef('
        struct mallinfo2 { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost; };
        struct mallinfo2 mallinfo2(void);
        void *malloc(size_t n);
        void free(void *p);');
}

function in_a_library(int $i): void // malloc, while PHP's own heap is flat
{
    $image = memory()->malloc(2000);
    memory()->malloc(64);
    memory()->free($image);
}

function beside_a_cache(int $i): void
{
    least_recently_used($i);
    tags($i);
}

function tags(int $i): void
{
    static $tags = [];
    if ($i % 2) {
        $tags[] = "tag-$i";
    }
}

// ---- none ----

function steady(int $i): void
{
    $row = ['id' => $i, 'name' => "name $i", 'tags' => [$i, $i + 1]];
    json_decode(json_encode($row));
}

function least_recently_used(int $i): void // 500 entries
{
    static $cache = [];
    $key = $i * 7919 % 800;
    $entry = $cache[$key] ?? "entry $i";
    unset($cache[$key]);
    $cache[$key] = $entry . '';
    if (count($cache) > 500) {
        unset($cache[array_key_first($cache)]);
    }
}

function slow_cache(int $i): void // entries stay for 4,000 requests
{
    static $cache = [];
    $cache[$i % 4000] = "page $i of the slow cache";
}

function replaced_at_random(int $i): void
{
    static $cache = [];
    $cache[mt_rand(0, 699)] = str_repeat('v', 100 + $i % 400);
}

class Connection
{
    public string $buffer = '';
    public bool $busy = false;
}

function bounded_pool(int $i): void // up to 64 connections, as many as are needed at a time
{
    static $pool = [];
    $need = (int)(32 + 31 * sin($i / 150));
    foreach ($pool as $n => $connection) {
        $connection->busy = $n < $need;
        $connection->buffer = $connection->busy ? "query $i" : '';
    }
    while (count($pool) < $need) {
        $pool[] = new Connection();
    }
}

function warm_up(int $i): void // templates that are compiled when they are first asked for: 600 of them
{
    static $compiled = [];
    $n = (int)floor(600 * (1 - exp(-$i / 900)));
    $compiled[$n] ??= ['code' => str_repeat('t', 400 + $n), 'name' => "template $n"];
}

function sawtooth(int $i): void
{
    static $batch = [];
    $batch[] = "item $i of the batch";
    if (count($batch) >= 900) {
        $batch = [];
    }
}

function periodic_flush(int $i): void
{
    static $lines = [], $null = null;
    $null ??= fopen('/dev/null', 'w');
    $lines[] = "line $i\n";
    if ($i % 640 == 639) {
        foreach ($lines as $line) {
            fwrite($null, $line);
        }
        $lines = [];
    }
}

function sessions_that_expire(int $i): void // after 1,500 requests
{
    static $sessions = [];
    $sessions[$i] = new ArrayObject(['user' => $i, 'until' => $i + 1500]);
    foreach ($sessions as $id => $session) {
        if ($session['until'] > $i) {
            break;
        }
        unset($sessions[$id]);
    }
}

function fragmentation(int $i): void // as much as ever, in ever other sizes
{
    static $held = [], $total = 0;
    $held[] = $s = str_repeat('f', mt_rand(1, 20) ** 3);
    $total += strlen($s);
    while ($total > 2000000) {
        $key = mt_rand(0, 3) ? array_key_first($held) : array_rand($held);
        $total -= strlen($held[$key]);
        unset($held[$key]);
    }
}

function queue(int $i): void // a consumer that falls behind and catches up
{
    static $jobs = null;
    $jobs ??= new SplQueue();
    $jobs->enqueue("job $i");
    $may_be = (int)(200 + 190 * sin($i / 260));
    while (count($jobs) > $may_be) {
        $jobs->dequeue();
    }
}

function text_begun_anew(int $i): void
{
    static $text = '';
    $text .= "paragraph $i, and so on\n";
    if (strlen($text) > 20000) {
        $text = '';
    }
}

function memo_of_few(int $i): void // all that can be asked is known after a while
{
    static $memo = [];
    $n = mt_rand(0, 399);
    $memo["fib($n)"] ??= str_repeat('9', 50 + $n);
}

function delayed(int $i): void // timers of very different length
{
    static $timers = [];
    $timers[$i + (int)(-400 * log(1 - mt_rand(0, 999) / 1000))][] = function () use ($i) {
        return $i;
    };
    unset($timers[$i]);
}

// ---- what serves them ----

function others(int $n): void
{
    for ($k = 0; $k < $n; $k += 3) {
        $a = str_repeat('o', 20 + $k % 200);
        $b = "other $k";
        $c = [$k, $b];
    }
}

function held(): array
{
    $libc = memory()->mallinfo2();
    $mapped = (int)file_get_contents('/proc/self/statm') * 4096;
    return [memory_get_usage(), $libc->uordblks + $libc->hblkhd, $mapped];
}

function serve(callable $scenario, int $from, int $n, float $rate, int $others): string
{
    $least = array_fill(0, 4, [PHP_INT_MAX, PHP_INT_MAX, PHP_INT_MAX]);
    $start = hrtime(true);
    for ($i = 0; $i < $n; $i++) {
        gc_enabled(); // the engine's function of that name is where requests are counted
        $scenario($from + $i);
        others($others);
        if ($rate) {
            $wait = $start + ($i + 1) * 1e9 / $rate - hrtime(true);
            if ($wait > 0) {
                usleep((int)($wait / 1000));
            }
        } elseif ($i % 10 == 0) {
            foreach (held() as $layer => $bytes) {
                $least[intdiv(4 * $i, $n)][$layer] = min($least[intdiv(4 * $i, $n)][$layer], $bytes);
            }
        }
    }
    return $rate ? 'done' : sprintf('done %.1f %.1f %.1f', ...array_map(
        fn ($later, $earlier) => ($later - $earlier) / ($n / 2), $least[3], $least[1]));
}

// one_of_eight - eight workers share the requests; the third of them leaks.
function one_of_eight(int $n, float $rate, int $others): void
{
    $pipes = [];
    for ($w = 0; $w < 8; $w++) {
        [$pipes[$w], $mine] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        if (!pcntl_fork()) {
            fclose(STDIN);
            array_map('fclose', $pipes);
            fgets($mine);
            fwrite($mine, serve($w == 2 ? 'each_request' : 'steady', 0, intdiv($n, 8), $rate / 8, $others) . "\n");
            fgets($mine);
            exit(0);
        }
        fclose($mine);
    }
    echo "ready\n";
    fgets(STDIN);
    foreach ($pipes as $pipe) {
        fwrite($pipe, "go\n");
    }
    echo fgets($pipes[2]); // the others may end sooner or later: what matters is how many requests that one has served
    fgets(STDIN);
}

[, $name, $n, $rate, $others, $before] = $argv;
mt_srand(1);
if ($name == 'one_of_eight') {
    one_of_eight((int)$n, (float)$rate, (int)$others);
    exit(0);
}
memory();
serve($name, 0, (int)$before, 1e9, 0);
echo "ready\n";
fgets(STDIN);
echo serve($name, (int)$before, (int)$n, (float)$rate, (int)$others), "\n";
fgets(STDIN);
