/*
 * A program with the installed headers and the installed library, as it is shipped: every allocation on its way fails once,
 * and once with all after it; what the library said is an error each time, and every byte comes back.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <safer_ring.h>
#include <safer_ring/check.h>
#include <safer_ring/sim.h>

static struct scarce {
    unsigned asked;
    unsigned nth; /* 0: none fails */
    bool sticky;
    unsigned failed;
    long live; /* bytes */
} scarce;

static void *allocate(void *self, size_t size, size_t alignment)
{
    struct scarce *state = self;
    void *memory = NULL;
    state->asked++;
    if (state->nth > 0 && (state->asked == state->nth || (state->sticky && state->asked > state->nth))) {
        state->failed++;
        return NULL;
    }
    if (posix_memalign(&memory, alignment, size) != 0)
        return NULL;
    state->live += (long)size;
    return memory;
}

static void release(void *self, void *memory, size_t size)
{
    struct scarce *state = self;
    state->live -= (long)size;
    free(memory);
}

/* Opens a ring, gives it a buffer, and takes both apart again: 0, or what was refused. */
static int work(void)
{
    struct sr_config config = sr_config_default();
    struct sr_ring *ring = NULL;
    struct sr_buffer *parts[2] = {NULL, NULL};
    struct sr_buffer *vector = NULL;
    struct sr_op op;
    struct sr_completion done;
    config.backend_name = "engine";
    config.entries = 4;
    int rc = sr_ring_open_config(&ring, &config);
    if (rc == 0)
        rc = sr_buffer_new(&parts[0], 100);
    if (rc == 0)
        rc = sr_buffer_copy_of(&parts[1], "abc", 3);
    if (rc == 0)
        rc = sr_buffer_join(&vector, parts, 2);
    if (rc == 0)
        rc = sr_nop(ring, &op);
    if (rc == 0) {
        sr_assert_ok(sr_op_await(ring, &op, &done));
        sr_finish(&done);
    }
    if (vector != NULL)
        sr_assert_ok(sr_buffer_release(&vector));
    for (int i = 0; i < 2; i++)
        if (parts[i] != NULL)
            sr_assert_ok(sr_buffer_release(&parts[i]));
    if (ring != NULL)
        sr_assert_ok(sr_ring_close(&ring));
    return rc;
}

static void try(unsigned nth, bool sticky, long kept)
{
    scarce.asked = scarce.failed = 0;
    scarce.nth = nth;
    scarce.sticky = sticky;
    int rc = work();
    scarce.nth = 0;
    if (scarce.live != kept || (rc != 0 && (rc != -ENOMEM || scarce.failed == 0))) {
        fprintf(stderr, "allocation %u%s fails: %s, and %ld bytes are left\n", nth,
                sticky ? " and all after it" : "", sr_err_name(rc), scarce.live - kept);
        exit(1);
    }
}

int main(void)
{
    static const struct sr_allocator allocator = {allocate, release, &scarce};
    if (sr_set_allocator(&allocator) != 0 || work() != 0)
        return 1;
    long kept = scarce.live; /* headers of buffers stay for good */
    unsigned nth = 1;
    do {
        try(nth, false, kept);
        if (scarce.failed == 0)
            break;
        try(nth++, true, kept);
    } while (nth < 1000);
    printf("%u allocations, each failed once and sticky; %s\n", nth - 1, sr_strerror(SR_EBUFFER_IN_FLIGHT));
    return nth < 4 || sr_set_allocator(NULL) != 0;
}
