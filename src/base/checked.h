/*
 * Arithmetic that says when it does not fit: false, and the result is unspecified.
 */
#ifndef SRI_BASE_CHECKED_H
#define SRI_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool sri_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool sri_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* The next power of two at or above `n`; 0 when there is none in 32 bits. */
static inline uint32_t sri_round_up_pow2(uint32_t n)
{
    if (n <= 1)
        return 1;
    if (n > UINT32_C(0x80000000))
        return 0;
    return UINT32_C(1) << (32 - __builtin_clz(n - 1));
}

#endif
