/*
 * The system call instructions of the program itself.
 */
#ifndef SRI_RUN_TRAP_SITES_H
#define SRI_RUN_TRAP_SITES_H

#include <stdint.h>

/*
 * Where each of them ends, which is what the kernel knows it by: those of the program's file, then those of the libraries that
 * it was loaded with, up to `most`. Left out are those whose functions are stood in for (the C library's), and who must be left
 * alone: the loader, the kernel's own page, this library. What merely looks like an instruction is among them. How many.
 */
unsigned sri_trap_sites(uint64_t *ends, unsigned most);

#endif
