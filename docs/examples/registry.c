/*
 * Registered files and buffers: a pipe's two ends and two buffers that the kernel knows before it is asked to use them. What
 * goes wrong ends the program; file_copy.c shows how a program goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <safer_ring.h>

#define SIZE 64

_Noreturn static void die(const char *call, int rc)
{
    fprintf(stderr, "%s: %s\n", call, sr_strerror(rc));
    exit(1);
}

#define TRY(call)            \
    do {                     \
        int rc_ = (call);    \
        if (rc_ != 0)        \
            die(#call, rc_); \
    } while (0)

/* One transfer, start to end. The buffer is a slot's: on its own ring the kernel gets READ_FIXED or WRITE_FIXED. */
static void transfer(struct sr_ring *ring, struct sr_op_spec spec, struct sr_registry *registry,
                     struct sr_buffer_slot slot, char text[SIZE])
{
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    struct sr_guard guard;
    TRY(sr_slot_take(registry, slot, &buffer)); /* from now on the slot is in use */
    TRY(sr_buffer_try_access(&buffer, &guard));
    memcpy(sr_guard_bytes(&guard), text, SIZE);
    sr_guard_end(&guard, &buffer);
    TRY(sr_op_start(ring, &spec, &buffer, &op));
    TRY(sr_op_await(ring, &op, &done));
    int32_t count = sr_take(&done, &buffer);
    if (count != SIZE)
        die("transfer", count < 0 ? count : -EIO);
    TRY(sr_buffer_try_access(&buffer, &guard));
    memcpy(text, sr_guard_bytes(&guard), SIZE);
    sr_guard_end(&guard, &buffer);
    TRY(sr_buffer_release(&buffer)); /* back to its slot */
}

/* Arrays of handles are not followed by the analysis (docs/ownership.md). */
SR_UNCHECKED int main(void)
{
    struct sr_ring *ring;
    struct sr_registry *registry;
    struct sr_fixed_file files[2];
    struct sr_buffer_slot slots[2];
    struct sr_buffer *buffers[2];
    struct sr_range whole = {0, 0, false};
    char text[SIZE] = "through fixed files and registered buffers";
    char back[SIZE] = "";
    int ends[2];
    size_t count;
    if (pipe(ends) != 0)
        die("pipe", -errno);
    TRY(sr_ring_open(&ring, 8));
    TRY(sr_registry_new(ring, &registry));
    TRY(sr_registry_register_fixed_files(registry, ends, 2, files)); /* both, or none */
    close(ends[0]);
    close(ends[1]); /* the kernel has the files themselves */
    buffers[0] = buffers[1] = NULL;
    for (int i = 0; i < 2; i++)
        if (sr_buffer_new(&buffers[i], SIZE) != 0)
            die("sr_buffer_new", -ENOMEM);
    TRY(sr_registry_register_buffer_slots(registry, buffers, 2, slots)); /* they move in */

    transfer(ring, sr_spec_write(sr_fd_fixed(files[1]), 0, whole), registry, slots[0], text);
    transfer(ring, sr_spec_read(sr_fd_fixed(files[0]), 0, whole), registry, slots[1], back);
    printf("%s\n", back);

    /* A handle of an earlier registration is refused, whatever stands in its place now. */
    struct sr_fixed_file stale = files[0];
    TRY(sr_registry_unregister_fixed_files(registry));
    struct sr_op op;
    struct sr_op_spec poll = sr_spec_poll(sr_fd_fixed(stale), 1);
    int rc = sr_op_start_plain(ring, &poll, &op);
    printf("a stale handle: %s\n", sr_err_name(rc));

    TRY(sr_registry_unregister_buffer_slots(registry, buffers, 2, &count)); /* in the order they were given */
    for (size_t i = 0; i < count; i++)
        TRY(sr_buffer_release(&buffers[i]));
    TRY(sr_registry_free(&registry)); /* before this, sr_ring_close() answers -EBUSY */
    TRY(sr_ring_close(&ring));
    return rc == SR_ENOT_REGISTERED && strcmp(text, back) == 0 ? 0 : 1;
}
