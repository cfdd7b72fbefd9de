/*
 * Which process this is, without a system call per question (RING-6).
 *
 * A page that the kernel wipes in every forked child holds this process's number; the last number given out stands in
 * ordinary memory, which the child inherits, so the child's next number is new.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/ring_private.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t *wiped;          /* on the page that fork wipes */
static _Atomic uint32_t without_page;    /* where the page can't be had: every process looks the same */
static uint32_t last;

static void make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) != 0) {
        munmap(page, size);
        page = MAP_FAILED;
    }
    wiped = page != MAP_FAILED ? page : &without_page;
}

uint32_t sri_process_mark(void)
{
    pthread_mutex_lock(&lock);
    if (wiped == NULL)
        make_page();
    uint32_t mark = atomic_load_explicit(wiped, memory_order_relaxed);
    if (mark == 0) {
        mark = ++last;
        atomic_store_explicit(wiped, mark, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return mark;
}

bool sri_process_is(uint32_t mark)
{
    return atomic_load_explicit(wiped, memory_order_relaxed) == mark;
}
