/*
 * Ranges of files: allocating, punching, advising, syncing; and what the flags of one write ask for.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <sys/mman.h>

#include "support/conform_files.h"
#include "support/main.h"

static int new_file(struct conform *c, int d)
{
    int fd = files_open(c, d, "f", O_CREAT | O_RDWR | O_TRUNC, 0644);
    assert_true(fd >= 0);
    return fd;
}

static void say_blocks(struct conform *c, const char *what, int fd)
{
    struct statx status;
    memset(&status, 0, sizeof status);
    SAY(what, files_statx(c, fd, "", AT_EMPTY_PATH, STATX_BLOCKS | STATX_SIZE, &status));
    conform_say(c, "size %llu, blocks %llu\n", (unsigned long long)status.stx_size,
                (unsigned long long)status.stx_blocks);
}

static void an_allocation_grows_a_file_with_zeros(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, "ab", 2, 0, 0));
    SAY("allocated", files_fallocate(c, fd, 0, 1, 5));
    files_say_content(c, "is", fd);
    SAY("allocated", files_fallocate(c, fd, 0, 0, 10000));
    say_blocks(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void an_allocation_may_keep_the_size(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("allocated", files_fallocate(c, fd, FALLOC_FL_KEEP_SIZE, 0, 8192));
    say_blocks(c, "is", fd);
    SAY("written", files_write(c, fd, "z", 1, 4, 0));
    files_say_content(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_hole_is_punched(struct conform *c)
{
    static char bytes[12288];
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    memset(bytes, 'x', sizeof bytes);
    SAY("written", files_write(c, fd, bytes, sizeof bytes, 0, 0));
    SAY("punched", files_fallocate(c, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4090, 4100));
    SAY("read", files_read(c, fd, bytes, sizeof bytes, 0, 0));
    conform_data(c, bytes + 4088, 4);
    conform_data(c, bytes + 8188, 4);
    say_blocks(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_hole_of_whole_pages_gives_room_back(struct conform *c)
{
    static char bytes[12288];
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, bytes, sizeof bytes, 0, 0));
    io_uring_prep_fsync(conform_sqe(c, 1), fd, 0);
    SAY("synced", files_run(c));
    SAY("punched", files_fallocate(c, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
    say_blocks(c, "is", fd);
    SAY("beyond the end", files_fallocate(c, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 20000, 4096));
    say_blocks(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_range_is_zeroed(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, "abcdefgh", 8, 0, 0));
    SAY("zeroed", files_fallocate(c, fd, FALLOC_FL_ZERO_RANGE, 2, 3));
    files_say_content(c, "is", fd);
    SAY("across the end", files_fallocate(c, fd, FALLOC_FL_ZERO_RANGE, 6, 6));
    files_say_content(c, "is", fd);
    SAY("keeping the size", files_fallocate(c, fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 100));
    files_say_content(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void allocations_that_make_no_sense(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("nothing", files_fallocate(c, fd, 0, 0, 0));
    SAY("negative offset", files_fallocate(c, fd, 0, (uint64_t)-1, 1));
    SAY("negative length", files_fallocate(c, fd, 0, 0, (uint64_t)-1));
    SAY("too large", files_fallocate(c, fd, 0, INT64_MAX, INT64_MAX));
    SAY("a hole that grows", files_fallocate(c, fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
    SAY("a hole of zeros", files_fallocate(c, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, 0, 10));
    SAY("unknown", files_fallocate(c, fd, 1 << 20, 0, 10));
    conform_close(c, fd);
    conform_close(c, d);
}

static void an_allocation_needs_a_file_open_to_write(struct conform *c)
{
    int ends[2];
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDONLY, 0);
    conform_pipe(c, ends);
    SAY("reader", files_fallocate(c, fd, 0, 0, 10));
    SAY("directory", files_fallocate(c, d, 0, 0, 10));
    SAY("pipe", files_fallocate(c, ends[1], 0, 0, 10));
    SAY("read end", files_fallocate(c, ends[0], 0, 0, 10));
    SAY("no file", files_fallocate(c, 9999, 0, 0, 10));
    conform_close(c, fd);
    conform_close_both(c, ends);
    conform_close(c, d);
}

static void fields_that_fallocate_has_no_use_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_fallocate(sqe, fd, 0, 0, 1);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_fallocate(sqe, fd, 0, 0, 1);
    sqe->rw_flags = 1;
    SAY("rw_flags", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_fallocate(sqe, fd, 0, 0, 1);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_fallocate(sqe, fd, 0, 0, 1);
    sqe->ioprio = 1;
    SAY("ioprio", files_run(c));
    files_say_status(c, "is", fd, "");
    conform_close(c, fd);
    conform_close(c, d);
}

static int advise(struct conform *c, int fd, uint64_t offset, unsigned length, int advice)
{
    io_uring_prep_fadvise(conform_sqe(c, 1), fd, offset, (off_t)length, advice);
    return files_run(c);
}

static void advice_about_a_file_is_taken(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    for (int advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE + 1; advice++)
        SAY("advice", advise(c, fd, 0, 0, advice));
    SAY("directory", advise(c, d, 0, 0, POSIX_FADV_NORMAL));
    conform_close(c, fd);
    conform_close(c, d);
}

static void advice_about_a_pipe_is_refused(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    SAY("pipe", advise(c, ends[0], 0, 0, POSIX_FADV_NORMAL));
    SAY("unknown", advise(c, ends[0], 0, 0, 99));
    SAY("no file", advise(c, 9999, 0, 0, POSIX_FADV_NORMAL));
    conform_close_both(c, ends);
}

static void fields_that_fadvise_has_no_use_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_fadvise(sqe, fd, 0, 0, POSIX_FADV_NORMAL);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_fadvise(sqe, fd, 0, 0, POSIX_FADV_NORMAL);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    conform_close(c, fd);
    conform_close(c, d);
}

static int advise_memory(struct conform *c, void *at, unsigned length, int advice)
{
    io_uring_prep_madvise(conform_sqe(c, 1), at, (off_t)length, advice);
    return files_run(c);
}

static void advice_about_memory_is_taken(struct conform *c)
{
    _Alignas(4096) static char bytes[8192];
    SAY("normal", advise_memory(c, bytes, 4096, MADV_NORMAL));
    SAY("random", advise_memory(c, bytes, 4096, MADV_RANDOM));
    SAY("sequential", advise_memory(c, bytes, 4096, MADV_SEQUENTIAL));
    SAY("willneed", advise_memory(c, bytes, 4096, MADV_WILLNEED));
    SAY("not aligned", advise_memory(c, bytes + 1, 4096, MADV_NORMAL));
    SAY("nothing", advise_memory(c, bytes, 0, MADV_NORMAL));
    SAY("unknown", advise_memory(c, bytes, 4096, 77));
    SAY("nowhere", advise_memory(c, (void *)4096, 4096, MADV_NORMAL));
}

static void fields_that_madvise_has_no_use_for(struct conform *c)
{
    _Alignas(4096) static char bytes[4096];
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_madvise(sqe, bytes, 4096, MADV_NORMAL);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_madvise(sqe, bytes, 4096, MADV_NORMAL);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_madvise(sqe, bytes, 4096, MADV_NORMAL);
    sqe->fd = 9999;
    SAY("fd", files_run(c));
}

static int sync_range(struct conform *c, int fd, uint64_t offset, unsigned length, int flags)
{
    io_uring_prep_sync_file_range(conform_sqe(c, 1), fd, length, offset, flags);
    return files_run(c);
}

static void a_range_is_synced(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, "abc", 3, 0, 0));
    SAY("nothing", sync_range(c, fd, 0, 3, 0));
    SAY("written out", sync_range(c, fd, 0, 3, SYNC_FILE_RANGE_WRITE));
    SAY("waited for",
        sync_range(c, fd, 0, 0,
                   SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    SAY("unknown", sync_range(c, fd, 0, 3, 8));
    SAY("negative", sync_range(c, fd, (uint64_t)-1, 3, 0));
    SAY("too far", sync_range(c, fd, INT64_MAX, 3, 0));
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_range_of_what_is_no_file(struct conform *c)
{
    int ends[2];
    int d = files_folder(c, NULL);
    conform_pipe(c, ends);
    SAY("pipe", sync_range(c, ends[0], 0, 1, SYNC_FILE_RANGE_WRITE));
    SAY("directory", sync_range(c, d, 0, 1, SYNC_FILE_RANGE_WRITE));
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_sync_file_range(sqe, d, 0, 0, 0);
    sqe->addr = 1;
    SAY("addr", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_sync_file_range(sqe, d, 0, 0, 0);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    conform_close_both(c, ends);
    conform_close(c, d);
}

static void a_sync_may_be_of_a_range(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, "abc", 3, 0, 0));
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_fsync(sqe, fd, 0);
    sqe->off = 1;
    sqe->len = 1;
    SAY("a part", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_fsync(sqe, fd, 0);
    sqe->off = (uint64_t)-1;
    SAY("negative", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_fsync(sqe, fd, 0);
    sqe->addr = 1;
    SAY("addr", files_run(c));
    io_uring_prep_fsync(conform_sqe(c, 1), d, 0);
    SAY("directory", files_run(c));
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_failed_sync_breaks_no_chain(struct conform *c)
{
    int ends[2];
    int d = files_folder(c, NULL);
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_fsync(sqe, ends[0], 0);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 2);
    io_uring_prep_fallocate(sqe, d, 0, 0, 10);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 3);
    io_uring_prep_sync_file_range(sqe, ends[0], 0, 0, 0);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 4);
    io_uring_prep_madvise(sqe, (void *)1, 4096, MADV_NORMAL);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 5);
    io_uring_prep_fadvise(sqe, ends[0], 0, 0, POSIX_FADV_WILLNEED);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_nop(conform_sqe(c, 6));
    conform_submit(c);
    conform_take(c, 6);
    conform_close_both(c, ends);
    conform_close(c, d);
}

static void a_failed_sync_is_skipped_like_one_that_worked(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_fsync(sqe, ends[0], 0);
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    io_uring_prep_nop(conform_sqe(c, 2));
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_sync_without_a_file_breaks_a_chain(struct conform *c)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_fsync(sqe, 9999, 0);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_nop(conform_sqe(c, 2));
    conform_submit(c);
    conform_take(c, 2);
}

static void flags_of_one_write(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("dsync", files_write(c, fd, "ab", 2, 0, RWF_DSYNC));
    SAY("sync", files_write(c, fd, "cd", 2, 2, RWF_SYNC));
    SAY("append", files_write(c, fd, "ef", 2, 0, RWF_APPEND));
    SAY("all", files_write(c, fd, "g", 1, 0, RWF_APPEND | RWF_SYNC | RWF_DSYNC));
    files_say_content(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void flags_of_one_read(struct conform *c)
{
    char bytes[8];
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, "abc", 3, 0, 0));
    SAY("dsync", files_read(c, fd, bytes, 8, 0, RWF_DSYNC));
    SAY("append", files_read(c, fd, bytes, 8, 0, RWF_APPEND));
    SAY("nowait", files_read(c, fd, bytes, 8, 0, RWF_NOWAIT));
    SAY("nowait at the end", files_read(c, fd, bytes, 8, 3, RWF_NOWAIT));
    SAY("hipri", files_read(c, fd, bytes, 8, 0, RWF_HIPRI));
    SAY("unknown", files_read(c, fd, bytes, 8, 0, 1 << 20));
    conform_close(c, fd);
    conform_close(c, d);
}

/* No file system of this machine's kind can promise not to wait for a page of the cache. */
static void a_write_that_may_not_wait_is_not_made(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("new", files_write(c, fd, "abc", 3, 0, RWF_NOWAIT));
    SAY("written", files_write(c, fd, "abc", 3, 0, 0));
    SAY("over", files_write(c, fd, "xyz", 3, 0, RWF_NOWAIT));
    SAY("with another flag", files_write(c, fd, "xyz", 3, 0, RWF_NOWAIT | RWF_APPEND));
    files_say_content(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void an_append_moves_the_position(struct conform *c)
{
    char bytes[8];
    int d = files_folder(c, NULL);
    int fd = new_file(c, d);
    SAY("written", files_write(c, fd, "abcdef", 6, 0, 0));
    SAY("read", files_read(c, fd, bytes, 2, (uint64_t)-1, 0));
    SAY("append", files_write(c, fd, "g", 1, (uint64_t)-1, RWF_APPEND));
    SAY("read", files_read(c, fd, bytes, 2, (uint64_t)-1, 0));
    SAY("append elsewhere", files_write(c, fd, "h", 1, 1, RWF_APPEND));
    files_say_content(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static const struct conform_case cases[] = {
    {.name = "an allocation grows a file with zeros",
     .run = an_allocation_grows_a_file_with_zeros,
     .expected = "written: 2\n"
                 "allocated: 0\n"
                 "is data: ab\\0\\0\\0\\0\n"
                 "allocated: 0\n"
                 "is: 0\n"
                 "size 10000, blocks 24\n"},
    {.name = "an allocation may keep the size",
     .run = an_allocation_may_keep_the_size,
     .expected = "allocated: 0\n"
                 "is: 0\n"
                 "size 0, blocks 16\n"
                 "written: 1\n"
                 "is data: \\0\\0\\0\\0z\n"},
    {.name = "a hole is punched",
     .run = a_hole_is_punched,
     .expected = "written: 12288\n"
                 "punched: 0\n"
                 "read: 12288\n"
                 "data: xx\\0\\0\n"
                 "data: \\0\\0xx\n"
                 "is: 0\n"
                 "size 12288, blocks 24\n"},
    {.name = "a hole of whole pages gives room back",
     .run = a_hole_of_whole_pages_gives_room_back,
     .expected = "written: 12288\n"
                 "synced: 0\n"
                 "punched: 0\n"
                 "is: 0\n"
                 "size 12288, blocks 16\n"
                 "beyond the end: 0\n"
                 "is: 0\n"
                 "size 12288, blocks 16\n"},
    {.name = "a range is zeroed",
     .run = a_range_is_zeroed,
     .expected = "written: 8\n"
                 "zeroed: 0\n"
                 "is data: ab\\0\\0\\0fgh\n"
                 "across the end: 0\n"
                 "is data: ab\\0\\0\\0f\\0\\0\\0\\0\\0\\0\n"
                 "keeping the size: 0\n"
                 "is data: \\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\n"},
    {.name = "allocations that make no sense",
     .run = allocations_that_make_no_sense,
     .expected = "nothing: EINVAL\n"
                 "negative offset: EINVAL\n"
                 "negative length: EINVAL\n"
                 "too large: EFBIG\n"
                 "a hole that grows: EOPNOTSUPP\n"
                 "a hole of zeros: EOPNOTSUPP\n"
                 "unknown: EOPNOTSUPP\n"},
    {.name = "an allocation needs a file open to write",
     .run = an_allocation_needs_a_file_open_to_write,
     .expected = "reader: EBADF\n"
                 "directory: EBADF\n"
                 "pipe: ESPIPE\n"
                 "read end: EBADF\n"
                 "no file: EBADF\n"},
    {.name = "fields that fallocate has no use for",
     .run = fields_that_fallocate_has_no_use_for,
     .expected = "buf_index: EINVAL\n"
                 "rw_flags: EINVAL\n"
                 "splice_fd_in: EINVAL\n"
                 "ioprio: EINVAL\n"
                 "is: file 0 1\n"},
    {.name = "advice about a file is taken",
     .run = advice_about_a_file_is_taken,
     .expected = "advice: 0\n"
                 "advice: 0\n"
                 "advice: 0\n"
                 "advice: 0\n"
                 "advice: 0\n"
                 "advice: 0\n"
                 "advice: EINVAL\n"
                 "directory: 0\n"},
    {.name = "advice about a pipe is refused",
     .run = advice_about_a_pipe_is_refused,
     .expected = "pipe: ESPIPE\n"
                 "unknown: ESPIPE\n"
                 "no file: EBADF\n"},
    {.name = "fields that fadvise has no use for",
     .run = fields_that_fadvise_has_no_use_for,
     .expected = "buf_index: EINVAL\n"
                 "splice_fd_in: EINVAL\n"},
    {.name = "advice about memory is taken",
     .run = advice_about_memory_is_taken,
     .expected = "normal: 0\n"
                 "random: 0\n"
                 "sequential: 0\n"
                 "willneed: 0\n"
                 "not aligned: EINVAL\n"
                 "nothing: 0\n"
                 "unknown: EINVAL\n"
                 "nowhere: ENOMEM\n"},
    {.name = "fields that madvise has no use for",
     .run = fields_that_madvise_has_no_use_for,
     .expected = "buf_index: EINVAL\n"
                 "splice_fd_in: EINVAL\n"
                 "fd: 0\n"},
    {.name = "a range is synced",
     .run = a_range_is_synced,
     .expected = "written: 3\n"
                 "nothing: 0\n"
                 "written out: 0\n"
                 "waited for: 0\n"
                 "unknown: EINVAL\n"
                 "negative: EINVAL\n"
                 "too far: EINVAL\n"},
    {.name = "a range of what is no file",
     .run = a_range_of_what_is_no_file,
     .expected = "pipe: ESPIPE\n"
                 "directory: 0\n"
                 "addr: EINVAL\n"
                 "buf_index: EINVAL\n"},
    {.name = "a sync may be of a range",
     .run = a_sync_may_be_of_a_range,
     .expected = "written: 3\n"
                 "a part: 0\n"
                 "negative: EINVAL\n"
                 "addr: EINVAL\n"
                 "directory: 0\n",
     .measured = "6.18"},
    {.name = "a failed sync breaks no chain",
     .run = a_failed_sync_breaks_no_chain,
     .expected = "submit: 6\n"
                 "1: EINVAL\n"
                 "2: EBADF\n"
                 "3: ESPIPE\n"
                 "4: EINVAL\n"
                 "5: ESPIPE\n"
                 "6: ECANCELED\n"},
    {.name = "a failed sync is skipped like one that worked",
     .run = a_failed_sync_is_skipped_like_one_that_worked,
     .expected = "submit: 2\n"
                 "2: 0\n"
                 "nothing\n"},
    {.name = "a sync without a file breaks a chain",
     .run = a_sync_without_a_file_breaks_a_chain,
     .expected = "submit: 2\n"
                 "1: EBADF\n"
                 "2: ECANCELED\n"},
    {.name = "flags of one write",
     .run = flags_of_one_write,
     .expected = "dsync: 2\n"
                 "sync: 2\n"
                 "append: 2\n"
                 "all: 1\n"
                 "is data: abcdefg\n"},
    {.name = "flags of one read",
     .run = flags_of_one_read,
     .expected = "written: 3\n"
                 "dsync: 3\n"
                 "append: 3\n"
                 "nowait: 3\n"
                 "nowait at the end: 0\n"
                 "hipri: EINVAL\n"
                 "unknown: EOPNOTSUPP\n"},
    {.name = "a write that may not wait is not made",
     .run = a_write_that_may_not_wait_is_not_made,
     .expected = "new: EAGAIN\n"
                 "written: 3\n"
                 "over: EAGAIN\n"
                 "with another flag: EAGAIN\n"
                 "is data: abc\n"},
    {.name = "an append moves the position",
     .run = an_append_moves_the_position,
     .expected = "written: 6\n"
                 "read: 2\n"
                 "append: 1\n"
                 "read: 0\n"
                 "append elsewhere: 1\n"
                 "is data: abcdefgh\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void ranges_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void ranges_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void ranges_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ranges_on_io_uring),
    cmocka_unit_test(ranges_on_the_engine),
    cmocka_unit_test(ranges_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
