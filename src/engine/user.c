/*
 * The one door to the program's memory, and the only file of the engine (with its sums, user_sum.c) that knows of sanitizers
 * and valgrind.
 *
 * A kernel is not seen by them, so neither is this file: its copies are plain loops in functions they don't instrument
 * (an uninstrumented memcpy elsewhere), and valgrind's marks are lifted for the time of a copy.
 */
#include "engine/user.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/unseen.h"
#include "engine/user_other.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define HAVE_VALGRIND 1
#endif
#endif
#ifndef HAVE_VALGRIND
#define HAVE_VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_INSTRUMENTED 1
#endif
#endif
#ifndef IS_INSTRUMENTED
#define IS_INSTRUMENTED 0
#endif

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE_BITS 12
#define PAGE_SIZE_BYTES ((uintptr_t)1 << PAGE_BITS)
/* Nothing is mapped below (vm.mmap_min_addr), and user addresses end here. */
#define LOWEST ((uintptr_t)65536)
#define HIGHEST ((uintptr_t)1 << 47)

void sri_user_init(struct sri_user *user)
{
    memset(user, 0, sizeof *user);
}

/* Of another process: what is known of pages is of this one's. */
static inline bool is_other(const struct sri_user *user)
{
    return __builtin_expect(user->process != 0, 0);
}

#define TRACT_BITS 6
#define TRACT_MASK ((uintptr_t)63)

/* Neighbours stand side by side; what is far apart (heap, stack, mappings) is not put into one place by its low bits alone. */
static inline struct sri_user_tract *place_of(struct sri_user *user, uintptr_t tract)
{
    return &user->tracts[(tract ^ tract >> 8 ^ tract >> 16) & (SRI_USER_TRACTS - 1)];
}

/* The pages from `first` to `last`, both of one tract. */
static inline uint64_t pages_between(uintptr_t first, uintptr_t last)
{
    return UINT64_MAX >> (TRACT_MASK - (last - first)) << (first & TRACT_MASK);
}

void sri_user_forget(struct sri_user *user, const void *begin, size_t length)
{
    uintptr_t first = (uintptr_t)begin >> PAGE_BITS;
    uintptr_t last = length == 0 ? first : ((uintptr_t)begin + (length - 1)) >> PAGE_BITS;
    if ((last >> TRACT_BITS) - (first >> TRACT_BITS) >= SRI_USER_TRACTS) {
        sri_user_init(user);
        return;
    }
    for (uintptr_t page = first; page <= last; page = (page | TRACT_MASK) + 1) {
        struct sri_user_tract *tract = place_of(user, page >> TRACT_BITS);
        uint64_t pages = pages_between(page, (page | TRACT_MASK) < last ? page | TRACT_MASK : last);
        if (tract->number != (page >> TRACT_BITS) + 1)
            continue;
        tract->readable &= ~pages;
        tract->writable &= ~pages;
    }
}

/* For kernels without MADV_POPULATE_*: a read of one byte through the kernel; for writing, it is put back. */
static bool probe_by_copy(uintptr_t page, bool write)
{
    char byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)(page << PAGE_BITS), 1};
    long self = syscall(SYS_getpid);
    if (syscall(SYS_process_vm_readv, self, &here, 1UL, &there, 1UL, 0UL) != 1)
        return false;
    return !write || syscall(SYS_process_vm_writev, self, &here, 1UL, &there, 1UL, 0UL) == 1;
}

static bool probe(uintptr_t page, bool write)
{
    int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    int saved = errno;
    bool good = syscall(SYS_madvise, page << PAGE_BITS, (size_t)PAGE_SIZE_BYTES, advice) == 0;
    /* EINVAL also means a mapping that can't be populated (of a device): ask in the other way. */
    if (!good && errno != ENOMEM && errno != EFAULT)
        good = probe_by_copy(page, write);
    errno = saved;
    return good;
}

/* One page that is not known to be good. */
static bool learn(struct sri_user *user, uintptr_t page, bool write)
{
    struct sri_user_tract *tract = place_of(user, page >> TRACT_BITS);
    uint64_t bit = UINT64_C(1) << (page & TRACT_MASK);
    bool known = tract->number == (page >> TRACT_BITS) + 1;
    if (known && ((write ? tract->writable : tract->readable) & bit))
        return true;
    if (!probe(page, write))
        return false;
    if (!known)
        *tract = (struct sri_user_tract){.number = (page >> TRACT_BITS) + 1};
    if (write)
        tract->writable |= bit;
    else
        tract->readable |= bit;
    return true;
}

static __attribute__((noinline)) int check_pages(struct sri_user *user, uintptr_t first, uintptr_t last,
                                                 bool write)
{
    for (uintptr_t page = first; page <= last; page++) {
        if (!learn(user, page, write))
            return -EFAULT;
    }
    return 0;
}

/* What mostly happens: all of it is in one tract, and known. */
static inline int check(struct sri_user *user, const void *begin, size_t length, bool write)
{
    uintptr_t address = (uintptr_t)begin;
    if (length == 0)
        return 0;
    if (address < LOWEST || address >= HIGHEST || length > HIGHEST - address)
        return -EFAULT;
    uintptr_t first = address >> PAGE_BITS;
    uintptr_t last = (address + (length - 1)) >> PAGE_BITS;
    const struct sri_user_tract *tract = place_of(user, first >> TRACT_BITS);
    if (last - first <= TRACT_MASK - (first & TRACT_MASK) && tract->number == (first >> TRACT_BITS) + 1) {
        uint64_t pages = pages_between(first, last);
        if (((write ? tract->writable : tract->readable) & pages) == pages)
            return 0;
    }
    return check_pages(user, first, last, write);
}

static int look_at(struct sri_user *user, const void *begin, size_t length, bool write)
{
    return is_other(user) ? sri_user_other_check(user, begin, length) : check(user, begin, length, write);
}

int sri_user_readable(struct sri_user *user, const void *begin, size_t length)
{
    return look_at(user, begin, length, false);
}

int sri_user_writable(struct sri_user *user, void *begin, size_t length)
{
    return look_at(user, begin, length, true);
}

#if IS_INSTRUMENTED

SRI_UNSEEN static void move(void *to, const void *from, size_t length)
{
    volatile sri_loose *words_to = to;
    const volatile sri_loose *words_from = from;
    size_t words = length / 8;
    for (size_t i = 0; i < words; i++)
        words_to[i] = words_from[i];
    volatile unsigned char *bytes_to = to;
    const volatile unsigned char *bytes_from = from;
    for (size_t i = words * 8; i < length; i++)
        bytes_to[i] = bytes_from[i];
}

SRI_UNSEEN static void set(void *to, uint8_t byte, size_t length)
{
    volatile unsigned char *bytes = to;
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte;
}

#else

static void move(void *to, const void *from, size_t length)
{
    memcpy(to, from, length);
}

static void set(void *to, uint8_t byte, size_t length)
{
    memset(to, byte, length);
}

#endif

/*
 * Valgrind's marks, by aligned words of eight bytes (what is lent is poisoned by these): the words the program may not
 * touch are made defined for the time of a copy, and closed again after it. Of longer ranges so many words.
 */
#define WORDS 8192u

struct marks {
    uintptr_t begin;
    size_t words; /* 0: nothing was lifted */
    uint8_t closed[WORDS / 8];
};

#if HAVE_VALGRIND

/*
 * Asked once: the question is some twenty instructions, and the answer does not change. Of valgrind's tools only the one
 * with marks answers it; the others count and watch what is the same without.
 */
static signed char has_marks; /* 0: not asked yet */

static __attribute__((noinline, cold)) signed char ask(void)
{
    char byte = 0;
    char bits;
    signed char answer = VALGRIND_GET_VBITS(&byte, &bits, 1) == 1 ? 1 : -1;
    __atomic_store_n(&has_marks, answer, __ATOMIC_RELAXED);
    return answer;
}

static inline bool under_valgrind(void)
{
    signed char answer = __atomic_load_n(&has_marks, __ATOMIC_RELAXED);
    if (__builtin_expect(answer == 0, 0))
        answer = ask();
    return answer > 0;
}

/* All of it: a word at the end of a block, of which some bytes are the program's, is open. */
static bool is_closed(uintptr_t word)
{
    uint64_t bits;
    if (VALGRIND_GET_VBITS((void *)word, &bits, sizeof bits) != 3)
        return false;
    for (uintptr_t byte = word; byte < word + 8; byte++)
        if (VALGRIND_GET_VBITS((void *)byte, &bits, 1) != 3)
            return false;
    return true;
}

static void open_word(uintptr_t word)
{
    (void)VALGRIND_MAKE_MEM_DEFINED((void *)word, 8);
}

static void close_word(uintptr_t word)
{
    (void)VALGRIND_MAKE_MEM_NOACCESS((void *)word, 8);
}

#else

static bool under_valgrind(void)
{
    return false;
}

static bool is_closed(uintptr_t word)
{
    (void)word;
    return false;
}

static void open_word(uintptr_t word)
{
    (void)word;
}

static void close_word(uintptr_t word)
{
    (void)word;
}

#endif

/* Those at the edges too: whoever closes bytes closes whole words. */
static void lift(struct marks *marks, const void *begin, size_t length)
{
    marks->words = 0;
    if (__builtin_expect(!under_valgrind(), 1) || length == 0)
        return;
    uintptr_t end = (uintptr_t)begin + length;
    marks->begin = (uintptr_t)begin & ~(uintptr_t)7;
    marks->words = (end - marks->begin + 7) / 8;
    if (marks->words > WORDS)
        marks->words = WORDS;
    memset(marks->closed, 0, sizeof marks->closed);
    for (size_t i = 0; i < marks->words; i++) {
        if (!is_closed(marks->begin + 8 * i))
            continue;
        marks->closed[i / 8] |= (uint8_t)(1u << i % 8);
        open_word(marks->begin + 8 * i);
    }
}

static void lower(const struct marks *marks)
{
    for (size_t i = 0; i < marks->words; i++) {
        if (marks->closed[i / 8] >> i % 8 & 1)
            close_word(marks->begin + 8 * i);
    }
}

/* With the marks of `users`, which is one of both, lifted meanwhile. Apart, since it takes a kilobyte of stack. */
static __attribute__((noinline)) void move_marked(void *to, const void *from, size_t length,
                                                  const void *users)
{
    struct marks marks;
    lift(&marks, users, length);
    move(to, from, length);
    lower(&marks);
}

int sri_user_copy_in(struct sri_user *user, void *to, const void *from, size_t length)
{
    if (is_other(user))
        return sri_user_other_in(user, to, from, length);
    if (check(user, from, length, false) != 0)
        return -EFAULT;
    if (__builtin_expect(under_valgrind(), 0))
        move_marked(to, from, length, from);
    else
        move(to, from, length);
    return 0;
}

int sri_user_copy_out(struct sri_user *user, void *to, const void *from, size_t length)
{
    if (is_other(user))
        return sri_user_other_out(user, to, from, length);
    if (check(user, to, length, true) != 0)
        return -EFAULT;
    if (__builtin_expect(under_valgrind(), 0))
        move_marked(to, from, length, to);
    else
        move(to, from, length);
    return 0;
}

SRI_UNSEEN static size_t string_part(const volatile char *from, char *to, size_t most)
{
    size_t length = 0;
    while (length < most) {
        to[length] = from[length];
        if (to[length] == 0)
            break;
        length++;
    }
    return length;
}

int sri_user_copy_string(struct sri_user *user, char *to, const char *from, size_t size)
{
    size_t length = 0;
    while (length < size) {
        uintptr_t at = (uintptr_t)from + length;
        size_t to_page_end = PAGE_SIZE_BYTES - (at & (PAGE_SIZE_BYTES - 1));
        size_t most = to_page_end < size - length ? to_page_end : size - length;
        const char *piece = (const char *)at;
        if (is_other(user)) {
            if (sri_user_other_in(user, to + length, piece, most) != 0)
                return -EFAULT;
            piece = to + length;
        } else if (sri_user_readable(user, piece, 1) != 0) {
            return -EFAULT;
        }
        size_t part = string_part(piece, to + length, most);
        length += part;
        if (part < most)
            return (int)length;
    }
    return -ENAMETOOLONG;
}

void sri_user_fill(void *to, uint8_t byte, size_t length)
{
    struct marks marks;
    lift(&marks, to, length);
    set(to, byte, length);
    lower(&marks);
}

/* What is said of bytes is said, whether or not the program has ever given them a value. */
static void told(void *answer, size_t size)
{
#if HAVE_VALGRIND
    if (under_valgrind())
        (void)VALGRIND_MAKE_MEM_DEFINED(answer, size);
#else
    (void)answer;
    (void)size;
#endif
}

static __attribute__((noinline)) uint64_t sum_marked(const void *from, size_t length, uint64_t seed)
{
    struct marks marks;
    lift(&marks, from, length);
    uint64_t result = sri_sum_unseen(from, length, seed);
    lower(&marks);
    told(&result, sizeof result);
    return result;
}

uint64_t sri_user_sum(const void *from, size_t length, uint64_t seed)
{
    if (__builtin_expect(under_valgrind(), 0))
        return sum_marked(from, length, seed);
    return sri_sum_unseen(from, length, seed);
}

uint64_t sri_user_sum_edges(const void *from, size_t length, uint64_t seed)
{
    const unsigned char *bytes = from;
    if (__builtin_expect(!under_valgrind(), 1))
        return sri_sum_edges_unseen(bytes, length, seed);
    seed = sum_marked(bytes, SRI_USER_EDGE, seed ^ length);
    seed = sum_marked(bytes + length / 2, SRI_USER_EDGE, seed);
    return sum_marked(bytes + length - SRI_USER_EDGE, SRI_USER_EDGE, seed);
}

SRI_UNSEEN static size_t same(const volatile unsigned char *bytes, uint8_t byte, size_t length)
{
    uint64_t pattern = UINT64_C(0x0101010101010101) * byte;
    size_t i = 0;
    while (i + 8 <= length && *(const volatile sri_loose *)(bytes + i) == pattern)
        i += 8;
    while (i < length && bytes[i] == byte)
        i++;
    return i;
}

size_t sri_user_same(const void *from, uint8_t byte, size_t length)
{
    struct marks marks;
    lift(&marks, from, length);
    size_t result = same(from, byte, length);
    lower(&marks);
    told(&result, sizeof result);
    return result;
}
