/*
 * Twin memory: a file of memory, mapped twice.
 */
#define _GNU_SOURCE
#include "base/twin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"

#define PAGE ((uintptr_t)4096)

/* Both views have the same length and stand side by side, each with a closed page behind it. */
struct twin {
    struct twin *next;
    char *program;
    size_t length; /* whole pages */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct twin *twins;
static atomic_uint wanted;

void sri_twins_want(bool on)
{
    if (on)
        atomic_fetch_add(&wanted, 1);
    else
        atomic_fetch_sub(&wanted, 1);
}

bool sri_twins_wanted(void)
{
    return atomic_load_explicit(&wanted, memory_order_relaxed) > 0;
}

static char *kernel_view(const struct twin *twin)
{
    return twin->program + twin->length + PAGE;
}

static char *map_both(size_t length)
{
    size_t all = 2 * (length + PAGE);
    int file = memfd_create("safer_ring", MFD_CLOEXEC);
    if (file < 0)
        return NULL;
    char *begin = ftruncate(file, (off_t)length) == 0
                      ? mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                      : MAP_FAILED;
    char *views[2] = {begin, begin != MAP_FAILED ? begin + length + PAGE : NULL};
    for (int i = 0; i < 2 && begin != MAP_FAILED; i++)
        if (mmap(views[i], length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) {
            munmap(begin, all);
            begin = MAP_FAILED;
        }
    close(file);
    return begin != MAP_FAILED ? begin : NULL;
}

void *sri_twin_new(size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size_t length = (size + PAGE - 1) & ~(PAGE - 1);
    struct twin *twin = sri_alloc(sizeof *twin);
    if (twin == NULL)
        return NULL;
    twin->length = length;
    twin->program = map_both(length);
    if (twin->program == NULL) {
        sri_free(twin);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    twin->next = twins;
    twins = twin;
    pthread_mutex_unlock(&lock);
    return twin->program;
}

void sri_twin_free(void *bytes)
{
    struct twin *twin = NULL;
    pthread_mutex_lock(&lock);
    for (struct twin **place = &twins; *place != NULL; place = &(*place)->next)
        if ((*place)->program == bytes) {
            twin = *place;
            *place = twin->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    if (twin == NULL)
        return;
    munmap(twin->program, 2 * (twin->length + PAGE));
    sri_free(twin);
}

/* The offset in a twin of an address of either view; NULL: of none. */
static struct twin *find(const void *address, size_t *offset)
{
    const char *at = address;
    for (struct twin *twin = twins; twin != NULL; twin = twin->next) {
        const char *kernel = kernel_view(twin);
        if (at >= twin->program && at < twin->program + twin->length) {
            *offset = (size_t)(at - twin->program);
            return twin;
        }
        if (at >= kernel && at < kernel + twin->length) {
            *offset = (size_t)(at - kernel);
            return twin;
        }
    }
    return NULL;
}

void *sri_twin_for_kernel(const void *address)
{
    size_t offset = 0;
    pthread_mutex_lock(&lock);
    const struct twin *twin = find(address, &offset);
    void *there = twin != NULL ? kernel_view(twin) + offset : NULL;
    pthread_mutex_unlock(&lock);
    return there;
}

static bool protect(const void *address, size_t length, int protection)
{
    size_t offset = 0;
    pthread_mutex_lock(&lock);
    const struct twin *twin = find(address, &offset);
    char *begin = NULL;
    size_t pages = 0;
    if (twin != NULL) {
        begin = twin->program + (offset & ~(PAGE - 1));
        pages = ((offset & (PAGE - 1)) + length + PAGE - 1) & ~(PAGE - 1);
    }
    pthread_mutex_unlock(&lock);
    return begin != NULL && pages > 0 && mprotect(begin, pages, protection) == 0;
}

bool sri_twin_close(const void *address, size_t length)
{
    return protect(address, length, PROT_NONE);
}

bool sri_twin_open(const void *address, size_t length)
{
    return protect(address, length, PROT_READ | PROT_WRITE);
}

bool sri_twin_holds(const void *address)
{
    size_t offset;
    const struct twin *twin = find(address, &offset);
    return twin != NULL && (const char *)address < twin->program + twin->length;
}
