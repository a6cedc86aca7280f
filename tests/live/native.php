<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// native.php - a request that leaks eleven blocks of libc's.

function leak_in_request(FFI $libc): void
{
    for ($i = 0; $i < 11; $i++) {
        $libc->malloc(4321);
    }
}

leak_in_request(FFI::cdef('void *malloc(size_t n);', 'libc.so.6'));
echo 'leaked';
