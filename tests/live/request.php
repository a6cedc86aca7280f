<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// request.php - a request that keeps what it allocates until its end.

function keep_for_the_request(int $n): array
{
    $kept = [];
    for ($i = 0; $i < $n; $i++) {
        $kept[] = str_repeat('k', 100 + $i % 50);
    }
    return $kept;
}

$kept = keep_for_the_request(200);
echo 'kept ', count($kept);
