/*
 * What the library allocates: an allocator that counts, and a loop of rings that must leave nothing behind.
 */
#include "bench.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "ring/slot.h"
#include "safer_ring.h"

static atomic_uint_fast64_t made;
static atomic_int_fast64_t live_bytes;

static void *allocate(void *self, size_t size, size_t alignment)
{
    (void)self;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, size) != 0)
        return NULL;
    atomic_fetch_add(&made, 1);
    atomic_fetch_add(&live_bytes, (int64_t)size);
    return memory;
}

static void release(void *self, void *memory, size_t size)
{
    (void)self;
    atomic_fetch_sub(&live_bytes, (int64_t)size);
    free(memory);
}

void count_allocations(void)
{
    static const struct sr_allocator counting = {allocate, release, NULL};
    if (sr_set_allocator(&counting) != 0)
        abort();
}

uint64_t allocations_made(void)
{
    return atomic_load(&made);
}

int64_t bytes_allocated(void)
{
    return atomic_load(&live_bytes);
}

/* AddressSanitizer keeps what was freed for a while, on purpose. */
#if defined(__SANITIZE_ADDRESS__)
#define RESIDENT_TELLS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RESIDENT_TELLS false
#endif
#endif
#ifndef RESIDENT_TELLS
#define RESIDENT_TELLS true
#endif

static int64_t resident_bytes(void)
{
    long long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL)
        return 0;
    if (fscanf(statm, "%*d %lld", &pages) != 1)
        pages = 0;
    fclose(statm);
    return pages * sysconf(_SC_PAGESIZE);
}

/* A ring's whole life: opened, used, an operation dropped under way, drained, closed. */
static int one_ring(void)
{
    struct sr_ring *ring;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op_spec timeout = sr_spec_timeout(UINT64_C(3600000000000));
    struct sr_op op;
    struct sr_completion done;
    int rc = sr_ring_open(&ring, 32);
    for (int i = 0; i < 64 && rc == 0; i++) {
        rc = sr_op_start_plain(ring, &nop, &op);
        if (rc != 0)
            break;
        rc = sr_op_await(ring, &op, &done);
        if (rc != 0) {
            sr_op_drop(ring, &op);
            break;
        }
        rc = sr_take_plain(&done);
    }
    if (rc != 0)
        return rc;
    rc = sr_op_start_plain(ring, &timeout, &op);
    if (rc != 0)
        return rc;
    rc = sr_ring_submit(ring);
    sr_op_drop(ring, &op);
    if (rc == 0)
        rc = sr_ring_drain(ring, SR_FOREVER, NULL);
    return rc != 0 ? rc : sr_ring_close(&ring);
}

/* The first rings warm up what is kept on purpose: headers of buffers, the process's mark, the C library's own. */
int check_memory(uint32_t rounds)
{
    int rc = 0;
    for (uint32_t i = 0; i < rounds / 4 && rc == 0; i++)
        rc = one_ring();
    int64_t live = bytes_allocated();
    int64_t resident = resident_bytes();
    for (uint32_t i = 0; i < rounds && rc == 0; i++)
        rc = one_ring();
    if (rc != 0)
        return rc;
    int64_t live_growth = bytes_allocated() - live;
    int64_t resident_growth = resident_bytes() - resident;
    printf("bookkeeping per operation slot: %zu bytes, arguments apart (aim: at most 64)\n",
           sizeof(struct sri_slot));
    printf(
        "%u rings opened, used and closed: %+lld bytes allocated, %+lld KiB resident (aim: 0, below 256)\n",
        rounds, (long long)live_growth, (long long)(resident_growth / 1024));
    return live_growth != 0 || (RESIDENT_TELLS && resident_growth >= 256 * 1024);
}
