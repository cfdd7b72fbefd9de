/*
 * The one step that hashes are made of.
 */
#ifndef SRI_BASE_FOLD_H
#define SRI_BASE_FOLD_H

#include <stdint.h>

/* The two halves of the 128-bit product, made one word. */
static inline uint64_t sri_fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (a & 0xffffffff) * (b & 0xffffffff);
    uint64_t cross = (a >> 32) * (b & 0xffffffff) + (low >> 32);
    uint64_t middle = (a & 0xffffffff) * (b >> 32) + (cross & 0xffffffff);
    uint64_t high = (a >> 32) * (b >> 32) + (cross >> 32) + (middle >> 32);
    return (middle << 32 | (low & 0xffffffff)) ^ high;
#endif
}

/* Odd numbers without a pattern. */
#define SRI_ODD_0 UINT64_C(0x9e3779b97f4a7c15)
#define SRI_ODD_1 UINT64_C(0xc2b2ae3d27d4eb4f)
#define SRI_ODD_2 UINT64_C(0xff51afd7ed558ccd)
#define SRI_ODD_3 UINT64_C(0xc4ceb9fe1a85ec53)

#endif
