// SPDX-License-Identifier: GPL-2.0-or-later
/* test_entry.c - a probe is moved to an instruction that the kernel emulates, and only where nothing is lost by it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "swtrace/abi.h"
#include "target/internal.h"

#define MOVE(kept, ...) entry_move((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), kept)

#define TEST_RDI    0x48, 0x85, 0xff /* test %rdi,%rdi */
#define ENDBR64	    0xf3, 0x0f, 0x1e, 0xfa
#define MOV_RDI_RBX 0x48, 0x89, 0xfb	   /* mov %rdi,%rbx */
#define MOV_RAX_RDI 0x48, 0x89, 0xc7	   /* mov %rax,%rdi */
#define MOV_EAX_EDX 0x89, 0xc2		   /* mov %eax,%edx: the upper half of rdx becomes 0 */
#define SUB_RSP	    0x48, 0x83, 0xec, 0x18 /* sub $24,%rsp */
#define MUL_RSI	    0x48, 0xf7, 0xe6	   /* mul %rsi: into rdx:rax */
#define LOAD_RAX    0x48, 0x8b, 0x47, 0x08 /* mov 8(%rdi),%rax */
#define PUSH_RBX    0x53
#define PUSH_R12    0x41, 0x54
#define JE_RET	    0x74, 0x00 /* je to what follows */
#define RET	    0xc3

static void what_is_emulated_is_probed_where_it_stands(void **state)
{
	(void)state;
	assert_int_equal(MOVE(1, PUSH_RBX, RET), 0);
	assert_int_equal(MOVE(1, PUSH_R12, RET), 0);
	assert_int_equal(MOVE(1, 0xeb, 0x00, RET), 0);
}

static void the_first_emulated_instruction_is_taken(void **state)
{
	(void)state;
	assert_int_equal(MOVE(1, TEST_RDI, JE_RET, RET), 3);
	assert_int_equal(MOVE(1, ENDBR64, PUSH_RBX, RET), 4);
	assert_int_equal(MOVE(1, ENDBR64, MOV_RDI_RBX, TEST_RDI, JE_RET, PUSH_RBX, RET), 10);
	assert_int_equal(MOVE(1, 0x0f, 0x1f, 0x44, 0x00, 0x00, PUSH_R12, RET), 5); /* a long nop */
	assert_int_equal(MOVE(1, TEST_RDI, 0x0f, 0x84, 0, 0, 0, 0, RET), 3);	   /* a far je */
	assert_int_equal(MOVE(1, TEST_RDI, 0xe9, 0, 0, 1, 0, RET), 3);		   /* a far jmp */
}

static void an_argument_that_is_looked_at_must_still_be_there(void **state)
{
	(void)state;
	assert_int_equal(MOVE(1, MOV_RAX_RDI, JE_RET, RET), 0);
	assert_int_equal(MOVE(2, MOV_RAX_RDI, JE_RET, RET), 3);
	assert_int_equal(MOVE(0, MOV_RAX_RDI, JE_RET, RET), 3);
	assert_int_equal(MOVE(4, MOV_EAX_EDX, JE_RET, RET), 0);
	assert_int_equal(MOVE(3, MOV_EAX_EDX, JE_RET, RET), 2);
	assert_int_equal(MOVE(4, MUL_RSI, JE_RET, RET), 0);
	assert_int_equal(MOVE(3, MUL_RSI, JE_RET, RET), 3);
}

static void the_return_address_must_still_be_on_top_of_the_stack(void **state)
{
	(void)state;
	assert_int_equal(MOVE(0, SUB_RSP, JE_RET, RET), 0);
	assert_int_equal(MOVE(0, TEST_RDI, SUB_RSP, PUSH_RBX, RET), 0);
	assert_int_equal(MOVE(0, TEST_RDI, 0xff, 0x75, 0x08, PUSH_RBX, RET), 0); /* push of memory: not emulated */
}

static void what_is_not_known_leaves_the_probe_at_the_entry(void **state)
{
	(void)state;
	assert_int_equal(MOVE(1, TEST_RDI, 0x06, PUSH_RBX, RET), 0);	   /* no instruction of 64-bit mode */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0x06, RET), 0);	   /* nor behind it */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, RET, 0x0f), 0);	   /* cut in the middle */
	assert_int_equal(MOVE(1, TEST_RDI, 0x0f, 0x05, PUSH_RBX, RET), 0); /* syscall */
	assert_int_equal(MOVE(1, TEST_RDI, RET), 0);
	assert_int_equal(MOVE(1, TEST_RDI), 0);
	assert_int_equal(MOVE(1, TEST_RDI, 0xff, 0x25, 0, 0, 0, 0), 0); /* jmp *mem: not emulated */
	assert_int_equal(MOVE(1, TEST_RDI, 0x66, 0x90, RET), 0);	/* a nop of two bytes */
}

static void a_place_that_a_branch_comes_back_to_is_not_taken(void **state)
{
	(void)state;
	/* test; push; jmp to the push */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0xeb, 0xfd), 0);
	/* to the entry, where the entry's probe would be, too */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0xeb, 0xfa), 3);
	/* behind it */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0x90, 0xeb, 0xfd), 3);
	/* between the two: nop; test; push; jne to the test */
	assert_int_equal(MOVE(1, ENDBR64, TEST_RDI, PUSH_RBX, 0x0f, 0x85, 0xf6, 0xff, 0xff, 0xff, RET), 0);
	/* by a table, or a register: nobody knows where to */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0xff, 0x24, 0xc5, 0, 0, 0, 0), 0);
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0xff, 0xe0), 0);
	assert_int_equal(
		MOVE(1, TEST_RDI, PUSH_RBX, 0x48, 0x8b, 0x04, 0xc7, 0xff, 0xe0), 0); /* mov (%rdi,%rax,8),%rax */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, LOAD_RAX, 0x48, 0x01, 0xd0, 0xff, 0xe0), 0); /* add %rdx,%rax */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, LOAD_RAX, 0xff, 0xe2), 0);			  /* jmp *%rdx */
	/* jne to the jump itself, around the load */
	assert_int_equal(MOVE(1, TEST_RDI, 0x75, 0x04, LOAD_RAX, 0xff, 0xe0), 0);
	/* through a pointer in memory: another function */
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, LOAD_RAX, 0xff, 0xe0), 3);
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, LOAD_RAX, MOV_RDI_RBX, 0xff, 0xe0), 3);
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0xff, 0xa0, 0x88, 1, 0, 0), 3);
	assert_int_equal(MOVE(1, TEST_RDI, PUSH_RBX, 0xff, 0xd0, RET), 3); /* call *%rax */
}

static void the_arguments_that_are_looked_at_follow_from_the_cookie(void **state)
{
	(void)state;
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_FREE, 0, SWT_SIZE_NONE, 0, 0, 0)), 1);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_ALLOC, 0, SWT_SIZE_FIXED, 0, 0, 56)), 0);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_ALLOC, 0, SWT_SIZE_ARG, 1, 0, 0)), 2);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_ALLOC, 0, SWT_SIZE_MUL, 0, 0, 0)), 3);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_ALLOC, 0, SWT_SIZE_MUL_ADD, 0, 0, 0)), 7);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_REALLOC, 0, SWT_SIZE_ARG, 1, 0, 0)), 3);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_REALLOC, 0, SWT_SIZE_MUL_ADD, 1, 0, 0)), 15);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_ALLOC_OUT, 0, SWT_SIZE_ARG, 2, 0, 0)), 5);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_MUNMAP, 0, SWT_SIZE_ARG, 1, 0, 0)), 3);
	assert_int_equal(entry_kept(SWT_COOKIE(SWT_OP_MMAP, 0, SWT_SIZE_ARG, 1, 0, 0)), 2);
}

/* Code that the compiler does not touch: a branch from another function into this one, and one beside it. */
__asm__(".text\n"
	".globl reached, alone, reaching\n"
	".type reached, @function\nreached: test %rdi,%rdi\n.Linside: push %rbx\npop %rbx\nret\n.size reached, . - reached\n"
	".type alone, @function\nalone: test %rdi,%rdi\npush %rbx\npop %rbx\nret\n.size alone, . - alone\n"
	".skip 300, 0x90\n"
	".type reaching, @function\nreaching: jne .Linside\njne alone\nret\n.size reaching, . - reaching\n");

static void a_branch_from_another_part_of_the_file_counts(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elffile_symbol reached, alone;
	struct entry_place place[2];
	struct elffile *elf;

	(void)state;
	assert_int_equal(elffile_open(&elf, fd), 0);
	assert_int_equal(elffile_find(elf, "reached", &reached), 0);
	assert_int_equal(elffile_find(elf, "alone", &alone), 0);
	place[0] = (struct entry_place){ .vaddr = reached.vaddr, .move = 3 };
	place[1] = (struct entry_place){ .vaddr = alone.vaddr, .move = 3 };
	assert_int_equal(entry_check_branches(fd, elf, place, 2), 0);
	assert_int_equal(place[0].move, 0);
	assert_int_equal(place[1].move, 3);
	elffile_close(elf);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_emulated_is_probed_where_it_stands),
		cmocka_unit_test(the_first_emulated_instruction_is_taken),
		cmocka_unit_test(an_argument_that_is_looked_at_must_still_be_there),
		cmocka_unit_test(the_return_address_must_still_be_on_top_of_the_stack),
		cmocka_unit_test(what_is_not_known_leaves_the_probe_at_the_entry),
		cmocka_unit_test(a_place_that_a_branch_comes_back_to_is_not_taken),
		cmocka_unit_test(the_arguments_that_are_looked_at_follow_from_the_cookie),
		cmocka_unit_test(a_branch_from_another_part_of_the_file_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
