/*
 * A forgotten await. A ring that is closed with operations in flight panics: it prints what is in flight and aborts. Here
 * the handler is replaced, so that the program can show the message and go on.
 */
#include <stdio.h>

#include <safer_ring.h>

static void show(const struct sr_panic *panic, void *user)
{
    int *panics = user;
    struct sr_panic_operation operation;
    printf("%s\n", panic->message);
    for (uint32_t i = 0; sr_panic_at(panic, i, &operation); i++)
        printf("  %s, %s, fd %d, %zu bytes\n", operation.kind, operation.state, operation.fd,
               operation.buffer_size);
    (*panics)++;
}

/* clang's -Wthread-safety refuses this function, with "'op' is still held at the end"; SR_UNCHECKED silences it. */
SR_UNCHECKED static int start_and_forget(struct sr_ring *ring)
{
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_op op;
    return sr_op_start_plain(ring, &spec, &op);
}

int main(void)
{
    struct sr_ring *ring;
    int panics = 0;
    sr_set_panic_handler(show, &panics);
    if (sr_ring_open(&ring, 8) != 0 || start_and_forget(ring) != 0)
        return 1;

    int rc = sr_ring_close(&ring);
    printf("the close answered: %s\n", sr_strerror(rc));
    if (rc != SR_EOPERATIONS_IN_FLIGHT || panics != 1)
        return 1;

    /* Nothing was freed, so the ring can be used as before: here it is emptied, and closed. */
    if (sr_ring_drain(ring, SR_FOREVER, NULL) != 0)
        return 1;
    return sr_ring_close(&ring) == 0 && panics == 1 ? 0 : 1;
}
