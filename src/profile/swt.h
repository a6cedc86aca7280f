/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile/swt.h - what writing and reading of a .swt file share. The format is described in docs/swt.md.
 *
 * A file is a signature and chunks. Each chunk is whole by itself, so that of a file that was cut or damaged all before the
 * place can be read; and each refers to what stands in earlier chunks alone. A reader takes them in any order that has that. */
#ifndef PROFILE_SWT_H
#define PROFILE_SWT_H

#include <stdint.h>

#define SWT_FORMAT 1 /* a reader of a lower one cannot read the file */

/* As PNG has it: a file that was sent as text has other bytes here. */
#define SWT_SIGNATURE	    "\x89SWT\r\n\x1a\n"
#define SWT_SIGNATURE_BYTES 8

#define SWT_TYPE(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define HEAD		     SWT_TYPE('H', 'E', 'A', 'D')
#define STRINGS		     SWT_TYPE('S', 'T', 'R', 'S')
#define FRAMES		     SWT_TYPE('F', 'R', 'M', 'S')
#define PROCESS		     SWT_TYPE('P', 'R', 'O', 'C')
#define STACKS		     SWT_TYPE('S', 'T', 'K', 'S')
#define LOSSES		     SWT_TYPE('L', 'O', 'S', 'S')
#define EVENTS		     SWT_TYPE('E', 'V', 'N', 'T')
#define TAIL		     SWT_TYPE('T', 'A', 'I', 'L')

#define HEADER_BYTES 16

/* Of a frame. */
#define INLINED	    1
#define APPROXIMATE 2

#endif
