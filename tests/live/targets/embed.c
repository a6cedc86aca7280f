/* SPDX-License-Identifier: GPL-2.0-or-later */
/* embed.c SCRIPT - a program of its own that runs PHP by the library for that, libphp. */
#include <stdio.h>

/* Of PHP's sapi/embed and Zend/zend_execute.h; the first word of the module is its name. */
extern char *php_embed_module[];
int php_embed_init(int argc, char **argv);
void php_embed_shutdown(void);
int zend_eval_string(const char *code, void *result, const char *name);

int main(int argc, char **argv)
{
	static char name[] = "cli"; /* a script of ours reads commands when that is what it runs in */
	char code[4096];

	snprintf(code, sizeof(code), "define('STDIN', fopen('php://stdin', 'r')); include '%s';", argv[1]);
	php_embed_module[0] = name;
	if (php_embed_init(argc, argv))
		return 1;
	zend_eval_string(code, NULL, "embed");
	php_embed_shutdown();
	return 0;
}
