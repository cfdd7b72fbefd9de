/*
 * pattern: 36
 * bug: a server that is told to stop closes its listener and its ring; the accept that waits is neither cancelled nor
 *      awaited.
 * fix: cancels it and waits for its end.
 * finding: queue-exit-in-flight
 */
#include <netinet/in.h>

#include "buggy.h"

int main(void)
{
    struct io_uring ring;
    struct sockaddr_in address = {.sin_family = AF_INET};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 8) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
    io_uring_sqe_set_data(sqe, &address);
    submit_all(&ring); /* reported */
#ifdef FIXED
    cancel_and_finish(&ring, &address);
#endif
    io_uring_queue_exit(&ring);
    close(listener);
    return 0;
}
