<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// truth-8.4.php - cases of truth.php that need PHP 8.4: property hooks and lazy objects.

namespace Truth;

class Hooked
{
    public int $seen {
        get {
            mark();
            return 1;
        }
        set(int $value) {
            plain(1);
        }
    }
}

class Lazy
{
    public int $x = 1;
}

function run_case_84(string $case): void
{
    switch ($case) {
        case 'hook':
            $object = new Hooked();
            $object->seen = $object->seen;
            break;
        case 'lazy':
            $object = (new \ReflectionClass(Lazy::class))->newLazyGhost(function (Lazy $lazy): void {
                mark();
            });
            $object->x;
            break;
    }
}
