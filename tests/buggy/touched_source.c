/*
 * pattern: 2
 * bug: a log has one line buffer; the next line is printed into it while the write of the last one is in flight.
 * fix: waits for the write before the buffer is used again.
 * finding: changed-in-flight
 * policy: gentle
 */
#include "buggy.h"

static char line[512];

static void log_line(struct io_uring *ring, int fd, unsigned number, unsigned long long *at)
{
    int length = snprintf(line, sizeof line, "line %u of the log, %.400s\n", number, "and what it says");
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_write(sqe, fd, line, (unsigned)length, *at);
    io_uring_sqe_set_data64(sqe, number);
    *at += (unsigned long long)length;
    submit_all(ring); /* reported */
#ifdef FIXED
    finish_one(ring);
#endif
}

int main(void)
{
    struct io_uring ring;
    unsigned long long at = 0;
    int fd = make_file("", 0);
    open_ring(&ring, 16, 0);
    for (unsigned i = 0; i < 8; i++)
        log_line(&ring, fd, i, &at);
#ifndef FIXED
    for (unsigned i = 0; i < 8; i++)
        finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
