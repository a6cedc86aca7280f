<?php
// SPDX-License-Identifier: GPL-2.0-or-later
// page.php - the same request, served by php-fpm. Compiled templates are kept in the folder that the server names.
require __DIR__ . '/request.php';

echo (new Shop($_SERVER['TEMPLATES']))->serve(1);
