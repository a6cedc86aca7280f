<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// hostile.php - a PHP target whose names are made to do harm where they are shown: PHP takes any byte above 0x7f in one. "leak" allocates
// in functions of such names, for good; "crash" reads where nothing is, "limit" exhausts the memory_limit, "corrupt" spoils the heap, in one of
// them each; each command is answered with one line. The first argument is the name of the process; with it there are methods, too, and a
// very long name. The second is its title.

$libc = FFI::cdef('void *malloc(size_t n); size_t strlen(const char *s);', 'libc.so.6');
// C1's control sequence introducer as one byte, and in UTF-8; right-to-left; wide; a mark upon nothing, and many; joined.
$names = ["\x9b2J\x9b31m", "\xc2\x9b2J", "\xe2\x80\xaetxt", "\xe4\xb8\xad\xe6\x96\x87", "\xcc\x81mark" . str_repeat("\xcc\x81", 30),
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9"];
if (isset($argv[1])) {
    // Bytes that are no UTF-8; a line separator, a tag, an isolate that does not end; longer than what is recorded of it.
    array_push($names, "\xff\xc0\xaf\xed\xa0\x80", "\xe2\x80\xa8\xf3\xa0\x81\x81\xe2\x81\xa6", str_repeat("\xe2\x82\xac", 100));
}
foreach ($names as $name) {
    eval("function leak_$name(\$libc, \$n) { for (\$i = 0; \$i < \$n; \$i++) { \$libc->malloc(3001); } }");
}
$class = isset($argv[1]) ? "Class_\xe2\x80\xae\xc2\x9b" : null;
if ($class) {
    eval("class $class { static \$kept = [];
        static function method_\xff\xe2\x80\x8b() { for (\$i = 0; \$i < 20; \$i++) { self::\$kept[] = str_repeat('x', 3004); } }
        static function limit_\xe2\x81\xa7\x9b() { while (true) { self::\$kept[] = str_repeat('x', 3005); } }
        static function corrupt_\xe2\x81\xa7\x9b() {
            // The first word of each chunk of 2 MiB says whose it is, and is looked at when a block in it is freed.
            \$block = FFI::new('uint64_t');
            \$at = FFI::cast('uint64_t *', FFI::addr(\$block));
            FFI::cast('uint64_t *', FFI::cast('void *', FFI::cast('uint64_t', \$at)->cdata & ~0x1fffff))[0] = 1;
        }
        static function crash_\xe2\x81\xa7\x9b(\$libc) { \$libc->strlen(\$libc->cast('const char *', 0x10)); } }");
}
file_put_contents('/proc/self/comm', $argv[1] ?? "\x1b[2J\x1b]0;x\x07\n");
if (isset($argv[2])) {
    cli_set_process_title($argv[2]);
}

echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    if (in_array(rtrim($line), ['crash', 'limit', 'corrupt'])) {
        $class::{rtrim($line) . "_\xe2\x81\xa7\x9b"}($libc);
    }
    foreach ($names as $name) {
        ("leak_$name")($libc, 20);
    }
    if ($class) {
        $class::{"method_\xff\xe2\x80\x8b"}();
    }
    echo "done\n";
}
