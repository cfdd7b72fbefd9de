/*
 * A libFuzzer target of somebody else's: the fuzzer's bytes are the kernel's luck (a tape), and a loop that reads a file must
 * give the whole file or an error, whatever that luck is.
 */
#include <fcntl.h>
#include <safer_ring.h>
#include <safer_ring/sim.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT "what the file holds, in more than a few bytes"

/* Reads the file to its end. Its length, or a negative code. */
SR_UNCHECKED static int read_whole(struct sr_ring *ring, int fd, char *text, size_t room)
{
    size_t length = 0;
    for (;;) {
        struct sr_buffer *buffer = NULL;
        struct sr_op op;
        struct sr_completion done;
        int rc = sr_buffer_new(&buffer, 16);
        if (rc == 0)
            rc = sr_read_at_owned(ring, sr_fd(fd), &buffer, length, &op);
        if (rc != 0) {
            (void)!sr_buffer_release(&buffer);
            return rc;
        }
        do
            rc = sr_op_await(ring, &op, &done);
        while (rc == -EAGAIN || rc == -EBUSY);
        if (rc != 0) {
            sr_op_drop(ring, &op);
            return rc;
        }
        rc = sr_take(&done, &buffer);
        if (rc > 0 && length + (size_t)rc <= room) {
            SR_BUFFER_SCOPE(guard, &buffer)
            memcpy(text + length, sr_guard_bytes(&guard), (size_t)rc);
            length += (size_t)rc;
        }
        (void)!sr_buffer_release(&buffer);
        if (rc == 0)
            return (int)length;
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN)
            return rc;
    }
}

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* One simulation for all runs: a reset makes it new, and allocates nothing. */
    static struct sr_sim *sim;
    struct sr_sim_options options = sr_sim_options_default();
    struct sr_ring *ring;
    char text[256];
    int fd;
    options.tape = bytes;
    options.tape_size = size;
    must(sim == NULL ? sr_sim_new(&sim, &options) == 0 : sr_sim_reset(sim, &options) == 0);
    must(sr_sim_file(sim, "/file", CONTENT, sizeof CONTENT - 1) == 0);
    must(sr_sim_open(sim, "/file", O_RDONLY, &fd) == 0);
    must(sr_sim_ring_open(sim, &ring, 4) == 0);
    int length = read_whole(ring, fd, text, sizeof text);
    must(length < 0 || (length == sizeof CONTENT - 1 && memcmp(text, CONTENT, (size_t)length) == 0));
    sr_sim_calm(sim);
    must(sr_ring_drain(ring, SR_FOREVER, NULL) == 0);
    must(sr_ring_close(&ring) == 0);
    return 0;
}
