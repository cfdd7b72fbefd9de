/*
 * pattern: 1
 * bug: a window onto a file's copy is unmapped to make room for another one while a read into it is in flight.
 * fix: waits for the read before the memory goes.
 * finding: freed-in-flight
 */
#include <sys/mman.h>

#include "buggy.h"

#define WINDOW 65536u

int main(void)
{
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    char *window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(window != MAP_FAILED);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, ends[0], window + 4096, 8192, 0);
    io_uring_sqe_set_data(sqe, window);
    submit_all(&ring); /* reported */
#ifdef FIXED
    CHECK(write(ends[1], "content", 7) == 7);
    CHECK(finish_one(&ring) > 0);
    munmap(window, WINDOW);
#else
    munmap(window, WINDOW);
    CHECK(write(ends[1], "content", 7) == 7);
    finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
