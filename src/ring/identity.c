/*
 * Which process this is, without a system call per question (RING-6).
 *
 * A page that the kernel wipes in every forked child holds this process's number; the last number given out stands in
 * ordinary memory, which the child inherits, so the child's next number is new.
 */
#define _GNU_SOURCE
#include "ring/identity.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic uint32_t *sri_process_word; /* on the page that fork wipes */
_Thread_local char sri_thread_mark;

static _Atomic uint32_t without_page; /* where the page can't be had: every process looks the same */
static uint32_t last;

static void make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) != 0) {
        munmap(page, size);
        page = MAP_FAILED;
    }
    sri_process_word = page != MAP_FAILED ? page : &without_page;
}

uint32_t sri_process_mark(void)
{
    pthread_mutex_lock(&lock);
    if (sri_process_word == NULL)
        make_page();
    uint32_t mark = atomic_load_explicit(sri_process_word, memory_order_relaxed);
    if (mark == 0) {
        mark = ++last;
        atomic_store_explicit(sri_process_word, mark, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return mark;
}
