/*
 * Which tool watches, and how it is told.
 */
#include "base/marks.h"

#include <stdint.h>

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define HAVE_VALGRIND 1
#endif
#endif
#ifndef HAVE_VALGRIND
#define HAVE_VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define IS_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_INSTRUMENTED 1
#endif
#endif
#ifndef IS_INSTRUMENTED
#define IS_INSTRUMENTED 0
#endif

#define GRANULE ((uintptr_t)8)

/* The sanitizer's own, present in a program that was built with it, whatever this library was built with. */
void __asan_poison_memory_region(const volatile void *address, size_t size) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *address, size_t size) __attribute__((weak));

static bool has_asan(void)
{
    return __asan_poison_memory_region != NULL && __asan_unpoison_memory_region != NULL;
}

/* Of valgrind's tools memcheck alone: the others answer 0, and have nothing to heed. */
static bool has_memcheck(void)
{
#if HAVE_VALGRIND
    static signed char known; /* 0: not asked yet */
    signed char answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer == 0) {
        char byte = 0;
        answer = VALGRIND_MAKE_MEM_DEFINED(&byte, 1) != 0 ? 1 : -1;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer > 0;
#else
    return false;
#endif
}

/* Without instrumentation the door's copies go through the sanitizer's memcpy, which would report them. */
bool sri_marks_heeded(bool copies)
{
    return has_memcheck() || (has_asan() && (IS_INSTRUMENTED || !copies));
}

static void round_out(void **bytes, size_t *length)
{
    uintptr_t begin = (uintptr_t)*bytes & ~(GRANULE - 1);
    uintptr_t end = ((uintptr_t)*bytes + *length + GRANULE - 1) & ~(GRANULE - 1);
    *bytes = (void *)begin;
    *length = end - begin;
}

static bool closed; /* anything, ever */

void sri_marks_close(void *bytes, size_t length)
{
    __atomic_store_n(&closed, true, __ATOMIC_RELAXED);
    round_out(&bytes, &length);
    if (has_asan())
        __asan_poison_memory_region(bytes, length);
#if HAVE_VALGRIND
    if (has_memcheck())
        (void)VALGRIND_MAKE_MEM_NOACCESS(bytes, length);
#endif
}

void sri_marks_open(void *bytes, size_t length, size_t defined)
{
    void *whole = bytes;
    size_t whole_length = length;
    round_out(&whole, &whole_length);
    if (has_asan())
        __asan_unpoison_memory_region(whole, whole_length);
#if HAVE_VALGRIND
    if (has_memcheck()) {
        (void)VALGRIND_MAKE_MEM_DEFINED(whole, whole_length);
        if (defined < length)
            (void)VALGRIND_MAKE_MEM_UNDEFINED((char *)bytes + defined, length - defined);
    }
#else
    (void)defined;
#endif
}

void sri_marks_forget(void *bytes, size_t length)
{
    if (__atomic_load_n(&closed, __ATOMIC_RELAXED))
        sri_marks_open(bytes, length, length);
}
