/*
 * Which process this is, without a system call per question (RING-6).
 *
 * The gates of rings stand on pages that the kernel wipes in every forked child, so a ring the child inherited has a gate of
 * zeros: neither open nor alive. What is free is listed in ordinary memory, which the child inherits as it was.
 */
#define _GNU_SOURCE
#include "ring/identity.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* So that the gates of two threads do not share a cache line. */
#define GATE_STRIDE 64u
#define GATES 64u

/* Two pages of memory: what is free, and the gates, on the one that is wiped. */
struct gate_page {
    struct gate_page *next;
    unsigned char *gates;
    uint64_t free; /* a bit for each */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gate_page *pages; /* kept for ever, so that a stale ring's gate can be read */
__thread char sri_thread_mark;

/* Where fork can't wipe (before Linux 4.14) every process looks the same. */
static struct gate_page *add_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory + size, size, MADV_WIPEONFORK);
    struct gate_page *page = (struct gate_page *)(void *)memory;
    page->gates = memory + size;
    page->free = UINT64_MAX;
    page->next = pages;
    pages = page;
    return page;
}

static struct gate_page *page_with_room(void)
{
    struct gate_page *page = pages;
    while (page != NULL && page->free == 0)
        page = page->next;
    return page != NULL ? page : add_page();
}

struct sri_gate *sri_gate_new(void)
{
    struct sri_gate *gate = NULL;
    pthread_mutex_lock(&lock);
    struct gate_page *page = page_with_room();
    if (page != NULL) {
        unsigned number = (unsigned)__builtin_ctzll(page->free);
        page->free &= page->free - 1;
        gate = (struct sri_gate *)(void *)(page->gates + number * GATE_STRIDE);
    }
    pthread_mutex_unlock(&lock);
    if (gate != NULL) {
        sri_gate_set(gate, NULL);
        __atomic_store_n(&gate->alive, 1, __ATOMIC_RELAXED);
    }
    return gate;
}

void sri_gate_free(struct sri_gate *gate)
{
    const unsigned char *at = (const unsigned char *)gate;
    sri_gate_set(gate, NULL);
    __atomic_store_n(&gate->alive, 0, __ATOMIC_RELAXED);
    pthread_mutex_lock(&lock);
    struct gate_page *page = pages;
    while (at < page->gates || at >= page->gates + GATES * GATE_STRIDE)
        page = page->next;
    page->free |= UINT64_C(1) << ((size_t)(at - page->gates) / GATE_STRIDE);
    pthread_mutex_unlock(&lock);
}
