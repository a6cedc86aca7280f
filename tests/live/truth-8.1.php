<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// truth-8.1.php - cases of truth.php that need PHP 8.1: fibers, enums, first-class callables, named arguments.

namespace Truth;

enum Suit: string
{
    case Hearts = 'H';

    public function told(): void
    {
        mark();
    }

    public static function fixed(): void
    {
        self::Hearts->told();
    }
}

#[\Attribute]
class Remark
{
    public function __construct(public readonly int $n = 1)
    {
        mark();
    }
}

#[Remark]
class Remarked
{
}

function named(int $a = 1, int $depth = 2, Base $c = new Base(9)): void
{
    plain($depth);
}

function run_case_81(string $case): void
{
    switch ($case) {
        case 'fiber':
            $fiber = new \Fiber(function (): void {
                plain(1);
                \Fiber::suspend();
                plain(1);
            });
            $fiber->start();
            $fiber->resume();
            break;
        case 'innerfiber':
            (new \Fiber(function (): void {
                (new \Fiber(function (): void {
                    foreach (generator() as $_) {
                        plain(1);
                        break;
                    }
                }))->start();
            }))->start();
            break;
        case 'enum':
            Suit::fixed();
            Suit::from('H')->told();
            break;
        case 'firstclass':
            plain(...)(1);
            array_map((new Base())->method(...), [1]);
            (new Base())->undefined(...)();
            break;
        case 'named':
            named(depth: 3);
            call_user_func('Truth\named', depth: 1);
            break;
        case 'attribute':
            (new \ReflectionClass(Remarked::class))->getAttributes()[0]->newInstance();
            break;
        case 'match':
            match (true) {
                default => (new Base())?->method(),
            };
            break;
    }
}
