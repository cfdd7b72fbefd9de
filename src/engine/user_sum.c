/*
 * The sum of the program's bytes: one number on every machine, whatever computes it.
 *
 * Long ranges go through rounds of AES, which processors have an instruction for and which mix far better than they cost: 16
 * bytes for one instruction. Where there is none the same rounds are made by hand. Short ranges, where their ends would cost
 * more than they do, are multiplied.
 */
#include <stddef.h>

#include "base/fold.h"
#include "engine/unseen.h"
#include "engine/user.h"

SRI_UNSEEN_INLINE uint64_t turned(uint64_t value)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Eight bytes, the first the lowest on every machine. */
SRI_UNSEEN_INLINE uint64_t word_at(const unsigned char *bytes)
{
    return turned(*(const sri_loose *)(const void *)bytes);
}

/* What is left over goes by sixteen bytes, by eight, and by one. */
SRI_UNSEEN_INLINE uint64_t sum_rest(const unsigned char *bytes, size_t length, uint64_t hash)
{
    for (; length >= 16; length -= 16, bytes += 16)
        hash = sri_fold(hash ^ word_at(bytes), word_at(bytes + 8) ^ SRI_ODD_0);
    if (length >= 8) {
        hash = sri_fold(hash ^ word_at(bytes), SRI_ODD_1);
        length -= 8;
        bytes += 8;
    }
    uint64_t rest = 0;
    while (length > 0)
        rest = rest << 8 | bytes[--length];
    hash = sri_fold(hash ^ rest, SRI_ODD_2);
    return sri_fold(hash ^ SRI_ODD_3, SRI_ODD_1);
}

/* Lanes that do not wait for each other, sixteen bytes to each in turn. */
#define LANES 16u
#define LANE_BYTES 16u
#define STRIDE ((size_t)(LANES * LANE_BYTES))

union lanes {
    uint64_t words[2 * LANES];
    unsigned char bytes[LANES][LANE_BYTES];
};

/* What each lane begins with, besides the hash. */
static const uint64_t starts[2 * LANES] = {
#define PAIR(i) SRI_ODD_0 *(2 * (i)), SRI_ODD_1 *(2 * (i) + 1)
#define PAIRS(i) PAIR(i), PAIR((i) + 1), PAIR((i) + 2), PAIR((i) + 3)
    PAIRS(0),
    PAIRS(4),
    PAIRS(8),
    PAIRS(12),
};

static const unsigned char substitute[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

SRI_UNSEEN_INLINE unsigned char twice(unsigned char a)
{
    return (unsigned char)(a << 1 ^ (a >> 7) * 0x1b);
}

/* One round (FIPS 197): substituted, rows shifted, columns mixed, and 16 bytes of the program added. */
SRI_UNSEEN_INLINE void round_plainly(unsigned char state[LANE_BYTES], const unsigned char *added)
{
    unsigned char from[LANE_BYTES];
    for (unsigned i = 0; i < LANE_BYTES; i++)
        from[i] = substitute[state[(i + 4 * (i % 4)) % LANE_BYTES]];
    for (unsigned column = 0; column < LANE_BYTES; column += 4) {
        const unsigned char *a = &from[column];
        unsigned char all = a[0] ^ a[1] ^ a[2] ^ a[3];
        for (unsigned row = 0; row < 4; row++)
            state[column + row] =
                (unsigned char)(a[row] ^ all ^ twice(a[row] ^ a[(row + 1) % 4]) ^ added[column + row]);
    }
}

/* Each lane is added to another as the program's bytes were, until one is left, which goes through two rounds more. */
SRI_UNSEEN_INLINE void join_plainly(union lanes *lanes)
{
    for (unsigned half = LANES / 2; half > 0; half /= 2) {
        for (unsigned i = 0; i < half; i++)
            round_plainly(lanes->bytes[i], lanes->bytes[i + half]);
    }
    const union lanes last = {{turned(starts[2]), turned(starts[3]), turned(starts[4]), turned(starts[5])}};
    round_plainly(lanes->bytes[0], last.bytes[0]);
    round_plainly(lanes->bytes[0], last.bytes[1]);
}

typedef uint64_t sum_strides(const unsigned char *bytes, size_t strides, uint64_t hash);

SRI_UNSEEN static uint64_t sum_strides_plainly(const unsigned char *bytes, size_t strides, uint64_t hash)
{
    union lanes lanes;
    for (unsigned i = 0; i < 2 * LANES; i++)
        lanes.words[i] = turned(hash ^ starts[i]);
    for (; strides > 0; strides--) {
        for (unsigned i = 0; i < LANES; i++, bytes += LANE_BYTES)
            round_plainly(lanes.bytes[i], bytes);
    }
    join_plainly(&lanes);
    return sri_fold(turned(lanes.words[0]), turned(lanes.words[1]) ^ SRI_ODD_0);
}

#if defined(__x86_64__)

#include <cpuid.h>

/* One lane, and two that go through their rounds together. */
typedef long long lane __attribute__((vector_size(16)));
typedef long long loose_lane __attribute__((vector_size(16), may_alias, aligned(1)));
typedef long long twin __attribute__((vector_size(32)));
typedef long long loose_twin __attribute__((vector_size(32), may_alias, aligned(1)));

#define ROUND(state, added) __builtin_ia32_aesenc128(state, added)
#if defined(__clang__)
#define TWIN_ROUND(state, added) __builtin_ia32_aesenc256(state, added)
#else
typedef char twin_bytes __attribute__((vector_size(32)));
#define TWIN_ROUND(state, added) (twin) __builtin_ia32_vaesenc_v32qi((twin_bytes)(state), (twin_bytes)(added))
#endif

#define EIGHT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define SIXTEEN(DO) EIGHT(DO) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

__attribute__((target("aes,avx"))) static uint64_t end(lane left)
{
    const loose_lane *start = (const loose_lane *)(const void *)starts;
    left = ROUND(left, start[1]);
    left = ROUND(left, start[2]);
    return sri_fold((uint64_t)left[0], (uint64_t)left[1] ^ SRI_ODD_0);
}

SRI_UNSEEN __attribute__((target("aes,avx"))) static uint64_t sum_strides_by_lanes(const unsigned char *bytes,
                                                                                   size_t strides,
                                                                                   uint64_t hash)
{
    const lane both = {(long long)hash, (long long)hash};
    const loose_lane *from = (const loose_lane *)(const void *)starts;
#define BEGIN(i) lane at_##i = from[i] ^ both;
    SIXTEEN(BEGIN)
#undef BEGIN
    for (from = (const loose_lane *)(const void *)bytes; strides > 0; strides--, from += LANES) {
#define GO_ON(i) at_##i = ROUND(at_##i, from[i]);
        SIXTEEN(GO_ON)
#undef GO_ON
    }
#define JOIN(i, j) at_##i = ROUND(at_##i, at_##j)
    JOIN(0, 8);
    JOIN(1, 9);
    JOIN(2, 10);
    JOIN(3, 11);
    JOIN(4, 12);
    JOIN(5, 13);
    JOIN(6, 14);
    JOIN(7, 15);
    JOIN(0, 4);
    JOIN(1, 5);
    JOIN(2, 6);
    JOIN(3, 7);
    JOIN(0, 2);
    JOIN(1, 3);
    JOIN(0, 1);
#undef JOIN
    return end(at_0);
}

SRI_UNSEEN __attribute__((target("aes,vaes,avx2"))) static uint64_t sum_strides_by_twins(
    const unsigned char *bytes, size_t strides, uint64_t hash)
{
    const long long start = (long long)hash;
    const twin both = {start, start, start, start};
    const loose_twin *from = (const loose_twin *)(const void *)starts;
#define BEGIN(i) twin at_##i = from[i] ^ both;
    EIGHT(BEGIN)
#undef BEGIN
    for (from = (const loose_twin *)(const void *)bytes; strides > 0; strides--, from += LANES / 2) {
#define GO_ON(i) at_##i = TWIN_ROUND(at_##i, from[i]);
        EIGHT(GO_ON)
#undef GO_ON
    }
#define JOIN(i, j) at_##i = TWIN_ROUND(at_##i, at_##j)
    JOIN(0, 4);
    JOIN(1, 5);
    JOIN(2, 6);
    JOIN(3, 7);
    JOIN(0, 2);
    JOIN(1, 3);
    JOIN(0, 1);
#undef JOIN
    const lane first = {at_0[0], at_0[1]};
    const lane second = {at_0[2], at_0[3]};
    return end(ROUND(first, second));
}

/* Asked once: the question is slow, and the answer does not change. */
static sum_strides *by_rounds(void)
{
    static sum_strides *chosen;
    sum_strides *choice = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (__builtin_expect(choice == NULL, 0)) {
        unsigned a, b, c = 0, d;
        choice = sum_strides_plainly;
        if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("avx"))
            choice = sum_strides_by_lanes;
        if (__builtin_cpu_supports("avx2") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_VAES) != 0)
            choice = sum_strides_by_twins;
        __atomic_store_n(&chosen, choice, __ATOMIC_RELAXED);
    }
    return choice;
}

#else

static sum_strides *by_rounds(void)
{
    return sum_strides_plainly;
}

#endif

/* Fewer than this are not worth the lanes' beginning and end. */
#define LONG (2 * STRIDE)

SRI_UNSEEN_INLINE uint64_t sum(const unsigned char *bytes, size_t length, uint64_t seed, sum_strides *how)
{
    uint64_t hash = seed ^ length * SRI_ODD_0;
    if (length >= LONG) {
        size_t strides = length / STRIDE;
        hash = how(bytes, strides, hash);
        bytes += strides * STRIDE;
        length -= strides * STRIDE;
    }
    return sum_rest(bytes, length, hash);
}

SRI_UNSEEN uint64_t sri_sum_unseen(const unsigned char *bytes, size_t length, uint64_t seed)
{
    return sum(bytes, length, seed, by_rounds());
}

/* Four products that do not wait for each other. */
SRI_UNSEEN_INLINE uint64_t sum_edge(const unsigned char *bytes, uint64_t seed)
{
#define PRODUCT(i)                                                   \
    sri_fold(word_at(bytes + 16 * (i)) ^ starts[2 * (i) + 2] ^ seed, \
             word_at(bytes + 16 * (i) + 8) ^ starts[2 * (i) + 3])
    return PRODUCT(0) ^ PRODUCT(1) ^ PRODUCT(2) ^ PRODUCT(3);
#undef PRODUCT
}

SRI_UNSEEN uint64_t sri_sum_edges_unseen(const unsigned char *bytes, size_t length, uint64_t seed)
{
    uint64_t begin = sum_edge(bytes, seed);
    uint64_t middle = sum_edge(bytes + length / 2, seed ^ SRI_ODD_2);
    uint64_t end = sum_edge(bytes + length - SRI_USER_EDGE, seed ^ SRI_ODD_3);
    return sri_fold(begin ^ middle ^ end ^ SRI_ODD_0, length ^ SRI_ODD_1);
}

SRI_UNSEEN uint64_t sri_sum_plainly(const unsigned char *bytes, size_t length, uint64_t seed)
{
    return sum(bytes, length, seed, sum_strides_plainly);
}
