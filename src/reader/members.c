// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/members.c - where the members of PHP's structs lie, from DWARF. Runs in the child.
 * A struct is described in each unit that includes its header; the first description is taken. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <string.h>

#include "reader/internal.h"

static const struct {
	const char *type;
	const char *member;
} wanted[READER_PHP_OFFSETS] = {
	[READER_PHP_CURRENT] = { "_zend_executor_globals", "current_execute_data" },
	[READER_PHP_FILENAME] = { "_zend_op_array", "filename" },
	[READER_PHP_LINE_START] = { "_zend_op_array", "line_start" },
	[READER_PHP_OPCODES] = { "_zend_op_array", "opcodes" },
	[READER_PHP_LAST] = { "_zend_op_array", "last" },
};

/* look_for - in one struct, those that are not known yet.  Return: how many it has. */
static int look_for(Dwarf_Die *type, const char *type_name, uint32_t offset[READER_PHP_OFFSETS])
{
	Dwarf_Attribute attr;
	Dwarf_Die member;
	Dwarf_Word at;
	int n = 0;

	if (dwarf_child(type, &member))
		return 0;
	do {
		const char *name = dwarf_tag(&member) == DW_TAG_member ? dwarf_diename(&member) : NULL;

		if (!name || dwarf_formudata(dwarf_attr(&member, DW_AT_data_member_location, &attr), &at))
			continue;
		for (int i = 0; i < READER_PHP_OFFSETS; i++) {
			if (offset[i] != UINT32_MAX || at >= UINT32_MAX || strcmp(wanted[i].type, type_name) != 0 ||
				strcmp(wanted[i].member, name) != 0)
				continue;
			offset[i] = at;
			n++;
		}
	} while (!dwarf_siblingof(&member, &member));
	return n;
}

static int is_wanted(const char *type)
{
	for (int i = 0; i < READER_PHP_OFFSETS; i++)
		if (!strcmp(wanted[i].type, type))
			return 1;
	return 0;
}

int members_of_php(int fd, uint32_t offset[READER_PHP_OFFSETS])
{
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, die;
	int left = READER_PHP_OFFSETS;

	memset(offset, 0xff, READER_PHP_OFFSETS * sizeof(*offset));
	while (dwarf && left && !dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &top, NULL)) {
		if (dwarf_child(&top, &die))
			continue;
		do {
			const char *name = dwarf_tag(&die) == DW_TAG_structure_type ? dwarf_diename(&die) : NULL;

			if (name && is_wanted(name))
				left -= look_for(&die, name, offset);
		} while (left && !dwarf_siblingof(&die, &die));
	}
	dwarf_end(dwarf);
	return left ? -ENOENT : 0;
}
