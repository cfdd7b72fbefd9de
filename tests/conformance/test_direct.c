/*
 * Direct descriptors: opened, accepted and closed in the table of registered files, without a number of the program's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <linux/openat2.h>

#include "support/conform_register.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)

static void sparse(struct conform *c, unsigned count)
{
    conform_register_tagged(c, "sparse", IORING_REGISTER_FILES2, NULL, NULL, count,
                            IORING_RSRC_REGISTER_SPARSE);
}

static void unregister_files(struct conform *c)
{
    conform_register(c, "unregister", IORING_UNREGISTER_FILES, NULL, 0);
}

static void empty(struct conform *c, unsigned slot)
{
    int none = -1;
    struct io_uring_rsrc_update arg = {.offset = slot, .data = (uintptr_t)&none};
    conform_register(c, "empty", IORING_REGISTER_FILES_UPDATE, &arg, 1);
}

static void range(struct conform *c, const char *what, unsigned begin, unsigned length)
{
    struct io_uring_file_index_range arg = {.off = begin, .len = length};
    conform_register(c, what, IORING_REGISTER_FILE_ALLOC_RANGE, &arg, 0);
}

static void run_one(struct conform *c)
{
    conform_submit(c);
    conform_take(c, 1);
}

static void open_direct(struct conform *c, uint64_t user_data, unsigned slot)
{
    io_uring_prep_openat_direct(conform_sqe(c, user_data), AT_FDCWD, c->objects->path(c->self), O_RDWR, 0,
                                slot);
    run_one(c);
}

static void open_anywhere(struct conform *c, uint64_t user_data)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_openat(sqe, AT_FDCWD, c->objects->path(c->self), O_RDWR, 0);
    sqe->file_index = IORING_FILE_INDEX_ALLOC;
    run_one(c);
}

static void close_direct(struct conform *c, uint64_t user_data, unsigned slot)
{
    io_uring_prep_close_direct(conform_sqe(c, user_data), slot);
    run_one(c);
}

static void read_slot(struct conform *c, uint64_t user_data, int slot)
{
    char bytes[3] = "";
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_read(sqe, slot, bytes, 3, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    run_one(c);
    conform_data(c, bytes, bytes[0] == 0 ? 0 : 3);
}

static void a_file_is_opened_into_a_slot(struct conform *c)
{
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 2);
    open_direct(c, 1, 1);
    read_slot(c, 2, 1);
    read_slot(c, 3, 0);
}

static void bad_slots_are_refused_when_it_is_open(struct conform *c)
{
    conform_close(c, conform_file(c, "abc"));
    open_direct(c, 1, 0);
    open_anywhere(c, 2);
    sparse(c, 2);
    open_direct(c, 3, 2);
    open_direct(c, 4, 1u << 30);
}

static void a_missing_file_is_told_first(struct conform *c)
{
    io_uring_prep_openat_direct(conform_sqe(c, 1), AT_FDCWD, "/nowhere/at/all", O_RDWR, 0, 0);
    run_one(c);
    io_uring_prep_openat_direct(conform_sqe(c, 2), AT_FDCWD, NOWHERE, O_RDWR, 0, 0);
    run_one(c);
}

static void a_direct_file_is_never_closed_on_exec(struct conform *c)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 1);
    io_uring_prep_openat_direct(conform_sqe(c, 1), AT_FDCWD, c->objects->path(c->self), O_CLOEXEC, 0, 0);
    run_one(c);
    io_uring_prep_openat2_direct(conform_sqe(c, 2), AT_FDCWD, c->objects->path(c->self), &how, 0);
    run_one(c);
    io_uring_prep_openat_direct(conform_sqe(c, 3), AT_FDCWD, NOWHERE, O_CLOEXEC, 0, 0);
    run_one(c);
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_accept_direct(conform_sqe(c, 4), listener, NULL, NULL, SOCK_CLOEXEC, 0);
    run_one(c);
    conform_close(c, listener);
}

static void openat2_opens_into_a_slot_too(struct conform *c)
{
    struct open_how how = {.flags = O_RDONLY};
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 1);
    io_uring_prep_openat2_direct(conform_sqe(c, 1), AT_FDCWD, c->objects->path(c->self), &how, 0);
    run_one(c);
    read_slot(c, 2, 0);
}

static void a_slot_that_is_taken_is_replaced(struct conform *c)
{
    char byte;
    int ends[2];
    conform_close(c, conform_file(c, "abc"));
    conform_pipe(c, ends);
    uint64_t tag = 70;
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &ends[1], &tag, 1, 0);
    conform_close(c, ends[1]);
    open_direct(c, 1, 0);
    conform_take_now(c);
    io_uring_prep_read(conform_sqe(c, 2), ends[0], &byte, 1, 0);
    run_one(c);
    read_slot(c, 3, 0);
    conform_close(c, ends[0]);
}

static void a_free_slot_is_chosen_behind_the_last(struct conform *c)
{
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 4);
    open_anywhere(c, 1);
    open_anywhere(c, 2);
    close_direct(c, 3, 0);
    open_anywhere(c, 4);
    open_anywhere(c, 5);
    open_direct(c, 6, 1);
    open_anywhere(c, 7);
    open_anywhere(c, 8);
    empty(c, 2);
    open_anywhere(c, 9);
    read_slot(c, 10, 3);
}

static void a_range_is_chosen_from(struct conform *c)
{
    struct io_uring_file_index_range reserved = {.len = 1, .resv = 1};
    conform_close(c, conform_file(c, "abc"));
    range(c, "no table", 0, 1);
    range(c, "nothing of no table", 0, 0);
    sparse(c, 6);
    range(c, "too far", 4, 3);
    range(c, "overflow", UINT32_MAX, 2);
    conform_register(c, "reserved", IORING_REGISTER_FILE_ALLOC_RANGE, &reserved, 0);
    conform_register(c, "a count", IORING_REGISTER_FILE_ALLOC_RANGE, &reserved, 1);
    conform_register(c, "no argument", IORING_REGISTER_FILE_ALLOC_RANGE, NULL, 0);
    conform_register(c, "a bad argument", IORING_REGISTER_FILE_ALLOC_RANGE, NOWHERE, 0);
    range(c, "range", 2, 2);
    open_anywhere(c, 1);
    open_anywhere(c, 2);
    open_anywhere(c, 3);
    range(c, "range", 4, 1);
    open_anywhere(c, 4);
    range(c, "an empty range", 0, 0);
    open_anywhere(c, 5);
}

static void a_slot_outside_the_range_does_not_mislead(struct conform *c)
{
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 8);
    range(c, "range", 1, 2);
    open_direct(c, 1, 5);
    open_anywhere(c, 2);
    open_anywhere(c, 3);
    open_direct(c, 4, 6);
    open_anywhere(c, 5);
    close_direct(c, 6, 2);
    close_direct(c, 7, 6);
    open_anywhere(c, 8);
    close_direct(c, 9, 1);
    range(c, "range", 3, 2);
    close_direct(c, 10, 5);
    open_anywhere(c, 11);
    close_direct(c, 12, 2);
    open_anywhere(c, 13);
}

static void a_direct_descriptor_is_closed(struct conform *c)
{
    conform_close(c, conform_file(c, "abc"));
    close_direct(c, 1, 0);
    sparse(c, 2);
    close_direct(c, 2, 0);
    close_direct(c, 3, 2);
    open_direct(c, 4, 0);
    close_direct(c, 5, 0);
    close_direct(c, 6, 0);
    read_slot(c, 7, 0);
}

static void a_close_has_one_target(struct conform *c)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_close_direct(sqe, 0);
    sqe->fd = 1;
    run_one(c);
    sqe = conform_sqe(c, 2);
    io_uring_prep_close_direct(sqe, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    run_one(c);
}

static void a_closed_one_tells_its_tag(struct conform *c)
{
    int file = conform_file(c, "abc");
    uint64_t tag = 70;
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &file, &tag, 1, 0);
    io_uring_prep_close_direct(conform_sqe(c, 1), 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, file);
}

static void a_close_breaks_or_keeps_its_chain(struct conform *c)
{
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 1);
    io_uring_prep_openat_direct(conform_sqe(c, 1), AT_FDCWD, c->objects->path(c->self), O_RDWR, 0, 0);
    io_uring_prep_close_direct(conform_sqe(c, 2), 0);
    io_uring_prep_close_direct(conform_sqe(c, 3), 0);
    conform_sqe(c, 4);
    for (int i = 0; i < 3; i++)
        c->ring.ring.sq.sqes[i].flags |= IOSQE_IO_LINK;
    conform_submit(c);
    conform_take(c, 4);
}

static void a_chain_opens_reads_and_closes(struct conform *c)
{
    char bytes[3] = "";
    conform_close(c, conform_file(c, "abc"));
    sparse(c, 1);
    io_uring_prep_openat_direct(conform_sqe(c, 1), AT_FDCWD, c->objects->path(c->self), O_RDWR, 0, 0);
    io_uring_prep_read(conform_sqe(c, 2), 0, bytes, 3, 0);
    c->ring.ring.sq.sqes[1].flags |= IOSQE_FIXED_FILE;
    io_uring_prep_close_direct(conform_sqe(c, 3), 0);
    for (int i = 0; i < 2; i++)
        c->ring.ring.sq.sqes[i].flags |= IOSQE_IO_LINK;
    conform_submit(c);
    conform_take(c, 3);
    conform_data(c, bytes, 3);
}

static int knock(struct conform *c, uint64_t user_data, int *listener)
{
    struct sockaddr_storage address;
    socklen_t length;
    *listener = c->objects->listen(c->self, &address, &length);
    int client = c->objects->socket(c->self);
    io_uring_prep_connect(conform_sqe(c, user_data), client, (struct sockaddr *)&address, length);
    run_one(c);
    return client;
}

static void a_connection_is_accepted_into_a_slot(struct conform *c)
{
    int listener;
    sparse(c, 2);
    int client = knock(c, 1, &listener);
    io_uring_prep_accept_direct(conform_sqe(c, 2), listener, NULL, NULL, 0, 1);
    run_one(c);
    conform_write(c, client, "abc");
    read_slot(c, 3, 1);
    close_direct(c, 4, 1);
    char byte;
    conform_value(c, "the end", c->objects->read(c->self, client, &byte, 1));
    conform_close(c, client);
    conform_close(c, listener);
}

static void an_accept_chooses_a_slot(struct conform *c)
{
    int listener;
    sparse(c, 1);
    int client = knock(c, 1, &listener);
    io_uring_prep_accept(conform_sqe(c, 2), listener, NULL, NULL, 0);
    c->ring.ring.sq.sqes[1].file_index = IORING_FILE_INDEX_ALLOC;
    run_one(c);
    conform_write(c, client, "abc");
    read_slot(c, 3, 0);
    conform_close(c, client);
    conform_close(c, listener);
}

static void an_accept_without_room_drops_its_connection(struct conform *c)
{
    int listener;
    char byte;
    int client = knock(c, 1, &listener);
    io_uring_prep_accept_direct(conform_sqe(c, 2), listener, NULL, NULL, 0, 0);
    run_one(c);
    conform_value(c, "the end", c->objects->read(c->self, client, &byte, 1));
    conform_close(c, client);
    conform_close(c, listener);
}

static void an_accept_beyond_the_table_drops_its_connection(struct conform *c)
{
    int listener;
    char byte;
    sparse(c, 1);
    int client = knock(c, 1, &listener);
    io_uring_prep_accept_direct(conform_sqe(c, 2), listener, NULL, NULL, 0, 1);
    run_one(c);
    conform_value(c, "the end", c->objects->read(c->self, client, &byte, 1));
    conform_close(c, client);
    conform_close(c, listener);
}

static void a_registered_listener_accepts_into_a_slot(struct conform *c)
{
    int listener;
    sparse(c, 2);
    int client = knock(c, 1, &listener);
    struct io_uring_rsrc_update arg = {.offset = 0, .data = (uintptr_t)&listener};
    conform_register(c, "update", IORING_REGISTER_FILES_UPDATE, &arg, 1);
    conform_close(c, listener);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_accept_direct(sqe, 0, NULL, NULL, 0, 1);
    sqe->flags |= IOSQE_FIXED_FILE;
    run_one(c);
    conform_write(c, client, "abc");
    read_slot(c, 3, 1);
    conform_close(c, client);
}

static void an_accept_that_waits_finds_its_slot_later(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    int client = c->objects->socket(c->self);
    sparse(c, 1);
    io_uring_prep_accept_direct(conform_sqe(c, 1), listener, NULL, NULL, 0, 3);
    conform_submit(c);
    unregister_files(c);
    sparse(c, 4);
    /* Either may be told first. */
    io_uring_prep_connect(conform_sqe(c, 1), client, (struct sockaddr *)&address, length);
    conform_submit(c);
    conform_take(c, 2);
    conform_write(c, client, "abc");
    read_slot(c, 3, 3);
    conform_close(c, client);
    conform_close(c, listener);
}

static void connections_are_accepted_into_slots_until_none_is_left(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int clients[3];
    int listener = c->objects->listen(c->self, &address, &length);
    sparse(c, 2);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = c->objects->socket(c->self);
        io_uring_prep_connect(conform_sqe(c, i), clients[i], (struct sockaddr *)&address, length);
        run_one(c);
    }
    io_uring_prep_multishot_accept_direct(conform_sqe(c, 3), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_take_now(c);
    conform_write(c, clients[1], "abc");
    read_slot(c, 4, 1);
    for (unsigned i = 0; i < 3; i++)
        conform_close(c, clients[i]);
    conform_close(c, listener);
}

static void many_are_not_accepted_into_one_slot(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    sparse(c, 2);
    io_uring_prep_multishot_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    c->ring.ring.sq.sqes[0].file_index = 1;
    run_one(c);
    conform_close(c, listener);
}

static void a_slot_is_opened_with_a_delay_and_replaced(struct conform *c)
{
    char byte;
    int ends[2];
    conform_close(c, conform_file(c, "abc"));
    conform_pipe(c, ends);
    sparse(c, 1);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    c->ring.ring.sq.sqes[0].flags |= IOSQE_IO_LINK;
    io_uring_prep_openat_direct(conform_sqe(c, 2), AT_FDCWD, c->objects->path(c->self), O_RDWR, 0, 0);
    conform_submit(c);
    unregister_files(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_socket_is_made_in_a_slot(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    sparse(c, 2);
    io_uring_prep_socket_direct(conform_sqe(c, 1), AF_UNIX, SOCK_STREAM, 0, 1, 0);
    run_one(c);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_connect(sqe, 1, (struct sockaddr *)&address, length);
    sqe->flags |= IOSQE_FIXED_FILE;
    run_one(c);
    io_uring_prep_socket_direct_alloc(conform_sqe(c, 3), AF_UNIX, SOCK_STREAM, 0, 0);
    run_one(c);
    io_uring_prep_socket_direct_alloc(conform_sqe(c, 4), AF_UNIX, SOCK_STREAM, 0, 0);
    run_one(c);
    conform_close(c, listener);
}

static void bad_direct_sockets_are_refused(struct conform *c)
{
    io_uring_prep_socket_direct(conform_sqe(c, 1), AF_UNIX, SOCK_STREAM, 0, 0, 0);
    run_one(c);
    sparse(c, 1);
    io_uring_prep_socket_direct(conform_sqe(c, 2), AF_UNIX, SOCK_STREAM, 0, 1, 0);
    run_one(c);
    io_uring_prep_socket_direct(conform_sqe(c, 3), AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
    run_one(c);
    io_uring_prep_socket_direct(conform_sqe(c, 4), 4000, SOCK_STREAM, 0, 0, 0);
    run_one(c);
}

/* What the true kernel answered. */
static const struct conform_case cases[] = {
    {.name = "a file is opened into a slot",
     .run = a_file_is_opened_into_a_slot,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 3\ndata: abc\nsubmit: 1\n3: EBADF\n"
                 "data: \n"},
    {.name = "bad slots are refused when it is open",
     .run = bad_slots_are_refused_when_it_is_open,
     .expected = "submit: 1\n1: ENXIO\nsubmit: 1\n2: ENFILE\nsparse: 0\nsubmit: 1\n3: EINVAL\n"
                 "submit: 1\n4: EINVAL\n"},
    {.name = "a missing file is told first",
     .run = a_missing_file_is_told_first,
     .expected = "submit: 1\n1: ENOENT\nsubmit: 1\n2: EFAULT\n"},
    {.name = "a direct file is never closed on exec",
     .run = a_direct_file_is_never_closed_on_exec,
     .expected = "sparse: 0\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EFAULT\n"
                 "submit: 1\n4: EINVAL\n"},
    {.name = "openat2 opens into a slot too",
     .run = openat2_opens_into_a_slot_too,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 3\ndata: abc\n"},
    {.name = "a slot that is taken is replaced",
     .run = a_slot_that_is_taken_is_replaced,
     .expected = "register: 0\nsubmit: 1\n70: 0\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n3: 3\n"
                 "data: abc\n"},
    {.name = "a free slot is chosen behind the last",
     .run = a_free_slot_is_chosen_behind_the_last,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 1\nsubmit: 1\n3: 0\nsubmit: 1\n"
                 "4: 0\nsubmit: 1\n5: 2\nsubmit: 1\n6: 0\nsubmit: 1\n7: 3\nsubmit: 1\n"
                 "8: ENFILE\nempty: 1\nsubmit: 1\n9: 2\nsubmit: 1\n10: 3\ndata: abc\n"},
    {.name = "a range is chosen from",
     .run = a_range_is_chosen_from,
     .expected = "no table: EINVAL\nnothing of no table: 0\nsparse: 0\ntoo far: EINVAL\n"
                 "overflow: EOVERFLOW\nreserved: EINVAL\na count: EINVAL\nno argument: EINVAL\n"
                 "a bad argument: EFAULT\nrange: 0\nsubmit: 1\n1: 2\nsubmit: 1\n2: 3\n"
                 "submit: 1\n3: ENFILE\nrange: 0\nsubmit: 1\n4: 4\nan empty range: 0\n"
                 "submit: 1\n5: ENFILE\n"},
    {.name = "a slot outside the range does not mislead",
     .run = a_slot_outside_the_range_does_not_mislead,
     .expected = "sparse: 0\nrange: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 1\nsubmit: 1\n3: 2\n"
                 "submit: 1\n4: 0\nsubmit: 1\n5: ENFILE\nsubmit: 1\n6: 0\nsubmit: 1\n7: 0\n"
                 "submit: 1\n8: 2\nsubmit: 1\n9: 0\nrange: 0\nsubmit: 1\n10: 0\nsubmit: 1\n"
                 "11: 3\nsubmit: 1\n12: 0\nsubmit: 1\n13: 4\n"},
    {.name = "a direct descriptor is closed",
     .run = a_direct_descriptor_is_closed,
     .expected = "submit: 1\n1: ENXIO\nsparse: 0\nsubmit: 1\n2: EBADF\nsubmit: 1\n3: EINVAL\n"
                 "submit: 1\n4: 0\nsubmit: 1\n5: 0\nsubmit: 1\n6: EBADF\nsubmit: 1\n7: EBADF\n"
                 "data: \n"},
    {.name = "a close has one target",
     .run = a_close_has_one_target,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: EBADF\n"},
    {.name = "a closed one tells its tag",
     .run = a_closed_one_tells_its_tag,
     .expected = "register: 0\nsubmit: 1\n70: 0\n1: 0\n"},
    {.name = "a close breaks or keeps its chain",
     .run = a_close_breaks_or_keeps_its_chain,
     .expected = "sparse: 0\nsubmit: 4\n1: 0\n2: 0\n3: EBADF\n4: ECANCELED\n"},
    {.name = "a chain opens reads and closes",
     .run = a_chain_opens_reads_and_closes,
     .expected = "sparse: 0\nsubmit: 3\n1: 0\n2: 3\n3: 0\ndata: abc\n"},
    {.name = "a connection is accepted into a slot",
     .run = a_connection_is_accepted_into_a_slot,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 0\nwritten: 3\nsubmit: 1\n3: 3\n"
                 "data: abc\nsubmit: 1\n4: 0\nthe end: 0\n"},
    {.name = "an accept chooses a slot",
     .run = an_accept_chooses_a_slot,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 0\nwritten: 3\nsubmit: 1\n3: 3\n"
                 "data: abc\n"},
    {.name = "an accept without room drops its connection",
     .run = an_accept_without_room_drops_its_connection,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: ENXIO\nthe end: 0\n"},
    {.name = "an accept beyond the table drops its connection",
     .run = an_accept_beyond_the_table_drops_its_connection,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: EINVAL\nthe end: 0\n"},
    {.name = "a registered listener accepts into a slot",
     .run = a_registered_listener_accepts_into_a_slot,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nupdate: 1\nsubmit: 1\n2: 0\nwritten: 3\n"
                 "submit: 1\n3: 3\ndata: abc\n"},
    {.name = "an accept that waits finds its slot later",
     .run = an_accept_that_waits_finds_its_slot_later,
     .expected = "sparse: 0\nsubmit: 1\nunregister: 0\nsparse: 0\nsubmit: 1\n1: 0\n1: 0\n"
                 "written: 3\nsubmit: 1\n3: 3\ndata: abc\n"},
    {.name = "connections are accepted into slots until none is left",
     .run = connections_are_accepted_into_slots_until_none_is_left,
     .expected = "sparse: 0\nsubmit: 1\n0: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n"
                 "3: 0 flags 2\n3: 1 flags 2\n3: ENFILE\nnothing\nwritten: 3\nsubmit: 1\n4: 3\n"
                 "data: abc\n"},
    {.name = "many are not accepted into one slot",
     .run = many_are_not_accepted_into_one_slot,
     .expected = "sparse: 0\nsubmit: 1\n1: EINVAL\n"},
    {.name = "a slot is opened with a delay and replaced",
     .run = a_slot_is_opened_with_a_delay_and_replaced,
     .expected = "sparse: 0\nsubmit: 2\nunregister: 0\nwritten: 1\n1: 1\n2: ENXIO\n"},
    {.name = "a socket is made in a slot",
     .run = a_socket_is_made_in_a_slot,
     .expected = "sparse: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n3: 0\nsubmit: 1\n"
                 "4: ENFILE\n"},
    {.name = "bad direct sockets are refused",
     .run = bad_direct_sockets_are_refused,
     .expected = "submit: 1\n1: ENXIO\nsparse: 0\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\n"
                 "submit: 1\n4: EAFNOSUPPORT\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void direct_descriptors_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void direct_descriptors_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void direct_descriptors_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(direct_descriptors_on_io_uring),
    cmocka_unit_test(direct_descriptors_on_the_engine),
    cmocka_unit_test(direct_descriptors_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
