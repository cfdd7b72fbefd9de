/*
 * pattern: 20
 * bug: an accept that is cancelled is taken not to have happened; a connection that came in the meantime is never closed.
 * fix: looks at the accept's own result.
 * finding: descriptor-lost
 * policy: gentle
 */
#include <netinet/in.h>
#include <poll.h>

#include "buggy.h"

int main(void)
{
    struct io_uring ring;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
    io_uring_sqe_set_data(sqe, &address);
    CHECK(connect(client, (struct sockaddr *)&address, size) == 0);
    struct pollfd arrived = {.fd = listener, .events = POLLIN}; /* who connects knows it a little earlier */
    CHECK(poll(&arrived, 1, -1) == 1);
    submit_all(&ring); /* reported */
    int connection = cancel_and_finish(&ring, &address);
#ifdef FIXED
    if (connection >= 0)
        close(connection);
#else
    (void)connection;
#endif
    io_uring_queue_exit(&ring);
    close(client);
    close(listener);
    return 0;
}
