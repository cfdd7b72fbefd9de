/*
 * pattern: 4
 * bug: the path of an open is put together on the heap and freed as soon as the entry is prepared, before the submission.
 * fix: frees it after the submission, which takes a copy.
 * finding: arguments-dead
 */
#include "buggy.h"

int main(void)
{
    struct io_uring ring;
    open_ring(&ring, 8, 0);
    char *path = malloc(64);
    CHECK(path != NULL);
    snprintf(path, 64, "/dev/%s", "null");
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
    io_uring_sqe_set_data64(sqe, 1);
#ifdef FIXED
    submit_all(&ring);
    free(path);
#else
    free(path); /* reported */
    submit_all(&ring);
#endif
    int fd = finish_one(&ring);
    if (fd >= 0)
        close(fd);
    io_uring_queue_exit(&ring);
    return 0;
}
