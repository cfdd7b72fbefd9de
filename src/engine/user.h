/*
 * The one door to the program's memory.
 *
 * Everything of the engine, its worlds and its observers that reads or writes memory the program named goes through
 * here, and nothing else does. The door lifts and restores the marks of AddressSanitizer and valgrind (bytes in flight
 * are poisoned for the program, not for the kernel), works in uninstrumented plain loops or raw system calls, and turns
 * a bad address into -EFAULT.
 *
 * A page is probed once (a system call) and then remembered, 64 neighbours in one place; a mapping that goes away later is
 * forgotten by sri_user_forget(), which whoever intercepts munmap calls. The cache belongs to a door, and a door to one kernel.
 */
#ifndef SRI_ENGINE_USER_H
#define SRI_ENGINE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define SRI_USER_TRACTS 256

/* What is known of 64 pages in a row. */
struct sri_user_tract {
    uintptr_t number; /* of its first page, by 64, plus 1; 0: of none */
    uint64_t readable;
    uint64_t writable;
};

/* The last copy to the program, where whoever made it knew its sum (by sri_user_sum(), from seed 0) without summing. */
struct sri_user_known {
    bool wanted; /* somebody will ask */
    const void *to;
    size_t length; /* 0: nothing is known */
    uint64_t sum;
};

struct sri_user {
    int process; /* whose memory it is, by number; 0: this one's own */
    struct sri_user_known known;
    struct sri_user_tract tracts[SRI_USER_TRACTS]; /* each has one place to be in */
};

void sri_user_init(struct sri_user *user);

/* Forgets what was probed in a range. */
void sri_user_forget(struct sri_user *user, const void *begin, size_t length);

/* 0 or -EFAULT: may the whole range be read (written)? */
int sri_user_readable(struct sri_user *user, const void *begin, size_t length);
int sri_user_writable(struct sri_user *user, void *begin, size_t length);

/* Copies between the kernel's memory and the program's. 0 or -EFAULT with nothing copied. */
int sri_user_copy_in(struct sri_user *user, void *to, const void *from, size_t length);
int sri_user_copy_out(struct sri_user *user, void *to, const void *from, size_t length);

/* Copies a C string of at most `size` bytes with its end. Length without the end, -EFAULT, or -ENAMETOOLONG. */
int sri_user_copy_string(struct sri_user *user, char *to, const char *from, size_t size);

/* Fills with a byte; and a 64-bit sum of the bytes (the same on every machine). Both without a probe: ranges known good. */
void sri_user_fill(void *to, uint8_t byte, size_t length);
uint64_t sri_user_sum(const void *from, size_t length, uint64_t seed);

/* The same of so many bytes at both ends and in the middle of a range of at least two edges: for this process to compare. */
#define SRI_USER_EDGE 64u
uint64_t sri_user_sum_edges(const void *from, size_t length, uint64_t seed);

/* How many leading bytes all equal `byte`. */
size_t sri_user_same(const void *from, uint8_t byte, size_t length);

#endif
