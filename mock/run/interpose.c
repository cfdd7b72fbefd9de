/*
 * What a watched program releases: free(3), realloc(3), munmap(2), stood in for. Each does what it always did, and tells the
 * detectors before. And mmap(2), for rings of the program's own system calls.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/detect.h"
#include "run/trap.h"

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

void free(void *memory)
{
    if (memory != NULL && sri_release_matters(memory, 1)) {
        size_t length = malloc_usable_size(memory);
        sri_release(memory, length, "free", SRI_FRAME, SRI_SITE);
        if (length >= LARGE)
            sri_release_pages(memory, length);
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
    if (memory != NULL && sri_release_matters(memory, 1)) {
        size_t length = malloc_usable_size(memory);
        sri_release(memory, length, "realloc", SRI_FRAME, SRI_SITE);
        if (length >= LARGE)
            sri_release_pages(memory, length);
    }
    realloc_fn *call;
    *(void **)&call = next("realloc", &known_realloc);
    return call != NULL ? call(memory, size) : __libc_realloc(memory, size);
}

/* A ring that the program made by a system call of its own, whatever flags it is mapped with. */
void *mmap64(void *memory, size_t length, int protection, int flags, int fd, off_t offset)
{
    const long arguments[6] = {(long)(uintptr_t)memory, (long)length, protection, flags, fd, offset};
    if (fd < 0 || !sri_agent.traps || !sri_uring_is_ring(fd))
        return (void *)(uintptr_t)syscall(SYS_mmap, memory, length, protection, flags, fd, offset);
    long mapped = sri_trap_map(arguments);
    if (mapped >= 0 || mapped < -4095)
        return (void *)(uintptr_t)mapped;
    errno = (int)-mapped;
    return MAP_FAILED;
}

void *mmap(void *memory, size_t length, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("mmap64")));

int munmap(void *memory, size_t length)
{
    sri_release_mapping(memory, length, SRI_FRAME, SRI_SITE);
    return (int)syscall(SYS_munmap, memory, length);
}
