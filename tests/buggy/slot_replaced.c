/*
 * pattern: 31
 * bug: a registered file is replaced by the next while a read of it is queued and not submitted: the next one is read.
 * fix: submits first.
 * finding: slot-changed-before-submit
 */
#include "buggy.h"

int main(void)
{
    static char bytes[64];
    struct io_uring ring;
    int files[2] = {make_file("of the first file", 17), make_file("of the second file", 18)};
    open_ring(&ring, 8, 0);
    CHECK(io_uring_register_files(&ring, files, 1) == 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, 0, bytes, sizeof bytes, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(sqe, bytes);
#ifdef FIXED
    submit_all(&ring);
    finish_one(&ring);
#endif
    int rc = io_uring_register_files_update(&ring, 0, &files[1], 1); /* reported */
    CHECK(rc == 1);
#ifndef FIXED
    submit_all(&ring);
    finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
