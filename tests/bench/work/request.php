<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// request.php - what the PHP benches do for one request: decode JSON, work on arrays, build strings, render a template.
require_once '/usr/share/php/Twig/autoload.php';

use Twig\Environment;
use Twig\Loader\ArrayLoader;

class Shop
{
    private const PAGE = '<h1>{{ title|upper }}</h1><ul>{% for item in items %}'
        . '<li class="{{ cycle(["odd", "even"], loop.index0) }}">{{ item.name }}: '
        . '{{ item.price|number_format(2) }}</li>'
        . '{% else %}<li>nothing</li>{% endfor %}</ul>';

    private Environment $twig;
    private string $order;

    // $cache: a folder for compiled templates, or false: they are compiled once in this process.
    public function __construct(string|false $cache)
    {
        $this->twig = new Environment(new ArrayLoader(['page' => self::PAGE]), ['cache' => $cache]);
        $items = [];
        for ($i = 0; $i < 20; $i++) {
            $items[] = ['name' => "item $i", 'price' => $i * 1.25, 'tags' => ['new', "tag $i"]];
        }
        $this->order = json_encode(['customer' => 'somebody', 'items' => $items]);
    }

    public function serve(int $number): string
    {
        $order = json_decode($this->order, true);
        $items = array_filter($order['items'], static fn(array $item): bool => $item['price'] > 2);
        usort($items, static fn(array $a, array $b): int => $b['price'] <=> $a['price']);
        $text = '';
        foreach ($items as $item) {
            $text .= str_pad($item['name'], 12) . implode(',', $item['tags']) . "\n";
        }
        return $this->twig->render('page', ['title' => "order $number", 'items' => $items]) . md5($text);
    }
}
