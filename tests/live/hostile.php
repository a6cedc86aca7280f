<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// hostile.php - a PHP target whose names are made to do harm on a terminal: PHP takes any byte above 0x7f in one. "leak" allocates in
// functions of such names, for good; each command is answered with one line.

$libc = FFI::cdef('void *malloc(size_t n);', 'libc.so.6');
// C1's control sequence introducer as one byte, and in UTF-8; right-to-left; wide; a mark upon nothing, and many; joined.
$names = ["\x9b2J\x9b31m", "\xc2\x9b2J", "\xe2\x80\xaetxt", "\xe4\xb8\xad\xe6\x96\x87", "\xcc\x81mark" . str_repeat("\xcc\x81", 30),
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9"];
foreach ($names as $name) {
    eval("function leak_$name(\$libc, \$n) { for (\$i = 0; \$i < \$n; \$i++) { \$libc->malloc(3001); } }");
}
file_put_contents('/proc/self/comm', "\x1b[2J\x1b]0;x\x07\n");

echo "ready\n";
while (fgets(STDIN) !== false) {
    foreach ($names as $name) {
        ("leak_$name")($libc, 20);
    }
    echo "done\n";
}
