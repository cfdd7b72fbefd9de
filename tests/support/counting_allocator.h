/*
 * An allocator for tests: counts what it gave, and fails at the allocation a test names. What it gives is full of rubbish, and
 * a block behind whose end somebody wrote aborts when it comes back. Safe from several threads.
 */
#ifndef TESTS_SUPPORT_COUNTING_ALLOCATOR_H
#define TESTS_SUPPORT_COUNTING_ALLOCATOR_H

#include <stdatomic.h>
#include <stddef.h>

struct counting_allocator {
    atomic_size_t blocks;      /* given and not given back */
    atomic_size_t bytes;       /* likewise */
    atomic_size_t allocations; /* asked for */
    atomic_size_t fails_at;    /* the allocation, counted from 1, that gets nothing; 0: none */
    atomic_size_t fails_from;  /* this one and all later ones get nothing; 0: none */
    atomic_uchar fill;         /* every byte of what is given, and of some behind it; rubbish at first */
};

/* Puts the counter in the place of the process's allocator, all counts 0. */
void counting_allocator_install(struct counting_allocator *counter);

/* The C library's allocator again. What the counter gave goes back to the counter, which must live on until then. */
void counting_allocator_remove(void);

#endif
