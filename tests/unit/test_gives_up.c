/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_gives_up.c - where PHP engines give up, in files whose code is given: such as compilers make, and others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/target.h"

/* A file's code and messages: from NAME to NAME_end. */
#define CODE(name, text)                                                                                         \
	__asm__(".text\n" #name ": .rept 300\n nop\n .endr\n" text ".byte 0\n"                                   \
		"1: .asciz \"zend_mm_heap corrupted\"\n"                                                         \
		"2: .asciz \"Allowed memory size of %zu bytes exhausted (tried to allocate %zu bytes)\"\n" #name \
		"_end:\n");                                                                                      \
	extern const uint8_t name[], name##_end[]
#define PLACE(name) extern const uint8_t name[]

#define AT	      0x1000   /* where the code stands in a file */
#define NOT_RELOCATED 0x400000 /* the address of such a file's first byte */

/* 7: a function of another file: a jump through a pointer.  9: one of this file, that prints. */
#define OTHERS "7: endbr64\n bnd jmp *8f(%rip)\n 8: .quad 0\n 9: push %rbx\n pop %rbx\n ret\n .rept 16\n nop\n .endr\n"

CODE(gives, OTHERS "gives_panic: push %rax\n mov %rdi, %rcx\n call 7b\n ud2\n"
		   "gives_limit: push %rax\n ud2\n"
		   "lea 1f(%rip), %rdi\n call gives_panic\n"
		   "lea 1f(%rip), %r12\n mov %r12, %rdi\n xor %eax, %eax\n call gives_panic\n"
		   "lea 2f(%rip), %rsi\n mov %r13, %rcx\n mov %rbp, %rdi\n call gives_limit\n"
		   "lea 1f(%rip), %rdx\n call 9b\n lea 1f(%rip), %rdx\n call 9b\n lea 1f(%rip), %rdx\n call 9b\n");
PLACE(gives_panic);
PLACE(gives_limit);

/* of PHP 7.4 as Debian 11 has it */
CODE(takes, OTHERS "3: push %rax\n mov 8b(%rip), %rax\n mov $1, %esi\n"
		   "takes_here: lea 1f(%rip), %rcx\n lea 8b(%rip), %rdx\n mov (%rax), %rdi\n xor %eax, %eax\n call 7b\n"
		   "mov $1, %edi\n call 7b\n"
		   "call 3b\n call 3b\n lea 2f(%rip), %rsi\n call 9b\n");
PLACE(takes_here);

/* in a static program: what prints is in the file, too */
CODE(prints, OTHERS "3: push %rax\n"
		    "prints_here: lea 1f(%rip), %rdx\n mov 8b(%rip), %rdi\n xor %eax, %eax\n call 9b\n ud2\n"
		    "call 3b\n call 9b\n");
PLACE(prints_here);
CODE(puts_it, OTHERS "puts_it_here: lea 1f(%rip), %rdi\n mov 8b(%rip), %rsi\n call 9b\n ud2\n call 9b\n");
PLACE(puts_it_here);

/* in another file, or in this one and given something else by then */
CODE(prints_twice, OTHERS "lea 1f(%rip), %rdi\n call 7b\n lea 1f(%rip), %rdi\n call 7b\n"
			  "lea 1f(%rip), %rdi\n mov %rbx, %rdi\n call 9b\n lea 1f(%rip), %rdi\n pop %rdi\n call 9b\n");

CODE(repeats, OTHERS "test %edi, %edi\n je 3f\n"
		     "repeats_a: lea 1f(%rip), %rdx\n xor %eax, %eax\n call 9b\n ud2\n"
		     "3: test %esi, %esi\n je 3f\n"
		     "repeats_b: lea 1f(%rip), %rdx\n jmp 9b\n"
		     "3: lea 8b(%rip), %rax\n"
		     "repeats_c: lea 1f(%rip), %rcx\n call *8b(%rip)\n");
PLACE(repeats_a);
PLACE(repeats_b);
PLACE(repeats_c);

#define MESSAGE "$(1f - fixed + 0x401000)"
CODE(fixed, OTHERS "fixed_a: mov " MESSAGE ", %edx\n call 9b\n ud2\n"
		   "fixed_b: mov " MESSAGE ", %r15d\n call 9b\n ud2\n"
		   /* the last byte of what stands before looks like the prefix that names r8 to r15 */
		   "mov $0x41000000, %eax\n"
		   "fixed_c: mov " MESSAGE ", %ecx\n call 9b\n ud2\n"
		   "fixed_d: mov " MESSAGE ", %r14d\n call 9b\n ud2\n");
PLACE(fixed_a);
PLACE(fixed_b);
PLACE(fixed_c);
PLACE(fixed_d);

/* an instruction in a constant */
CODE(hides, OTHERS ".byte 0x48, 0xb8\n lea 1f(%rip), %rcx\n nop\n call 7b\n ud2\n");

/* code that can be read in five ways, none of which meets another */
CODE(is_unclear, OTHERS ".rept 60\n mov $0xb8b8b8b8, %eax\n .endr\n lea 1f(%rip), %rcx\n call 7b\n ud2\n");

CODE(may_go_on, OTHERS "lea 1f(%rip), %rcx\n test %eax, %eax\n je 9b\n call 7b\n ud2\n lea 1f(%rip), %rcx\n ret\n");

struct made {
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	Elf64_Shdr sh[3];
	char strings[16];
	Elf64_Sym sym[1];
};

/* make - a file of that code, with a function of that name. @base  the address of its first byte */
static void make(struct target_module *m, const uint8_t *code, const uint8_t *end, const char *function, uint64_t base)
{
	size_t n = end - code;
	struct made f = { .eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
				  .e_type = ET_DYN,
				  .e_machine = EM_X86_64,
				  .e_version = EV_CURRENT,
				  .e_phoff = offsetof(struct made, ph),
				  .e_shoff = offsetof(struct made, sh),
				  .e_ehsize = sizeof(Elf64_Ehdr),
				  .e_phentsize = sizeof(Elf64_Phdr),
				  .e_phnum = 1,
				  .e_shentsize = sizeof(Elf64_Shdr),
				  .e_shnum = 3 },
		.ph = { .p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = base,
			.p_filesz = AT + n,
			.p_memsz = AT + n },
		.sym = { { .st_name = 1,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = base + AT,
			.st_size = 1 } } };

	f.sh[1] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct made, strings), .sh_size = sizeof(f.strings)
	};
	f.sh[2] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
		.sh_offset = offsetof(struct made, sym),
		.sh_size = sizeof(f.sym),
		.sh_link = 1,
		.sh_entsize = sizeof(Elf64_Sym) };
	strcpy(f.strings + 1, function);
	*m = (struct target_module){ .fd = memfd_create("made", MFD_CLOEXEC) };
	assert_int_equal(pwrite(m->fd, &f, sizeof(f), 0), sizeof(f));
	assert_int_equal(pwrite(m->fd, code, n, AT), n);
	assert_int_equal(elffile_open(&m->elf, m->fd), 0);
}

/* sites - those of a file of that code.  Return: as target_php_ends(). */
static int sites(const uint8_t *code, const uint8_t *end, uint64_t base, struct target_site **site)
{
	struct target_module m;
	int n;

	make(&m, code, end, "execute_ex", base);
	n = target_php_ends(&m, site);
	elffile_close(m.elf);
	close(m.fd);
	return n;
}

#define SITES(name, base, site) sites(name, name##_end, base, site)

static void assert_site(const struct target_site *s, const char *function, uint64_t cookie, ptrdiff_t offset)
{
	assert_string_equal(s->function, function);
	assert_int_equal(s->cookie, cookie);
	assert_int_equal(s->offset, AT + offset);
}

static void what_is_given_the_message_is_probed_where_it_begins(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(gives, 0, &site), 2);
	assert_site(&site[0], "zend_mm_safe_error", SWT_END_GIVEN, gives_limit - gives);
	assert_site(&site[1], "zend_mm_panic", SWT_END_GIVEN, gives_panic - gives);
	free(site);
}

static void where_nothing_is_given_it_the_place_is_probed_that_takes_its_address(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(takes, 0, &site), 2);
	assert_string_equal(site[0].function, "zend_mm_safe_error");
	assert_site(&site[1], "zend_mm_panic", SWT_END_CORRUPT, takes_here - takes);
	free(site);
}

static void what_prints_the_message_is_never_probed(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(prints, 0, &site), 1);
	assert_site(&site[0], "zend_mm_panic", SWT_END_CORRUPT, prints_here - prints);
	free(site);
	assert_int_equal(SITES(puts_it, 0, &site), 1);
	assert_site(&site[0], "zend_mm_panic", SWT_END_CORRUPT, puts_it_here - puts_it);
	free(site);
	assert_int_equal(SITES(prints_twice, 0, &site), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(site[i].cookie, SWT_END_CORRUPT);
	free(site);
}

static void each_place_is_probed_of_a_function_that_stands_in_its_callers(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(repeats, 0, &site), 3);
	assert_site(&site[0], "zend_mm_panic", SWT_END_CORRUPT, repeats_a - repeats);
	assert_site(&site[1], "zend_mm_panic", SWT_END_CORRUPT, repeats_b - repeats);
	assert_site(&site[2], "zend_mm_panic", SWT_END_CORRUPT, repeats_c - repeats);
	free(site);
}

static void addresses_are_constants_in_a_program_that_is_not_relocated(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(fixed, NOT_RELOCATED, &site), 4);
	assert_site(&site[0], "zend_mm_panic", SWT_END_CORRUPT, fixed_a - fixed);
	assert_site(&site[1], "zend_mm_panic", SWT_END_CORRUPT, fixed_b - fixed);
	assert_site(&site[2], "zend_mm_panic", SWT_END_CORRUPT, fixed_c - fixed);
	assert_site(&site[3], "zend_mm_panic", SWT_END_CORRUPT, fixed_d - fixed);
	free(site);
}

static void no_probe_is_placed_in_the_middle_of_an_instruction(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(hides, 0, &site), 0);
	assert_null(site);
	/* nor where that cannot be ruled out */
	assert_int_equal(SITES(is_unclear, 0, &site), 0);
	assert_null(site);
}

static void a_place_after_which_nothing_may_be_called_is_none(void **state)
{
	struct target_site *site;

	(void)state;
	assert_int_equal(SITES(may_go_on, 0, &site), 0);
	assert_null(site);
}

static void a_file_that_is_no_engine_is_not_looked_through(void **state)
{
	struct target_module m;
	struct target_site *site;

	(void)state;
	make(&m, gives, gives_end, "execute_exe", 0);
	assert_int_equal(target_php_ends(&m, &site), 0);
	assert_null(site);
	elffile_close(m.elf);
	close(m.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_the_message_is_probed_where_it_begins),
		cmocka_unit_test(where_nothing_is_given_it_the_place_is_probed_that_takes_its_address),
		cmocka_unit_test(what_prints_the_message_is_never_probed),
		cmocka_unit_test(each_place_is_probed_of_a_function_that_stands_in_its_callers),
		cmocka_unit_test(addresses_are_constants_in_a_program_that_is_not_relocated),
		cmocka_unit_test(no_probe_is_placed_in_the_middle_of_an_instruction),
		cmocka_unit_test(a_place_after_which_nothing_may_be_called_is_none),
		cmocka_unit_test(a_file_that_is_no_engine_is_not_looked_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
