/*
 * What a watched program releases: free(3), realloc(3), munmap(2), stood in for. Each does what it always did, and tells the
 * detectors before.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/detect.h"

void __libc_free(void *memory);
void *__libc_realloc(void *memory, size_t size);

typedef void free_fn(void *memory);
typedef void *realloc_fn(void *memory, size_t size);

/* The next of the name: the C library's, or that of an allocator the program brings. While it is looked for, the former. */
static void *next(const char *name, void **known)
{
    static _Thread_local bool looking;
    void *found = __atomic_load_n(known, __ATOMIC_ACQUIRE);
    if (found != NULL || looking)
        return found;
    looking = true;
    found = dlsym(RTLD_NEXT, name);
    looking = false;
    __atomic_store_n(known, found, __ATOMIC_RELEASE);
    return found;
}

/* The C library gives memory as large back to the kernel at once. */
#define LARGE 131072u

static void *known_free;
static void *known_realloc;

static bool matters(const void *memory, size_t length)
{
    return sri_agent.detects && sri_detect.ring_count > 0 && !sri_detect_is_inside() &&
           (sri_memory_may_be_lent(memory, length) || sri_entry_any());
}

static __attribute__((noinline)) void release(const void *memory, size_t length, const char *how,
                                              const void *frame, const void *site)
{
    sri_detect_lock();
    const struct sri_place_of_call *place = sri_detect.place;
    sri_detect.place = sri_place_here(frame, site);
    sri_memory_released(memory, length, how);
    sri_record_released(memory, length, how);
    sri_entry_released(memory, length, how);
    sri_detect.place = place;
    sri_detect_unlock();
}

/* What was known of it as memory. */
static void forget(const void *memory, size_t length)
{
    if (!sri_agent.detects || sri_detect.ring_count == 0 || sri_detect_is_inside())
        return;
    sri_detect_lock();
    sri_memory_forget(memory, length);
    sri_detect_unlock();
    __atomic_store_n(&sri_agent.unmapped, true, __ATOMIC_RELEASE);
}

void free(void *memory)
{
    if (memory != NULL && matters(memory, 1)) {
        size_t length = malloc_usable_size(memory);
        release(memory, length, "free", SRI_FRAME, SRI_SITE);
        if (length >= LARGE)
            forget(memory, length);
    }
    free_fn *call;
    *(void **)&call = next("free", &known_free);
    if (call != NULL)
        call(memory);
    else
        __libc_free(memory);
}

void *realloc(void *memory, size_t size)
{
    if (memory != NULL && matters(memory, 1)) {
        size_t length = malloc_usable_size(memory);
        release(memory, length, "realloc", SRI_FRAME, SRI_SITE);
        if (length >= LARGE)
            forget(memory, length);
    }
    realloc_fn *call;
    *(void **)&call = next("realloc", &known_realloc);
    return call != NULL ? call(memory, size) : __libc_realloc(memory, size);
}

int munmap(void *memory, size_t length)
{
    if (matters(memory, length))
        release(memory, length, "munmap", SRI_FRAME, SRI_SITE);
    forget(memory, length);
    return (int)syscall(SYS_munmap, memory, length);
}
