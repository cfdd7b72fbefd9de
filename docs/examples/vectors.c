/*
 * Several buffers in one operation, and a send from where the bytes lie: both give back what they were given.
 *
 * It talks to itself over the loopback, checks its own outcome and exits with 0; 77 where this kernel has no zero-copy sends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SR_NO_OWNERSHIP_ANALYSIS /* arrays of buffers (docs/ownership.md) */
#include <safer_ring.h>

#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort();                                                \
        }                                                           \
    } while (0)

/* Two ends of a TCP connection. */
static void connect_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 1) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fds[0], (struct sockaddr *)&address, sizeof address) == 0);
    fds[1] = accept(listening, NULL, NULL);
    CHECK(fds[1] >= 0);
    close(listening);
}

/* A header and a body, written by one operation. */
static void write_parts(struct sr_ring *ring, int fd)
{
    struct sr_buffer *parts[2];
    struct sr_buffer *vector;
    struct sr_op op;
    struct sr_completion done;
    struct sr_op_spec spec = sr_spec_writev(sr_fd(fd), 0);
    CHECK(sr_buffer_copy_of(&parts[0], "header ", 7) == 0);
    CHECK(sr_buffer_copy_of(&parts[1], "body", 4) == 0);
    CHECK(sr_buffer_join(&vector, parts, 2) == 0); /* parts[] are NULL now: they are the vector's */
    CHECK(sr_op_start(ring, &spec, &vector, &op) == 0);
    CHECK(sr_op_await(ring, &op, &done) == 0);
    CHECK(sr_take(&done, &vector) == 11);
    CHECK(sr_buffer_split(&vector, parts, 2) == 0);
    CHECK(sr_buffer_release(&parts[0]) == 0);
    CHECK(sr_buffer_release(&parts[1]) == 0);
}

/* The buffer comes back when the network is done with its bytes, with one completion. */
static int32_t send_in_place(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    CHECK(sr_buffer_copy_of(&buffer, " and more", 9) == 0);
    CHECK(sr_send_zc_owned(ring, sr_fd(fd), &buffer, sr_range(0, 9), 0, &op) == 0);
    CHECK(sr_op_await(ring, &op, &done) == 0);
    int32_t sent = sr_take(&done, &buffer);
    CHECK(sr_buffer_release(&buffer) == 0);
    return sent;
}

int main(void)
{
    struct sr_ring *ring;
    char text[32] = "";
    int fds[2];
    connect_pair(fds);
    CHECK(sr_ring_open(&ring, 8) == 0);
    write_parts(ring, fds[0]);
    int32_t sent = send_in_place(ring, fds[0]);
    CHECK(sr_ring_close(&ring) == 0);
    if (sent == -EINVAL || sent == -EOPNOTSUPP) {
        puts("this kernel has no zero-copy sends (before Linux 6.0)");
        return 77;
    }
    CHECK(sent == 9);
    CHECK(recv(fds[1], text, 20, MSG_WAITALL) == 20);
    puts(text);
    CHECK(strcmp(text, "header body and more") == 0);
    close(fds[0]);
    close(fds[1]);
    return 0;
}
