/*
 * One read: a buffer goes to the kernel and comes back. `first_read [FILE]`; without arguments it reads itself. What goes
 * wrong ends the program; file_copy.c shows how a program goes on.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <safer_ring.h>

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

int main(int argc, char **argv)
{
    int fd = open(argc > 1 ? argv[1] : argv[0], O_RDONLY | O_CLOEXEC);
    struct sr_ring *ring;
    struct sr_buffer *buffer;
    struct sr_op read;
    struct sr_completion done;
    TRY(sr_ring_open(&ring, 8));
    TRY(sr_buffer_new(&buffer, 4096));
    TRY(sr_read_at_owned(ring, sr_fd(fd), &buffer, 0, &read)); /* buffer is NULL now: the kernel has it */
    TRY(sr_op_await(ring, &read, &done));
    int32_t size = sr_take(&done, &buffer); /* ours again, with the kernel's result: a count or -errno */
    printf("%d bytes\n", size);
    TRY(sr_buffer_release(&buffer));
    TRY(sr_ring_close(&ring)); /* would panic if the read were still in flight */
    return size > 0 ? 0 : 1;
}
