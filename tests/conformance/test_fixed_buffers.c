/*
 * Registered buffers: tables, updates, tags, and what READ_FIXED and WRITE_FIXED make of an address.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "support/conform_register.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)
#define GIB ((size_t)1 << 30)

static char memory[2][16];

static void clear(void)
{
    memset(memory, '.', sizeof memory);
}

static int register_buffers(struct conform *c, const char *what, const struct iovec *buffers, unsigned count)
{
    return conform_register(c, what, IORING_REGISTER_BUFFERS, (void *)(uintptr_t)buffers, count);
}

static void register_both(struct conform *c)
{
    struct iovec both[2] = {{memory[0], 16}, {memory[1], 16}};
    clear();
    register_buffers(c, "register", both, 2);
}

static int unregister_buffers(struct conform *c)
{
    return conform_register(c, "unregister", IORING_UNREGISTER_BUFFERS, NULL, 0);
}

static void sparse(struct conform *c, unsigned count)
{
    conform_register_tagged(c, "sparse", IORING_REGISTER_BUFFERS2, NULL, NULL, count,
                            IORING_RSRC_REGISTER_SPARSE);
}

static void run_one(struct conform *c)
{
    conform_submit(c);
    conform_take(c, 1);
}

static void read_fixed(struct conform *c, uint64_t user_data, int fd, void *to, unsigned size, int index)
{
    io_uring_prep_read_fixed(conform_sqe(c, user_data), fd, to, size, 0, index);
    run_one(c);
}

static void write_fixed(struct conform *c, uint64_t user_data, int fd, const void *from, unsigned size,
                        int index)
{
    io_uring_prep_write_fixed(conform_sqe(c, user_data), fd, from, size, 0, index);
    run_one(c);
}

static void a_registered_buffer_is_read_into(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    register_both(c);
    read_fixed(c, 1, fd, memory[0], 3, 0);
    read_fixed(c, 2, fd, memory[1] + 13, 3, 1);
    conform_data(c, memory[0], 16);
    conform_data(c, memory[1], 16);
    conform_close(c, fd);
}

static void a_registered_buffer_is_written_from(struct conform *c)
{
    char bytes[4] = "";
    int fd = conform_file(c, "");
    register_both(c);
    memcpy(memory[1] + 4, "xyz", 3);
    write_fixed(c, 1, fd, memory[1] + 4, 3, 1);
    io_uring_prep_read(conform_sqe(c, 2), fd, bytes, 4, 0);
    run_one(c);
    conform_data(c, bytes, 3);
    conform_close(c, fd);
}

static void what_is_outside_of_it_is_bad(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    register_both(c);
    read_fixed(c, 1, fd, (void *)((uintptr_t)memory[0] - 1), 1, 0);
    read_fixed(c, 2, fd, memory[0] + 16, 1, 0);
    read_fixed(c, 3, fd, memory[0] + 14, 3, 0);
    read_fixed(c, 4, fd, memory[1], 1, 0);
    read_fixed(c, 5, fd, (void *)(UINTPTR_MAX - 1), 8, 0);
    read_fixed(c, 6, fd, NULL, 1, 0);
    write_fixed(c, 7, fd, memory[0] + 14, 3, 0);
    conform_data(c, memory[0], 16);
    conform_close(c, fd);
}

static void nothing_is_read_anywhere_in_it(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    register_both(c);
    read_fixed(c, 1, fd, memory[0], 0, 0);
    read_fixed(c, 2, fd, memory[0] + 16, 0, 0);
    read_fixed(c, 3, fd, (void *)((uintptr_t)memory[0] + 17), 0, 0);
    read_fixed(c, 4, fd, NULL, 0, 0);
    write_fixed(c, 5, fd, memory[0], 0, 0);
    conform_close(c, fd);
}

static void an_index_that_holds_nothing_is_bad(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    read_fixed(c, 1, fd, memory[0], 3, 0);
    register_both(c);
    read_fixed(c, 2, fd, memory[0], 3, 2);
    read_fixed(c, 3, fd, memory[0], 3, 65535);
    write_fixed(c, 4, fd, memory[0], 3, 2);
    unregister_buffers(c);
    read_fixed(c, 5, fd, memory[0], 3, 0);
    sparse(c, 1);
    read_fixed(c, 6, fd, memory[0], 3, 0);
    conform_close(c, fd);
}

static void the_file_is_looked_up_before_the_buffer(struct conform *c)
{
    read_fixed(c, 1, 12345, memory[0], 3, 0);
    io_uring_prep_read_fixed(conform_sqe(c, 2), 12345, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[1].rw_flags = 1 << 30;
    run_one(c);
    int fd = conform_file(c, "abc");
    io_uring_prep_read_fixed(conform_sqe(c, 3), fd, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[2].rw_flags = 1 << 30;
    run_one(c);
    register_both(c);
    io_uring_prep_read_fixed(conform_sqe(c, 4), fd, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[3].rw_flags = 1 << 30;
    run_one(c);
    conform_close(c, fd);
}

static void a_bad_buffer_does_not_stop_the_batch(struct conform *c)
{
    int fd = conform_file(c, "abc");
    conform_sqe(c, 1);
    io_uring_prep_read_fixed(conform_sqe(c, 2), fd, memory[0], 3, 0, 0);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
    io_uring_prep_read_fixed(conform_sqe(c, 4), fd, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[3].flags |= IOSQE_IO_LINK;
    conform_sqe(c, 5);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, fd);
}

static void flags_and_priorities_are_checked(struct conform *c)
{
    int fd = conform_file(c, "abc");
    register_both(c);
    io_uring_prep_read_fixed(conform_sqe(c, 1), fd, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_BUFFER_SELECT;
    run_one(c);
    io_uring_prep_read_fixed(conform_sqe(c, 2), fd, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[1].ioprio = 0xffff;
    run_one(c);
    io_uring_prep_read_fixed(conform_sqe(c, 3), fd, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[2].ioprio = 2 << 13 | 4;
    run_one(c);
    conform_close(c, fd);
}

static void a_short_fixed_read_breaks_its_chain(struct conform *c)
{
    int fd = conform_file(c, "abc");
    register_both(c);
    io_uring_prep_read_fixed(conform_sqe(c, 1), fd, memory[0], 8, 0, 0);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, fd);
}

static void both_may_be_registered(struct conform *c)
{
    int fd = conform_file(c, "abc");
    register_both(c);
    conform_register(c, "files", IORING_REGISTER_FILES, &fd, 1);
    io_uring_prep_read_fixed(conform_sqe(c, 1), 0, memory[0], 3, 0, 0);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_FIXED_FILE;
    run_one(c);
    conform_data(c, memory[0], 3);
    conform_close(c, fd);
}

static void a_waiting_read_is_filled_after_the_table_has_gone(struct conform *c)
{
    int ends[2];
    struct iovec one = {memory[0], 16};
    uint64_t tag = 70;
    clear();
    conform_pipe(c, ends);
    conform_register_tagged(c, "register", IORING_REGISTER_BUFFERS2, &one, &tag, 1, 0);
    io_uring_prep_read_fixed(conform_sqe(c, 1), ends[0], memory[0] + 2, 8, 0, 0);
    conform_submit(c);
    unregister_buffers(c);
    conform_take_now(c);
    conform_write(c, ends[1], "abc");
    conform_take(c, 2);
    conform_data(c, memory[0], 8);
    conform_close_both(c, ends);
}

static void a_waiting_read_keeps_its_buffer(struct conform *c)
{
    int ends[2];
    struct iovec one = {memory[0], 16};
    struct iovec other = {memory[1], 16};
    uint64_t tag = 70;
    clear();
    conform_pipe(c, ends);
    conform_register_tagged(c, "register", IORING_REGISTER_BUFFERS2, &one, &tag, 1, 0);
    io_uring_prep_read_fixed(conform_sqe(c, 1), ends[0], memory[0], 8, 0, 0);
    conform_submit(c);
    conform_update_tagged(c, "update", IORING_REGISTER_BUFFERS_UPDATE, 0, &other, NULL, 1);
    conform_take_now(c);
    read_fixed(c, 2, ends[0], memory[0], 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_buffer_is_looked_up_when_it_is_issued(struct conform *c)
{
    char byte;
    int ends[2];
    int fd = conform_file(c, "abc");
    struct iovec one = {memory[0], 16};
    clear();
    conform_pipe(c, ends);
    sparse(c, 1);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_IO_LINK;
    io_uring_prep_read_fixed(conform_sqe(c, 2), fd, memory[0], 3, 0, 0);
    conform_submit(c);
    conform_update_tagged(c, "update", IORING_REGISTER_BUFFERS_UPDATE, 0, &one, NULL, 1);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_data(c, memory[0], 3);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void buffers_are_registered_once(struct conform *c)
{
    register_both(c);
    register_both(c);
    sparse(c, 2);
    unregister_buffers(c);
    unregister_buffers(c);
    conform_register(c, "unregister with an argument", IORING_UNREGISTER_BUFFERS, memory, 0);
    conform_register(c, "unregister with a count", IORING_UNREGISTER_BUFFERS, NULL, 1);
    sparse(c, 2);
}

static void one(struct conform *c, const char *what, void *base, size_t length)
{
    struct iovec buffer = {base, length};
    if (register_buffers(c, what, &buffer, 1) == 0)
        unregister_buffers(c);
}

static void bad_buffers_are_refused(struct conform *c)
{
    struct iovec two[2] = {{memory[0], 16}, {NOWHERE, 16}};
    register_buffers(c, "none", two, 0);
    register_buffers(c, "no array", NULL, 1);
    register_buffers(c, "a bad array", NOWHERE, 1);
    register_buffers(c, "too many", two, (1u << 14) + 1);
    register_buffers(c, "good, bad", two, 2);
    unregister_buffers(c);
    one(c, "bad memory", NOWHERE, 16);
    one(c, "an empty slot", NULL, 0);
    one(c, "NULL with a length", NULL, 1);
    one(c, "no length", memory[0], 0);
    one(c, "more than a GiB", memory[0], GIB + 1);
    one(c, "a negative length", memory[0], SIZE_MAX);
    one(c, "the end of all addresses", (void *)(UINTPTR_MAX - 4095), 8192);
}

static void memory_must_be_writable(struct conform *c)
{
    void *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    one(c, "read only", page, 4096);
    assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
    one(c, "writable", page, 4096);
    one(c, "half of it", page, 4097);
    assert_int_equal(mprotect((char *)page + 4096, 4096, PROT_NONE), 0);
    one(c, "across the end", (char *)page + 4000, 97);
    munmap(page, 8192);
}

static void sparse_buffers_are_checked(struct conform *c)
{
    struct iovec buffer = {memory[0], 16};
    struct iovec none = {NULL, 0};
    uint64_t tags[2] = {0, 5};
    unsigned op = IORING_REGISTER_BUFFERS2;
    struct io_uring_rsrc_register reserved = {.nr = 1, .resv2 = 1, .data = (uintptr_t)&buffer};
    conform_register_tagged(c, "none", op, NULL, NULL, 0, IORING_RSRC_REGISTER_SPARSE);
    conform_register_tagged(c, "with buffers", op, &buffer, NULL, 1, IORING_RSRC_REGISTER_SPARSE);
    conform_register_tagged(c, "an unknown flag", op, &buffer, NULL, 1, 1u << 5);
    conform_register(c, "reserved", op, &reserved, sizeof reserved);
    conform_register(c, "a short argument", op, &reserved, sizeof reserved - 8);
    conform_register_tagged(c, "a tag of nothing", op, NULL, tags, 2, IORING_RSRC_REGISTER_SPARSE);
    conform_register_tagged(c, "a tag of an empty slot", op, &none, &tags[1], 1, 0);
    conform_register_tagged(c, "bad tags", op, &buffer, NOWHERE, 1, 0);
    conform_take_now(c);
    conform_register_tagged(c, "without buffers, not sparse", op, NULL, NULL, 2, 0);
}

static void buffers_are_updated(struct conform *c)
{
    unsigned op = IORING_REGISTER_BUFFERS_UPDATE;
    int fd = conform_file(c, "abc");
    struct iovec two[2] = {{memory[0], 16}, {memory[1], 16}};
    struct iovec none = {NULL, 0};
    clear();
    sparse(c, 2);
    conform_update_tagged(c, "update", op, 0, two, NULL, 2);
    read_fixed(c, 1, fd, memory[1], 3, 1);
    conform_data(c, memory[1], 3);
    conform_update_tagged(c, "empty", op, 1, &none, NULL, 1);
    read_fixed(c, 2, fd, memory[1], 3, 1);
    read_fixed(c, 3, fd, memory[0], 3, 0);
    conform_close(c, fd);
}

static void updates_of_buffers_are_checked(struct conform *c)
{
    unsigned op = IORING_REGISTER_BUFFERS_UPDATE;
    int fd = conform_file(c, "abc");
    struct iovec three[3] = {{memory[0], 16}, {NOWHERE, 16}, {memory[1], 16}};
    struct iovec none = {NULL, 0};
    uint64_t tag = 7;
    struct io_uring_rsrc_update2 reserved = {.nr = 1, .resv2 = 1, .data = (uintptr_t)three};
    conform_update_tagged(c, "no table", op, 0, three, NULL, 1);
    register_both(c);
    conform_update_tagged(c, "none", op, 0, three, NULL, 0);
    conform_update_tagged(c, "too far", op, 1, three, NULL, 2);
    conform_update_tagged(c, "overflow", op, UINT32_MAX, three, NULL, 2);
    conform_update_tagged(c, "a bad array", op, 0, NOWHERE, NULL, 1);
    conform_update_tagged(c, "no array", op, 0, NULL, NULL, 1);
    conform_update_tagged(c, "bad tags", op, 0, three, NOWHERE, 1);
    conform_update_tagged(c, "a tag of nothing", op, 0, &none, &tag, 1);
    conform_register(c, "reserved", op, &reserved, sizeof reserved);
    conform_register(c, "a short argument", op, &reserved, sizeof reserved - 8);
    conform_update_tagged(c, "good, bad", op, 0, three, NULL, 2);
    conform_update_tagged(c, "bad", op, 0, &three[1], NULL, 1);
    read_fixed(c, 1, fd, memory[0], 3, 0);
    read_fixed(c, 2, fd, memory[1], 3, 1);
    conform_close(c, fd);
}

static void tags_of_buffers_are_told(struct conform *c)
{
    struct iovec three[3] = {{memory[0], 16}, {memory[1], 16}, {memory[1], 16}};
    struct iovec none = {NULL, 0};
    uint64_t tags[3] = {70, 0, 72};
    uint64_t tag = 80;
    conform_register_tagged(c, "register", IORING_REGISTER_BUFFERS2, three, tags, 3, 0);
    conform_update_tagged(c, "replace", IORING_REGISTER_BUFFERS_UPDATE, 0, three, &tag, 1);
    conform_take_now(c);
    conform_update_tagged(c, "empty", IORING_REGISTER_BUFFERS_UPDATE, 1, &none, NULL, 1);
    conform_take_now(c);
    unregister_buffers(c);
    conform_take_now(c);
}

static void a_buffer_s_tag_comes_behind_the_batch(struct conform *c)
{
    int fd = conform_file(c, "abc");
    struct iovec buffer = {memory[0], 16};
    uint64_t tag = 70;
    clear();
    conform_register_tagged(c, "register", IORING_REGISTER_BUFFERS2, &buffer, &tag, 1, 0);
    io_uring_prep_read_fixed(conform_sqe(c, 1), fd, memory[0], 3, 0, 0);
    conform_sqe(c, 2);
    conform_submit(c);
    unregister_buffers(c);
    conform_take(c, 3);
    conform_close(c, fd);
}

static struct io_uring_sqe *send_fixed(struct conform *c, uint64_t user_data, int fd, const void *from,
                                       unsigned size, unsigned index)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_send_zc_fixed(sqe, fd, from, size, 0, 0, index);
    return sqe;
}

static void a_registered_buffer_is_sent_from(struct conform *c)
{
    char bytes[3] = "";
    int ends[2];
    conform_connection(c, ends);
    register_both(c);
    memcpy(memory[1] + 13, "xyz", 3);
    send_fixed(c, 1, ends[0], memory[1] + 13, 3, 1);
    conform_submit(c);
    conform_take(c, 2);
    conform_value(c, "received", c->objects->read(c->self, ends[1], bytes, 3));
    conform_data(c, bytes, 3);
    conform_close_both(c, ends);
}

static void nothing_is_sent_from_outside_of_it(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    register_both(c);
    send_fixed(c, 1, ends[0], memory[1] + 14, 3, 1);
    conform_submit(c);
    conform_take(c, 2);
    send_fixed(c, 2, ends[0], memory[0], 3, 1);
    conform_submit(c);
    conform_take(c, 2);
    send_fixed(c, 3, ends[0], memory[0], 3, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_buffer_s_tag_comes_behind_the_notification(struct conform *c)
{
    int ends[2];
    uint64_t tag = 70;
    struct iovec buffer = {memory[0], 16};
    clear();
    conform_connection(c, ends);
    conform_register_tagged(c, "register", IORING_REGISTER_BUFFERS2, &buffer, &tag, 1, 0);
    send_fixed(c, 1, ends[0], memory[0], 3, 0);
    conform_submit(c);
    unregister_buffers(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

/* What the true kernel answered. */
static const struct conform_case cases[] = {
    {.name = "a registered buffer is read into",
     .run = a_registered_buffer_is_read_into,
     .expected = "register: 0\nsubmit: 1\n1: 3\nsubmit: 1\n2: 3\ndata: abc.............\n"
                 "data: .............abc\n"},
    {.name = "a registered buffer is written from",
     .run = a_registered_buffer_is_written_from,
     .expected = "register: 0\nsubmit: 1\n1: 3\nsubmit: 1\n2: 3\ndata: xyz\n"},
    {.name = "what is outside of it is bad",
     .run = what_is_outside_of_it_is_bad,
     .expected = "register: 0\nsubmit: 1\n1: EFAULT\nsubmit: 1\n2: EFAULT\nsubmit: 1\n"
                 "3: EFAULT\nsubmit: 1\n4: EFAULT\nsubmit: 1\n5: EFAULT\nsubmit: 1\n6: EFAULT\n"
                 "submit: 1\n7: EFAULT\ndata: ................\n"},
    {.name = "nothing is read anywhere in it",
     .run = nothing_is_read_anywhere_in_it,
     .expected = "register: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n3: EFAULT\n"
                 "submit: 1\n4: EFAULT\nsubmit: 1\n5: 0\n"},
    {.name = "an index that holds nothing is bad",
     .run = an_index_that_holds_nothing_is_bad,
     .expected = "submit: 1\n1: EFAULT\nregister: 0\nsubmit: 1\n2: EFAULT\nsubmit: 1\n"
                 "3: EFAULT\nsubmit: 1\n4: EFAULT\nunregister: 0\nsubmit: 1\n5: EFAULT\n"
                 "sparse: 0\nsubmit: 1\n6: EFAULT\n"},
    {.name = "the file is looked up before the buffer",
     .run = the_file_is_looked_up_before_the_buffer,
     .expected = "submit: 1\n1: EBADF\nsubmit: 1\n2: EBADF\nsubmit: 1\n3: EFAULT\nregister: 0\n"
                 "submit: 1\n4: EOPNOTSUPP\n"},
    {.name = "a bad buffer does not stop the batch",
     .run = a_bad_buffer_does_not_stop_the_batch,
     .expected = "submit: 3\n1: 0\n2: EFAULT\n3: 0\nsubmit: 2\n4: EFAULT\n5: ECANCELED\n"},
    {.name = "flags and priorities are checked",
     .run = flags_and_priorities_are_checked,
     .expected = "register: 0\nsubmit: 1\n1: EOPNOTSUPP\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: 3\n"},
    {.name = "a short fixed read breaks its chain",
     .run = a_short_fixed_read_breaks_its_chain,
     .expected = "register: 0\nsubmit: 2\n1: 3\n2: ECANCELED\n"},
    {.name = "both may be registered",
     .run = both_may_be_registered,
     .expected = "register: 0\nfiles: 0\nsubmit: 1\n1: 3\ndata: abc\n"},
    {.name = "a waiting read is filled after the table has gone",
     .run = a_waiting_read_is_filled_after_the_table_has_gone,
     .expected = "register: 0\nsubmit: 1\nunregister: 0\nnothing\nwritten: 3\n1: 3\n70: 0\n"
                 "data: ..abc...\n"},
    {.name = "a waiting read keeps its buffer",
     .run = a_waiting_read_keeps_its_buffer,
     .expected = "register: 0\nsubmit: 1\nupdate: 1\nnothing\nsubmit: 1\n2: EFAULT\nsubmit: 1\n"
                 "3: 0\n1: ECANCELED\n70: 0\n"},
    {.name = "a buffer is looked up when it is issued",
     .run = a_buffer_is_looked_up_when_it_is_issued,
     .expected = "sparse: 0\nsubmit: 2\nupdate: 1\nwritten: 1\n1: 1\n2: 3\ndata: abc\n"},
    {.name = "buffers are registered once",
     .run = buffers_are_registered_once,
     .expected = "register: 0\nregister: EBUSY\nsparse: EBUSY\nunregister: 0\n"
                 "unregister: ENXIO\nunregister with an argument: EINVAL\n"
                 "unregister with a count: EINVAL\nsparse: 0\n"},
    {.name = "bad buffers are refused",
     .run = bad_buffers_are_refused,
     .expected = "none: EINVAL\nno array: EFAULT\na bad array: EFAULT\ntoo many: EINVAL\n"
                 "good, bad: EFAULT\nunregister: ENXIO\nbad memory: EFAULT\nan empty slot: 0\n"
                 "unregister: 0\nNULL with a length: EFAULT\nno length: EFAULT\n"
                 "more than a GiB: EFAULT\na negative length: EINVAL\n"
                 "the end of all addresses: EOVERFLOW\n"},
    {.name = "memory must be writable",
     .run = memory_must_be_writable,
     .expected = "read only: EFAULT\nwritable: 0\nunregister: 0\nhalf of it: EFAULT\n"
                 "across the end: EFAULT\n"},
    {.name = "sparse buffers are checked",
     .run = sparse_buffers_are_checked,
     .expected = "none: EINVAL\nwith buffers: EINVAL\nan unknown flag: EINVAL\n"
                 "reserved: EINVAL\na short argument: EINVAL\na tag of nothing: EINVAL\n"
                 "a tag of an empty slot: EINVAL\nbad tags: EFAULT\nnothing\n"
                 "without buffers, not sparse: 0\n"},
    {.name = "buffers are updated",
     .run = buffers_are_updated,
     .expected = "sparse: 0\nupdate: 2\nsubmit: 1\n1: 3\ndata: abc\nempty: 1\nsubmit: 1\n"
                 "2: EFAULT\nsubmit: 1\n3: 3\n"},
    {.name = "updates of buffers are checked",
     .run = updates_of_buffers_are_checked,
     .expected = "no table: ENXIO\nregister: 0\nnone: EINVAL\ntoo far: EINVAL\n"
                 "overflow: EOVERFLOW\na bad array: EFAULT\nno array: EFAULT\nbad tags: EFAULT\n"
                 "a tag of nothing: EINVAL\nreserved: EINVAL\na short argument: EINVAL\n"
                 "good, bad: 1\nbad: EFAULT\nsubmit: 1\n1: 3\nsubmit: 1\n2: 3\n"},
    {.name = "tags of buffers are told",
     .run = tags_of_buffers_are_told,
     .expected = "register: 0\nreplace: 1\n70: 0\nempty: 1\nnothing\nunregister: 0\n72: 0\n"
                 "80: 0\n"},
    {.name = "a buffer's tag comes behind the batch",
     .run = a_buffer_s_tag_comes_behind_the_batch,
     .expected = "register: 0\nsubmit: 2\nunregister: 0\n1: 3\n2: 0\n70: 0\n"},
    {.name = "a registered buffer is sent from",
     .run = a_registered_buffer_is_sent_from,
     .expected = "register: 0\nsubmit: 1\n1: 3 flags 2\n1: 0 flags 8\nreceived: 3\ndata: xyz\n"},
    {.name = "nothing is sent from outside of it",
     .run = nothing_is_sent_from_outside_of_it,
     .expected = "register: 0\nsubmit: 1\n1: EFAULT flags 2\n1: 0 flags 8\nsubmit: 1\n"
                 "2: EFAULT flags 2\n2: 0 flags 8\nsubmit: 1\n3: EFAULT flags 2\n3: 0 flags 8\n"},
    {.name = "a buffer's tag comes behind the notification",
     .run = a_buffer_s_tag_comes_behind_the_notification,
     .expected = "register: 0\nsubmit: 1\nunregister: 0\n1: 3 flags 2\n1: 0 flags 8\n70: 0\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void fixed_buffers_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void fixed_buffers_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void fixed_buffers_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fixed_buffers_on_io_uring),
    cmocka_unit_test(fixed_buffers_on_the_engine),
    cmocka_unit_test(fixed_buffers_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
