/*
 * Registered files: tables, updates, tags, and what an operation finds in a slot.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "support/conform_register.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)
#define SKIP (-2)

static int register_files(struct conform *c, const char *what, int *fds, unsigned count)
{
    return conform_register(c, what, IORING_REGISTER_FILES, fds, count);
}

static int unregister_files(struct conform *c)
{
    return conform_register(c, "unregister", IORING_UNREGISTER_FILES, NULL, 0);
}

static int update(struct conform *c, const char *what, unsigned offset, const int *fds, unsigned count)
{
    struct io_uring_rsrc_update arg = {.offset = offset, .data = (uintptr_t)fds};
    return conform_register(c, what, IORING_REGISTER_FILES_UPDATE, &arg, count);
}

static void sparse(struct conform *c, unsigned count)
{
    conform_register_tagged(c, "sparse", IORING_REGISTER_FILES2, NULL, NULL, count,
                            IORING_RSRC_REGISTER_SPARSE);
}

static void read_slot(struct conform *c, uint64_t user_data, int slot, char *bytes, unsigned size)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_read(sqe, slot, bytes, size, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
}

/* What a slot reads: its data, or why not. */
static void show_slot(struct conform *c, uint64_t user_data, int slot)
{
    char bytes[3] = "";
    read_slot(c, user_data, slot, bytes, 3);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, bytes[0] == 0 ? 0 : 3);
}

static void a_registered_file_is_read_by_its_slot(struct conform *c)
{
    int fds[1] = {conform_file(c, "abc")};
    register_files(c, "register", fds, 1);
    show_slot(c, 1, 0);
    unregister_files(c);
    show_slot(c, 2, 0);
    conform_close(c, fds[0]);
}

static void slots_that_hold_nothing_are_bad(struct conform *c)
{
    int fds[2] = {conform_file(c, "abc"), -1};
    show_slot(c, 1, 0);
    register_files(c, "register", fds, 2);
    show_slot(c, 2, 1);
    show_slot(c, 3, 2);
    show_slot(c, 4, -1);
    conform_close(c, fds[0]);
}

static void a_bad_slot_does_not_stop_the_batch(struct conform *c)
{
    char byte;
    sparse(c, 2);
    conform_sqe(c, 1);
    read_slot(c, 2, 0, &byte, 1);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
}

static void a_table_is_registered_once(struct conform *c)
{
    int fds[1] = {conform_file(c, "abc")};
    register_files(c, "register", fds, 1);
    register_files(c, "again", fds, 1);
    sparse(c, 4);
    unregister_files(c);
    unregister_files(c);
    register_files(c, "register", fds, 1);
    conform_close(c, fds[0]);
}

static void bad_tables_are_refused(struct conform *c)
{
    int fds[2] = {conform_file(c, "abc"), 12345};
    register_files(c, "none", fds, 0);
    register_files(c, "no array", NULL, 1);
    register_files(c, "a bad array", NOWHERE, 1);
    register_files(c, "a bad descriptor", fds, 2);
    show_slot(c, 1, 0);
    fds[1] = -2;
    register_files(c, "a negative one", fds, 2);
    fds[1] = c->ring.fd;
    register_files(c, "a ring", fds, 2);
    conform_register(c, "unregister with an argument", IORING_UNREGISTER_FILES, fds, 0);
    conform_register(c, "unregister with a count", IORING_UNREGISTER_FILES, NULL, 1);
    unregister_files(c);
    register_files(c, "more than a million", fds, (1u << 20) + 1);
    conform_close(c, fds[0]);
}

static void a_table_outlives_the_descriptor(struct conform *c)
{
    int fds[1] = {conform_file(c, "abc")};
    register_files(c, "register", fds, 1);
    conform_close(c, fds[0]);
    show_slot(c, 1, 0);
}

static void a_pipe_ends_when_its_slot_is_emptied(struct conform *c)
{
    char byte;
    int ends[2];
    int none = -1;
    conform_pipe(c, ends);
    register_files(c, "register", &ends[1], 1);
    conform_close(c, ends[1]);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    update(c, "update", 0, &none, 1);
    conform_take(c, 1);
    conform_close(c, ends[0]);
}

static void a_slot_is_updated(struct conform *c)
{
    int ends[2];
    int file = conform_file(c, "abc");
    conform_pipe(c, ends);
    conform_write(c, ends[1], "xyz");
    int fds[2] = {file, -1};
    register_files(c, "register", fds, 2);
    int changed[2] = {ends[0], file};
    update(c, "update", 0, changed, 2);
    show_slot(c, 1, 0);
    show_slot(c, 2, 1);
    conform_close(c, file);
    conform_close_both(c, ends);
}

static void updates_are_checked(struct conform *c)
{
    int fds[2] = {conform_file(c, "abc"), -1};
    struct io_uring_rsrc_update reserved = {.resv = 1, .data = (uintptr_t)fds};
    update(c, "no table", 0, fds, 1);
    sparse(c, 2);
    update(c, "none", 0, fds, 0);
    update(c, "too far", 1, fds, 2);
    update(c, "beyond", 3, fds, 1);
    update(c, "overflow", UINT32_MAX, fds, 2);
    update(c, "a bad array", 0, NOWHERE, 1);
    update(c, "no array", 0, NULL, 1);
    conform_register(c, "reserved", IORING_REGISTER_FILES_UPDATE, &reserved, 1);
    conform_register(c, "a bad argument", IORING_REGISTER_FILES_UPDATE, NOWHERE, 1);
    conform_register(c, "no argument", IORING_REGISTER_FILES_UPDATE, NULL, 1);
    update(c, "the last", 1, fds, 1);
    show_slot(c, 1, 1);
    conform_close(c, fds[0]);
}

static void an_update_stops_at_a_bad_descriptor(struct conform *c)
{
    int file = conform_file(c, "abc");
    int whole[3] = {file, file, file};
    int fds[3] = {file, 12345, file};
    register_files(c, "register", whole, 3);
    update(c, "good, bad, good", 0, fds, 3);
    for (int i = 0; i < 3; i++)
        show_slot(c, (uint64_t)i + 1, i);
    update(c, "bad, good", 1, &fds[1], 2);
    fds[1] = c->ring.fd;
    update(c, "a ring", 2, &fds[1], 1);
    show_slot(c, 4, 2);
    conform_close(c, file);
}

static void skipped_slots_stay(struct conform *c)
{
    int file = conform_file(c, "abc");
    int whole[2] = {file, file};
    int fds[2] = {SKIP, -1};
    register_files(c, "register", whole, 2);
    update(c, "update", 0, fds, 2);
    show_slot(c, 1, 0);
    show_slot(c, 2, 1);
    int first[1] = {SKIP};
    unregister_files(c);
    register_files(c, "not at the beginning", first, 1);
    conform_close(c, file);
}

static void sparse_tables_are_checked(struct conform *c)
{
    uint64_t tags[2] = {0, 5};
    int fds[1] = {-1};
    unsigned op = IORING_REGISTER_FILES2;
    struct io_uring_rsrc_register reserved = {.nr = 1, .resv2 = 1, .data = (uintptr_t)fds};
    conform_register_tagged(c, "none", op, NULL, NULL, 0, IORING_RSRC_REGISTER_SPARSE);
    conform_register_tagged(c, "with files", op, fds, NULL, 1, IORING_RSRC_REGISTER_SPARSE);
    conform_register_tagged(c, "an unknown flag", op, fds, NULL, 1, 1u << 5);
    conform_register(c, "reserved", op, &reserved, sizeof reserved);
    conform_register(c, "a short argument", op, &reserved, sizeof reserved - 8);
    conform_register(c, "a bad argument", op, NOWHERE, sizeof reserved);
    conform_register(c, "no argument", op, NULL, sizeof reserved);
    conform_register_tagged(c, "tags of nothing", op, NULL, tags, 2, IORING_RSRC_REGISTER_SPARSE);
    conform_register_tagged(c, "a tag of an empty slot", op, fds, &tags[1], 1, 0);
    conform_register_tagged(c, "tags of zero", op, NULL, tags, 1, IORING_RSRC_REGISTER_SPARSE);
    show_slot(c, 1, 0);
    unregister_files(c);
    conform_register_tagged(c, "without files, not sparse", op, NULL, NULL, 2, 0);
    show_slot(c, 2, 1);
}

static void bad_tags_are_told(struct conform *c)
{
    int fds[2] = {conform_file(c, "abc"), 12345};
    uint64_t tags[2] = {7, 8};
    conform_register_tagged(c, "bad tags", IORING_REGISTER_FILES2, fds, NOWHERE, 1, 0);
    conform_register_tagged(c, "a bad file", IORING_REGISTER_FILES2, fds, tags, 2, 0);
    conform_take_now(c);
    conform_close(c, fds[0]);
}

static void a_tag_is_told_when_its_file_goes(struct conform *c)
{
    int file = conform_file(c, "abc");
    int fds[3] = {file, file, file};
    uint64_t tags[3] = {70, 0, 72};
    int none[2] = {-1, -1};
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, fds, tags, 3, 0);
    conform_take_now(c);
    update(c, "empty two", 0, none, 2);
    conform_take_now(c);
    unregister_files(c);
    conform_take_now(c);
    conform_close(c, file);
}

static void tags_of_a_table_are_told_from_its_end(struct conform *c)
{
    int file = conform_file(c, "abc");
    int fds[3] = {file, file, file};
    uint64_t tags[3] = {70, 71, 72};
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, fds, tags, 3, 0);
    unregister_files(c);
    conform_take(c, 3);
    conform_close(c, file);
}

static void an_update_may_give_tags(struct conform *c)
{
    unsigned op = IORING_REGISTER_FILES_UPDATE2;
    int file = conform_file(c, "abc");
    int fds[2] = {file, file};
    uint64_t tags[2] = {80, 81};
    uint64_t later[2] = {90, 91};
    int skips[2] = {SKIP, file};
    int none[1] = {-1};
    sparse(c, 2);
    conform_update_tagged(c, "update", op, 0, fds, tags, 2);
    conform_update_tagged(c, "a tag of what is skipped", op, 0, skips, later, 2);
    conform_update_tagged(c, "a tag of nothing", op, 0, none, later, 1);
    conform_take_now(c);
    conform_update_tagged(c, "replace one", op, 1, fds, later, 1);
    conform_take_now(c);
    unregister_files(c);
    conform_take_now(c);
    conform_close(c, file);
}

static void tagged_updates_are_checked(struct conform *c)
{
    unsigned op = IORING_REGISTER_FILES_UPDATE2;
    int fds[2] = {conform_file(c, "abc"), 12345};
    uint64_t tags[2] = {80, 81};
    struct io_uring_rsrc_update2 reserved = {.nr = 1, .resv = 1, .data = (uintptr_t)fds};
    conform_update_tagged(c, "no table", op, 0, fds, tags, 1);
    sparse(c, 2);
    conform_update_tagged(c, "none", op, 0, fds, tags, 0);
    conform_update_tagged(c, "bad tags", op, 0, fds, NOWHERE, 1);
    conform_update_tagged(c, "too many", op, 0, fds, tags, 3);
    conform_register(c, "reserved", op, &reserved, sizeof reserved);
    conform_register(c, "a short argument", op, &reserved, sizeof reserved - 1);
    conform_update_tagged(c, "good, bad", op, 0, fds, tags, 2);
    unregister_files(c);
    conform_take_now(c);
    conform_close(c, fds[0]);
}

static void what_runs_keeps_the_old_file(struct conform *c)
{
    char bytes[2] = "";
    int ends[2];
    int other = conform_file(c, "abc");
    uint64_t tag = 70;
    conform_pipe(c, ends);
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &ends[0], &tag, 1, 0);
    read_slot(c, 1, 0, bytes, 1);
    conform_submit(c);
    update(c, "update", 0, &other, 1);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_data(c, bytes, 1);
    show_slot(c, 2, 0);
    conform_close(c, other);
    conform_close_both(c, ends);
}

static void what_runs_survives_its_table(struct conform *c)
{
    char bytes[2] = "";
    int ends[2];
    uint64_t tag = 70;
    conform_pipe(c, ends);
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &ends[0], &tag, 1, 0);
    read_slot(c, 1, 0, bytes, 1);
    read_slot(c, 1, 0, bytes + 1, 1); /* which one is woken first, is not told */
    conform_submit(c);
    unregister_files(c);
    conform_take_now(c);
    conform_close(c, ends[0]);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_write(c, ends[1], "y");
    conform_take(c, 2);
    conform_close(c, ends[1]);
}

static void a_cancelled_one_lets_its_file_go(struct conform *c)
{
    char byte;
    int ends[2];
    uint64_t tag = 70;
    conform_pipe(c, ends);
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &ends[0], &tag, 1, 0);
    read_slot(c, 1, 0, &byte, 1);
    conform_submit(c);
    unregister_files(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void the_slot_is_looked_up_when_issued(struct conform *c)
{
    char bytes[4] = "";
    int ends[2];
    int file = conform_file(c, "abc");
    conform_pipe(c, ends);
    sparse(c, 1);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], bytes, 1, 0);
    io_uring_sqe_set_flags(&c->ring.ring.sq.sqes[0], IOSQE_IO_LINK);
    read_slot(c, 2, 0, bytes + 1, 3);
    conform_submit(c);
    update(c, "update", 0, &file, 1);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_data(c, bytes, 4);
    conform_close(c, file);
    conform_close_both(c, ends);
}

static void every_operation_on_a_file_takes_a_slot(struct conform *c)
{
    char bytes[8] = "";
    int pair[2];
    conform_socketpair(c, pair);
    int fds[3] = {conform_file(c, "abc"), pair[0], pair[1]};
    struct iovec in = {bytes, 3};
    struct iovec out = {(void *)(uintptr_t) "xyz", 3};
    struct msghdr to = {.msg_iov = &out, .msg_iovlen = 1};
    struct msghdr from = {.msg_iov = &in, .msg_iovlen = 1};
    register_files(c, "register", fds, 3);
    for (int i = 0; i < 3; i++)
        conform_close(c, fds[i]);
    io_uring_prep_write(conform_sqe(c, 1), 0, "xyz", 3, 0);
    io_uring_prep_readv(conform_sqe(c, 2), 0, &in, 1, 0);
    io_uring_prep_writev(conform_sqe(c, 3), 0, &out, 1, 0);
    io_uring_prep_fsync(conform_sqe(c, 4), 0, 0);
    io_uring_prep_send(conform_sqe(c, 5), 1, "xyz", 3, 0);
    io_uring_prep_recv(conform_sqe(c, 6), 2, bytes, 3, 0);
    io_uring_prep_sendmsg(conform_sqe(c, 7), 1, &to, 0);
    io_uring_prep_recvmsg(conform_sqe(c, 8), 2, &from, 0);
    for (unsigned i = 0; i < 8; i++)
        c->ring.ring.sq.sqes[i].flags |= IOSQE_FIXED_FILE | (i < 7 ? IOSQE_IO_HARDLINK : 0);
    conform_submit(c);
    conform_take(c, 8);
    conform_data(c, bytes, 3);
}

static void slots_are_given_room_and_advice(struct conform *c)
{
    int fds[1] = {conform_file(c, "abc")};
    register_files(c, "register", fds, 1);
    conform_close(c, fds[0]);
    io_uring_prep_fallocate(conform_sqe(c, 1), 0, 0, 0, 16);
    io_uring_prep_sync_file_range(conform_sqe(c, 2), 0, 16, 0, 0);
    io_uring_prep_fadvise(conform_sqe(c, 3), 0, 0, 16, 0);
    io_uring_prep_fallocate(conform_sqe(c, 4), 1, 0, 0, 16);
    for (unsigned i = 0; i < 4; i++)
        c->ring.ring.sq.sqes[i].flags |= IOSQE_FIXED_FILE | (i < 3 ? IOSQE_IO_HARDLINK : 0);
    conform_submit(c);
    conform_take(c, 4);
}

static void slots_are_polled_and_connected(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int ends[2];
    conform_pipe(c, ends);
    int listener = c->objects->listen(c->self, &address, &length);
    int fds[3] = {ends[0], listener, c->objects->socket(c->self)};
    register_files(c, "register", fds, 3);
    io_uring_prep_poll_add(conform_sqe(c, 1), 0, POLLIN);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_connect(sqe, 2, (struct sockaddr *)&address, length);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 3);
    io_uring_prep_accept(sqe, 1, NULL, NULL, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_close(c, conform_take_descriptor(c));
    conform_close_both(c, ends);
    conform_close(c, listener);
    conform_close(c, fds[2]);
}

static void operations_without_a_file_refuse_the_flag(struct conform *c)
{
    int fds[1] = {conform_file(c, "abc")};
    register_files(c, "register", fds, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 2);
    io_uring_prep_openat(sqe, 0, "file", 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 3);
    io_uring_prep_close(sqe, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fds[0]);
}

static void a_slot_s_requests_are_cancelled(struct conform *c)
{
    char bytes[4];
    int ends[2];
    int other[2];
    conform_pipe(c, ends);
    conform_pipe(c, other);
    int fds[2] = {ends[0], other[0]};
    register_files(c, "register", fds, 2);
    read_slot(c, 1, 0, bytes, 1);
    read_slot(c, 2, 1, bytes + 1, 1);
    conform_submit(c);
    io_uring_prep_cancel_fd(conform_sqe(c, 3), 0, IORING_ASYNC_CANCEL_FD_FIXED);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_cancel_fd(conform_sqe(c, 4), 2, IORING_ASYNC_CANCEL_FD_FIXED);
    conform_submit(c);
    conform_take(c, 1);
    /* The same open file through its number. */
    io_uring_prep_cancel_fd(conform_sqe(c, 5), other[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
    conform_close_both(c, other);
}

static void files_update(struct conform *c, uint64_t user_data, int *fds, unsigned count, int offset)
{
    io_uring_prep_files_update(conform_sqe(c, user_data), fds, count, offset);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_table_is_updated_by_an_operation(struct conform *c)
{
    int file = conform_file(c, "abc");
    int fds[3] = {file, SKIP, -1};
    files_update(c, 1, fds, 1, 0);
    sparse(c, 3);
    files_update(c, 2, fds, 3, 0);
    show_slot(c, 3, 0);
    show_slot(c, 4, 1);
    fds[1] = 12345;
    files_update(c, 5, fds, 2, 1);
    files_update(c, 6, fds + 1, 1, 1);
    files_update(c, 7, fds, 2, 2);
    files_update(c, 8, NOWHERE, 1, 0);
    files_update(c, 9, NULL, 1, 0);
    files_update(c, 10, NULL, 1, (int)IORING_FILE_INDEX_ALLOC);
    conform_close(c, file);
}

static void a_link_goes_on_after_a_part_of_an_update(struct conform *c)
{
    int fds[2] = {conform_file(c, "abc"), 12345};
    sparse(c, 3);
    io_uring_prep_files_update(conform_sqe(c, 1), fds, 2, 0);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_IO_LINK;
    io_uring_prep_files_update(conform_sqe(c, 2), fds + 1, 1, 0);
    c->ring.ring.sq.sqes[1].flags |= IOSQE_IO_LINK;
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
    conform_close(c, fds[0]);
}

static void free_slots_are_found_by_an_operation(struct conform *c)
{
    int file = conform_file(c, "abc");
    int fds[3] = {file, file, file};
    files_update(c, 1, fds, 1, (int)IORING_FILE_INDEX_ALLOC);
    sparse(c, 4);
    update(c, "take the second", 1, &file, 1);
    int none = -1;
    update(c, "empty the first", 0, &none, 1);
    files_update(c, 2, fds, 3, (int)IORING_FILE_INDEX_ALLOC);
    conform_say(c, "slots: %d %d %d\n", fds[0], fds[1], fds[2]);
    int more[2] = {file, 12345};
    files_update(c, 3, more, 1, (int)IORING_FILE_INDEX_ALLOC);
    update(c, "empty the last", 3, &none, 1);
    more[0] = file;
    files_update(c, 4, more + 1, 1, (int)IORING_FILE_INDEX_ALLOC);
    files_update(c, 5, more, 2, (int)IORING_FILE_INDEX_ALLOC);
    conform_say(c, "slot: %d\n", more[0]);
    show_slot(c, 6, 3);
    conform_close(c, file);
}

static void unused_fields_of_an_update_must_be_zero(struct conform *c)
{
    int fds[1] = {conform_file(c, "abc")};
    sparse(c, 1);
    files_update(c, 1, fds, 0, 0);
    io_uring_prep_files_update(conform_sqe(c, 2), fds, 1, 0);
    c->ring.ring.sq.sqes[1].rw_flags = 1;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_files_update(conform_sqe(c, 3), fds, 1, 0);
    c->ring.ring.sq.sqes[2].splice_fd_in = 1;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_files_update(conform_sqe(c, 4), fds, 1, 0);
    c->ring.ring.sq.sqes[3].flags = IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_files_update(conform_sqe(c, 5), fds, 1, 0);
    c->ring.ring.sq.sqes[4].ioprio = 1;
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fds[0]);
}

static void a_tag_comes_after_its_last_request(struct conform *c)
{
    char bytes[3];
    int file = conform_file(c, "abc");
    uint64_t tag = 70;
    int none = -1;
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &file, &tag, 1, 0);
    read_slot(c, 1, 0, bytes, 3);
    io_uring_prep_files_update(conform_sqe(c, 2), &none, 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close(c, file);
}

static void a_tag_of_a_replaced_file_comes_first(struct conform *c)
{
    int file = conform_file(c, "abc");
    uint64_t tag = 70;
    int none = -1;
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &file, &tag, 1, 0);
    io_uring_prep_files_update(conform_sqe(c, 1), &none, 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, file);
}

static void register_tagged(struct conform *c, int file, unsigned count)
{
    int fds[4] = {file, file, file, file};
    uint64_t tags[4] = {70, 71, 72, 73};
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, fds, tags, count, 0);
}

static void tags_are_ahead_of_their_batch(struct conform *c)
{
    int none = -1;
    int file = conform_file(c, "abc");
    register_tagged(c, file, 2);
    conform_sqe(c, 1);
    io_uring_prep_files_update(conform_sqe(c, 2), &none, 1, 0);
    conform_sqe(c, 3);
    io_uring_prep_files_update(conform_sqe(c, 4), &none, 1, 1);
    conform_sqe(c, 5);
    conform_submit(c);
    conform_take(c, 7);
    conform_close(c, file);
}

static void a_tag_takes_the_room_of_its_batch(struct conform *c)
{
    int none = -1;
    int file = conform_file(c, "abc");
    register_tagged(c, file, 3);
    conform_sqe(c, 1);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_files_update(conform_sqe(c, 5), &none, 1, 0);
    io_uring_prep_files_update(conform_sqe(c, 6), &none, 1, 1);
    conform_submit(c);
    conform_value(c, "in the CQ", io_uring_cq_ready(&c->ring.ring));
    conform_value(c, "overflow", io_uring_cq_has_overflow(&c->ring.ring));
    conform_take(c, 4);
    conform_take_now(c);
    conform_close(c, file);
}

static void a_tag_overflows_with_its_batch(struct conform *c)
{
    int none = -1;
    int file = conform_file(c, "abc");
    register_tagged(c, file, 2);
    for (uint64_t i = 1; i <= 4; i++) {
        conform_sqe(c, i);
        conform_submit(c);
    }
    conform_sqe(c, 5);
    io_uring_prep_files_update(conform_sqe(c, 6), &none, 1, 0);
    conform_submit(c);
    conform_take(c, 4);
    conform_take_now(c);
    conform_close(c, file);
}

static void tags_find_room_later(struct conform *c)
{
    int file = conform_file(c, "abc");
    int fds[6] = {file, file, file, file, file, file};
    uint64_t tags[6] = {70, 71, 72, 73, 74, 75};
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, fds, tags, 6, 0);
    unregister_files(c);
    conform_value(c, "in the CQ", io_uring_cq_ready(&c->ring.ring));
    conform_value(c, "overflow", io_uring_cq_has_overflow(&c->ring.ring));
    conform_take(c, 4);
    conform_take_now(c);
    conform_close(c, file);
}

static void a_deferring_ring_has_its_tags_at_once(struct conform *c)
{
    int file = conform_file(c, "abc");
    uint64_t tag = 70;
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &file, &tag, 1, 0);
    unregister_files(c);
    conform_value(c, "in the CQ", io_uring_cq_ready(&c->ring.ring));
    conform_take_now(c);
    conform_close(c, file);
}

static void both_ends_of_a_splice_may_be_slots(struct conform *c)
{
    char bytes[3] = "";
    int first[2];
    int second[2];
    uint64_t tags[2] = {70, 71};
    conform_pipe(c, first);
    conform_pipe(c, second);
    int fds[2] = {first[0], second[1]};
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, fds, tags, 2, 0);
    conform_close(c, first[0]);
    conform_close(c, second[1]);
    conform_write(c, first[1], "abc");
    io_uring_prep_splice(conform_sqe(c, 1), 0, -1, 1, -1, 3, SPLICE_F_FD_IN_FIXED);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_splice(conform_sqe(c, 2), 5, -1, 1, -1, 3, SPLICE_F_FD_IN_FIXED);
    c->ring.ring.sq.sqes[1].flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    conform_value(c, "read", c->objects->read(c->self, second[0], bytes, 3));
    conform_data(c, bytes, 3);
    unregister_files(c);
    conform_take(c, 2);
    conform_close(c, first[1]);
    conform_close(c, second[0]);
}

static void a_slot_is_shut_down(struct conform *c)
{
    int pair[2];
    char byte;
    conform_socketpair(c, pair);
    register_files(c, "register", pair, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_shutdown(sqe, 0, SHUT_WR);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    conform_value(c, "the end", c->objects->read(c->self, pair[1], &byte, 1));
    conform_close_both(c, pair);
}

/* What the true kernel answered. */
static const struct conform_case cases[] = {
    {.name = "a registered file is read by its slot",
     .run = a_registered_file_is_read_by_its_slot,
     .expected = "register: 0\nsubmit: 1\n1: 3\ndata: abc\nunregister: 0\nsubmit: 1\n2: EBADF\n"
                 "data: \n"},
    {.name = "slots that hold nothing are bad",
     .run = slots_that_hold_nothing_are_bad,
     .expected = "submit: 1\n1: EBADF\ndata: \nregister: 0\nsubmit: 1\n2: EBADF\ndata: \n"
                 "submit: 1\n3: EBADF\ndata: \nsubmit: 1\n4: EBADF\ndata: \n"},
    {.name = "a bad slot does not stop the batch",
     .run = a_bad_slot_does_not_stop_the_batch,
     .expected = "sparse: 0\nsubmit: 3\n1: 0\n2: EBADF\n3: 0\n"},
    {.name = "a table is registered once",
     .run = a_table_is_registered_once,
     .expected = "register: 0\nagain: EBUSY\nsparse: EBUSY\nunregister: 0\nunregister: ENXIO\n"
                 "register: 0\n"},
    {.name = "bad tables are refused",
     .run = bad_tables_are_refused,
     .expected = "none: EINVAL\nno array: EFAULT\na bad array: EFAULT\na bad descriptor: EBADF\n"
                 "submit: 1\n1: EBADF\ndata: \na negative one: EBADF\na ring: EBADF\n"
                 "unregister with an argument: EINVAL\nunregister with a count: EINVAL\n"
                 "unregister: ENXIO\nmore than a million: EMFILE\n"},
    {.name = "a table outlives the descriptor",
     .run = a_table_outlives_the_descriptor,
     .expected = "register: 0\nsubmit: 1\n1: 3\ndata: abc\n"},
    {.name = "a pipe ends when its slot is emptied",
     .run = a_pipe_ends_when_its_slot_is_emptied,
     .expected = "register: 0\nsubmit: 1\nnothing\nupdate: 1\n1: 0\n"},
    {.name = "a slot is updated",
     .run = a_slot_is_updated,
     .expected = "written: 3\nregister: 0\nupdate: 2\nsubmit: 1\n1: 3\ndata: xyz\nsubmit: 1\n"
                 "2: 3\ndata: abc\n"},
    {.name = "updates are checked",
     .run = updates_are_checked,
     .expected = "no table: ENXIO\nsparse: 0\nnone: EINVAL\ntoo far: EINVAL\nbeyond: EINVAL\n"
                 "overflow: EOVERFLOW\na bad array: EFAULT\nno array: EFAULT\nreserved: EINVAL\n"
                 "a bad argument: EFAULT\nno argument: EFAULT\nthe last: 1\nsubmit: 1\n1: 3\n"
                 "data: abc\n"},
    {.name = "an update stops at a bad descriptor",
     .run = an_update_stops_at_a_bad_descriptor,
     .expected = "register: 0\ngood, bad, good: 1\nsubmit: 1\n1: 3\ndata: abc\nsubmit: 1\n"
                 "2: EBADF\ndata: \nsubmit: 1\n3: 3\ndata: abc\nbad, good: EBADF\n"
                 "a ring: EBADF\nsubmit: 1\n4: EBADF\ndata: \n"},
    {.name = "skipped slots stay",
     .run = skipped_slots_stay,
     .expected = "register: 0\nupdate: 2\nsubmit: 1\n1: 3\ndata: abc\nsubmit: 1\n2: EBADF\n"
                 "data: \nunregister: 0\nnot at the beginning: EBADF\n"},
    {.name = "sparse tables are checked",
     .run = sparse_tables_are_checked,
     .expected = "none: EINVAL\nwith files: EINVAL\nan unknown flag: EINVAL\nreserved: EINVAL\n"
                 "a short argument: EINVAL\na bad argument: EFAULT\nno argument: EFAULT\n"
                 "tags of nothing: EINVAL\na tag of an empty slot: EINVAL\ntags of zero: 0\n"
                 "submit: 1\n1: EBADF\ndata: \nunregister: 0\nwithout files, not sparse: 0\n"
                 "submit: 1\n2: EBADF\ndata: \n"},
    {.name = "bad tags are told",
     .run = bad_tags_are_told,
     .expected = "bad tags: EFAULT\na bad file: EBADF\nnothing\n"},
    {.name = "a tag is told when its file goes",
     .run = a_tag_is_told_when_its_file_goes,
     .expected = "register: 0\nnothing\nempty two: 2\n70: 0\nunregister: 0\n72: 0\n"},
    {.name = "tags of a table are told from its end",
     .run = tags_of_a_table_are_told_from_its_end,
     .expected = "register: 0\nunregister: 0\n72: 0\n71: 0\n70: 0\n"},
    {.name = "an update may give tags",
     .run = an_update_may_give_tags,
     .expected = "sparse: 0\nupdate: 2\na tag of what is skipped: EINVAL\n"
                 "a tag of nothing: EINVAL\nnothing\nreplace one: 1\n81: 0\nunregister: 0\n"
                 "90: 0\n80: 0\n"},
    {.name = "tagged updates are checked",
     .run = tagged_updates_are_checked,
     .expected = "no table: ENXIO\nsparse: 0\nnone: EINVAL\nbad tags: EFAULT\ntoo many: EINVAL\n"
                 "reserved: EINVAL\na short argument: EINVAL\ngood, bad: 1\nunregister: 0\n"
                 "80: 0\n"},
    {.name = "what runs keeps the old file",
     .run = what_runs_keeps_the_old_file,
     .expected = "register: 0\nsubmit: 1\nupdate: 1\nnothing\nwritten: 1\n1: 1\n70: 0\ndata: x\n"
                 "submit: 1\n2: 3\ndata: abc\n"},
    {.name = "what runs survives its table",
     .run = what_runs_survives_its_table,
     .expected = "register: 0\nsubmit: 2\nunregister: 0\nnothing\nwritten: 1\n1: 1\nwritten: 1\n"
                 "1: 1\n70: 0\n"},
    {.name = "a cancelled one lets its file go",
     .run = a_cancelled_one_lets_its_file_go,
     .expected = "register: 0\nsubmit: 1\nunregister: 0\nsubmit: 1\n2: 0\n1: ECANCELED\n70: 0\n"},
    {.name = "the slot is looked up when issued",
     .run = the_slot_is_looked_up_when_issued,
     .expected = "sparse: 0\nsubmit: 2\nupdate: 1\nwritten: 1\n1: 1\n2: 3\ndata: xabc\n"},
    {.name = "every operation on a file takes a slot",
     .run = every_operation_on_a_file_takes_a_slot,
     .expected = "register: 0\nsubmit: 8\n1: 3\n2: 3\n3: 3\n4: 0\n5: 3\n6: 3\n7: 3\n8: 3\n"
                 "data: xyz\n"},
    {.name = "slots are given room and advice",
     .run = slots_are_given_room_and_advice,
     .expected = "register: 0\nsubmit: 4\n1: 0\n2: 0\n3: 0\n4: EBADF\n"},
    {.name = "slots are polled and connected",
     .run = slots_are_polled_and_connected,
     .expected = "register: 0\nsubmit: 1\nwritten: 1\n1: 1\nsubmit: 1\n2: 0\nsubmit: 1\n"
                 "3: a descriptor\n"},
    {.name = "operations without a file refuse the flag",
     .run = operations_without_a_file_refuse_the_flag,
     .expected = "register: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: EBADF\nsubmit: 1\n3: EBADF\n"},
    {.name = "a slot's requests are cancelled",
     .run = a_slot_s_requests_are_cancelled,
     .expected = "register: 0\nsubmit: 2\nsubmit: 1\n3: 0\n1: ECANCELED\nsubmit: 1\n4: EBADF\n"
                 "submit: 1\n5: 0\n2: ECANCELED\n"},
    {.name = "a table is updated by an operation",
     .run = a_table_is_updated_by_an_operation,
     .expected = "submit: 1\n1: ENXIO\nsparse: 0\nsubmit: 1\n2: 3\nsubmit: 1\n3: 3\ndata: abc\n"
                 "submit: 1\n4: EBADF\ndata: \nsubmit: 1\n5: 1\nsubmit: 1\n6: EBADF\nsubmit: 1\n"
                 "7: EINVAL\nsubmit: 1\n8: EFAULT\nsubmit: 1\n9: EFAULT\nsubmit: 1\n10: EFAULT\n"},
    {.name = "a link goes on after a part of an update",
     .run = a_link_goes_on_after_a_part_of_an_update,
     .expected = "sparse: 0\nsubmit: 3\n1: 1\n2: EBADF\n3: ECANCELED\n"},
    {.name = "free slots are found by an operation",
     .run = free_slots_are_found_by_an_operation,
     .expected = "submit: 1\n1: ENXIO\nsparse: 0\ntake the second: 1\nempty the first: 1\n"
                 "submit: 1\n2: 3\nslots: 2 3 0\nsubmit: 1\n3: ENFILE\nempty the last: 1\n"
                 "submit: 1\n4: EBADF\nsubmit: 1\n5: 1\nslot: 3\nsubmit: 1\n6: 3\ndata: abc\n"},
    {.name = "unused fields of an update must be zero",
     .run = unused_fields_of_an_update_must_be_zero,
     .expected = "sparse: 0\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\n"
                 "submit: 1\n4: EINVAL\nsubmit: 1\n5: EINVAL\n"},
    {.name = "a tag comes after its last request",
     .run = a_tag_comes_after_its_last_request,
     .expected = "register: 0\nsubmit: 2\n1: 3\n2: 1\n70: 0\n"},
    {.name = "a tag of a replaced file comes first",
     .run = a_tag_of_a_replaced_file_comes_first,
     .expected = "register: 0\nsubmit: 1\n70: 0\n1: 1\n"},
    {.name = "tags are ahead of their batch",
     .run = tags_are_ahead_of_their_batch,
     .expected = "register: 0\nsubmit: 5\n70: 0\n71: 0\n1: 0\n2: 1\n3: 0\n4: 1\n5: 0\n"},
    {.name = "a tag takes the room of its batch",
     .run = a_tag_takes_the_room_of_its_batch,
     .expected = "register: 0\nsubmit: 2\nsubmit: 2\n1: 0\nsubmit: 2\nin the CQ: 4\n"
                 "overflow: 1\n2: 0\n3: 0\n4: 0\n70: 0\n71: 0\n5: 1\n6: 1\n",
     .entries = 2},
    {.name = "a tag overflows with its batch",
     .run = a_tag_overflows_with_its_batch,
     .expected = "register: 0\nsubmit: 1\nsubmit: 1\nsubmit: 1\nsubmit: 1\nsubmit: 2\n1: 0\n"
                 "2: 0\n3: 0\n4: 0\n70: 0\n5: 0\n6: 1\n",
     .entries = 2},
    {.name = "tags find room later",
     .run = tags_find_room_later,
     .expected = "register: 0\nunregister: 0\nin the CQ: 4\noverflow: 1\n75: 0\n74: 0\n73: 0\n"
                 "72: 0\n71: 0\n70: 0\n",
     .entries = 2},
    {.name = "a deferring ring has its tags at once",
     .run = a_deferring_ring_has_its_tags_at_once,
     .expected = "register: 0\nunregister: 0\nin the CQ: 1\n70: 0\n",
     .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {.name = "both ends of a splice may be slots",
     .run = both_ends_of_a_splice_may_be_slots,
     .expected = "register: 0\nwritten: 3\nsubmit: 1\n1: 3\nsubmit: 1\n2: EBADF\nread: 3\n"
                 "data: abc\nunregister: 0\n71: 0\n70: 0\n"},
    {.name = "a slot is shut down",
     .run = a_slot_is_shut_down,
     .expected = "register: 0\nsubmit: 1\n1: 0\nthe end: 0\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void fixed_files_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void fixed_files_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void fixed_files_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fixed_files_on_io_uring),
    cmocka_unit_test(fixed_files_on_the_engine),
    cmocka_unit_test(fixed_files_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
