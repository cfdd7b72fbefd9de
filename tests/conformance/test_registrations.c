/*
 * Other registrations: restrictions, personalities, an eventfd that hears of asynchronous ends alone, the workers, and what
 * no kernel knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/conform_register.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)

static int call(struct conform *c, const char *what, unsigned opcode, void *arg, unsigned count)
{
    return conform_register(c, what, opcode, arg, count);
}

static void enable(struct conform *c)
{
    call(c, "enable", IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static void restrict_to(struct conform *c, const char *what, struct io_uring_restriction *list,
                        unsigned count)
{
    call(c, what, IORING_REGISTER_RESTRICTIONS, list, count);
}

static struct io_uring_restriction sqe_op(unsigned opcode)
{
    return (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = (uint8_t)opcode};
}

static struct io_uring_restriction register_op(unsigned opcode)
{
    return (struct io_uring_restriction){.opcode = IORING_RESTRICTION_REGISTER_OP,
                                         .register_op = (uint8_t)opcode};
}

static struct io_uring_restriction flags(unsigned kind, unsigned set)
{
    return (struct io_uring_restriction){.opcode = (uint16_t)kind, .sqe_flags = (uint8_t)set};
}

static void run_one(struct conform *c)
{
    conform_submit(c);
    conform_take(c, 1);
}

static void nop(struct conform *c, uint64_t user_data, unsigned set)
{
    conform_sqe(c, user_data)->flags = (uint8_t)set;
    run_one(c);
}

static void only_what_is_listed_is_done(struct conform *c)
{
    char byte;
    struct io_uring_restriction list[1] = {sqe_op(IORING_OP_NOP)};
    restrict_to(c, "restrict", list, 1);
    enable(c);
    nop(c, 1, 0);
    io_uring_prep_read(conform_sqe(c, 2), 12345, &byte, 1, 0);
    run_one(c);
    conform_sqe(c, 3)->opcode = 250;
    run_one(c);
}

static void what_is_not_listed_stops_the_batch(struct conform *c)
{
    char byte;
    struct io_uring_restriction list[2] = {sqe_op(IORING_OP_NOP),
                                           flags(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_IO_LINK)};
    restrict_to(c, "restrict", list, 2);
    enable(c);
    conform_sqe(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), 12345, &byte, 1, 0);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 2);
    run_one(c);
    conform_sqe(c, 4)->flags = IOSQE_IO_LINK;
    io_uring_prep_read(conform_sqe(c, 5), 12345, &byte, 1, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void only_listed_flags_are_taken(struct conform *c)
{
    struct io_uring_restriction list[2] = {sqe_op(IORING_OP_NOP), flags(IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
                                                                        IOSQE_ASYNC | IOSQE_IO_DRAIN)};
    restrict_to(c, "restrict", list, 2);
    enable(c);
    nop(c, 1, 0);
    nop(c, 2, IOSQE_ASYNC);
    nop(c, 3, IOSQE_IO_LINK);
    nop(c, 4, IOSQE_ASYNC | IOSQE_IO_LINK);
    nop(c, 5, IOSQE_IO_DRAIN);
    nop(c, 6, 0x80);
}

static void required_flags_are_required(struct conform *c)
{
    struct io_uring_restriction list[2] = {sqe_op(IORING_OP_NOP),
                                           flags(IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_ASYNC)};
    restrict_to(c, "restrict", list, 2);
    enable(c);
    nop(c, 1, 0);
    nop(c, 2, IOSQE_ASYNC);
    nop(c, 3, IOSQE_ASYNC | IOSQE_IO_LINK);
}

static void the_last_flags_count(struct conform *c)
{
    struct io_uring_restriction list[3] = {sqe_op(IORING_OP_NOP),
                                           flags(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_ASYNC),
                                           flags(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_IO_LINK)};
    restrict_to(c, "restrict", list, 3);
    enable(c);
    nop(c, 1, IOSQE_ASYNC);
    nop(c, 2, IOSQE_IO_LINK);
}

static void only_listed_registrations_are_done(struct conform *c)
{
    struct io_uring_restriction list[1] = {register_op(IORING_REGISTER_PERSONALITY)};
    struct iovec buffer = {list, sizeof list};
    restrict_to(c, "restrict", list, 1);
    call(c, "buffers before", IORING_REGISTER_BUFFERS, &buffer, 1);
    enable(c);
    call(c, "buffers", IORING_UNREGISTER_BUFFERS, NULL, 0);
    call(c, "personality", IORING_REGISTER_PERSONALITY, NULL, 0);
    call(c, "enable again", IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    call(c, "restrict", IORING_REGISTER_RESTRICTIONS, list, 1);
    call(c, "unknown", 1000, NULL, 0);
    nop(c, 1, 0);
}

static void restrictions_are_set_once_and_before(struct conform *c)
{
    struct io_uring_restriction list[1] = {sqe_op(IORING_OP_NOP)};
    restrict_to(c, "restrict", list, 1);
    restrict_to(c, "again", list, 1);
    enable(c);
    call(c, "allowed no more", IORING_REGISTER_RESTRICTIONS, list, 1);
}

static void an_enabled_ring_is_not_restricted(struct conform *c)
{
    struct io_uring_restriction list[1] = {sqe_op(IORING_OP_NOP)};
    enable(c);
    restrict_to(c, "restrict", list, 1);
    enable(c);
    nop(c, 1, IOSQE_ASYNC);
}

static void bad_restrictions_leave_none(struct conform *c)
{
    struct io_uring_restriction list[2] = {sqe_op(IORING_OP_NOP), {.opcode = 77}};
    restrict_to(c, "an unknown kind", list, 2);
    list[1] = sqe_op(250);
    restrict_to(c, "an unknown operation", list, 2);
    list[1] = register_op(250);
    restrict_to(c, "an unknown registration", list, 2);
    restrict_to(c, "no list", NULL, 1);
    restrict_to(c, "a bad list", NOWHERE, 1);
    restrict_to(c, "too many", list, 4000);
    enable(c);
    nop(c, 1, IOSQE_ASYNC);
}

static void an_empty_list_allows_nothing(struct conform *c)
{
    struct io_uring_restriction list[1];
    restrict_to(c, "restrict", list, 0);
    enable(c);
    nop(c, 1, 0);
    call(c, "personality", IORING_REGISTER_PERSONALITY, NULL, 0);
}

static void a_personality_has_a_number(struct conform *c)
{
    unsigned give = IORING_REGISTER_PERSONALITY;
    unsigned take = IORING_UNREGISTER_PERSONALITY;
    call(c, "first", give, NULL, 0);
    call(c, "second", give, NULL, 0);
    call(c, "take the first", take, NULL, 1);
    call(c, "take it again", take, NULL, 1);
    call(c, "third", give, NULL, 0);
    call(c, "with an argument", give, &give, 0);
    call(c, "with a count", give, NULL, 1);
    call(c, "take with an argument", take, &take, 2);
    call(c, "take none", take, NULL, 0);
    call(c, "take too high a one", take, NULL, 65536 + 2);
}

static void only_known_personalities_act(struct conform *c)
{
    conform_sqe(c, 1)->personality = 1;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 1);
    run_one(c);
    call(c, "register", IORING_REGISTER_PERSONALITY, NULL, 0);
    int fd = conform_file(c, "abc");
    char bytes[3] = "";
    io_uring_prep_read(conform_sqe(c, 3), fd, bytes, 3, 0);
    c->ring.ring.sq.sqes[2].personality = 1;
    run_one(c);
    conform_data(c, bytes, 3);
    call(c, "unregister", IORING_UNREGISTER_PERSONALITY, NULL, 1);
    conform_sqe(c, 4)->personality = 1;
    run_one(c);
    conform_close(c, fd);
}

static void numbers_of_personalities_go_round(struct conform *c)
{
    const struct sr_backend *backend = &c->ring.backend;
    int id = 0;
    for (int i = 0; i < 65535; i++) {
        id = backend->vtable->register_(backend->self, c->ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0);
        if (id != i + 1)
            break;
    }
    conform_value(c, "the last", id);
    call(c, "one more", IORING_REGISTER_PERSONALITY, NULL, 0);
    call(c, "take", IORING_UNREGISTER_PERSONALITY, NULL, 300);
    call(c, "one more", IORING_REGISTER_PERSONALITY, NULL, 0);
}

static void workers_are_limited_and_told(struct conform *c)
{
    unsigned op = IORING_REGISTER_IOWQ_MAX_WORKERS;
    unsigned counts[3] = {3, 5, 0};
    call(c, "limits", op, counts, 2);
    counts[0] = counts[1] = 0;
    call(c, "ask", op, counts, 2);
    conform_say(c, "%u bounded, %u unbounded\n", counts[0], counts[1]);
    counts[0] = 4;
    counts[1] = 0;
    call(c, "one of them", op, counts, 2);
    counts[0] = 0;
    call(c, "ask", op, counts, 2);
    conform_say(c, "%u bounded\n", counts[0]);
    call(c, "three", op, counts, 3);
    call(c, "none", op, counts, 0);
    call(c, "no argument", op, NULL, 2);
    call(c, "a bad argument", op, NOWHERE, 2);
    counts[0] = 1u << 31;
    call(c, "too many", op, counts, 2);
}

static void workers_have_processors(struct conform *c)
{
    unsigned char mask[8] = {1};
    call(c, "the first", IORING_REGISTER_IOWQ_AFF, mask, sizeof mask);
    call(c, "one byte", IORING_REGISTER_IOWQ_AFF, mask, 1);
    call(c, "no mask", IORING_REGISTER_IOWQ_AFF, NULL, 8);
    call(c, "no length", IORING_REGISTER_IOWQ_AFF, mask, 0);
    call(c, "a bad mask", IORING_REGISTER_IOWQ_AFF, NOWHERE, 8);
    memset(mask, 0, sizeof mask);
    call(c, "none of them", IORING_REGISTER_IOWQ_AFF, mask, sizeof mask);
    call(c, "all again", IORING_UNREGISTER_IOWQ_AFF, NULL, 0);
    call(c, "all with a mask", IORING_UNREGISTER_IOWQ_AFF, mask, 0);
    call(c, "all with a length", IORING_UNREGISTER_IOWQ_AFF, NULL, 1);
}

static void unknown_registrations_are_refused(struct conform *c)
{
    const struct sr_backend *backend = &c->ring.backend;
    int ends[2];
    conform_pipe(c, ends);
    call(c, "unknown", 1000, NULL, 0);
    conform_value(c, "unknown, of no ring", backend->vtable->register_(backend->self, 12345, 1000, NULL, 0));
    conform_value(c, "of nothing",
                  backend->vtable->register_(backend->self, 12345, IORING_UNREGISTER_FILES, NULL, 0));
    conform_value(c, "of a pipe",
                  backend->vtable->register_(backend->self, ends[0], IORING_UNREGISTER_FILES, NULL, 0));
    conform_close_both(c, ends);
}

static int hear(struct conform *c, unsigned opcode)
{
    int fd = c->objects->eventfd(c->self);
    call(c, "eventfd", opcode, &fd, 1);
    return fd;
}

static void heard_nothing(struct conform *c, int fd)
{
    uint64_t count;
    conform_value(c, "signals", c->objects->read(c->self, fd, &count, sizeof count));
}

/* A signal may come a little later than its CQE: it is waited for. */
static void heard_some(struct conform *c, int fd)
{
    uint64_t count = 0;
    io_uring_prep_read(conform_sqe(c, 100), fd, &count, sizeof count, 0);
    run_one(c);
}

static void ends_of_the_submitter_s_own_time_are_not_heard(struct conform *c)
{
    char byte;
    int ends[2];
    int fd = hear(c, IORING_REGISTER_EVENTFD_ASYNC);
    conform_pipe(c, ends);
    nop(c, 1, 0);
    nop(c, 2, IOSQE_CQE_SKIP_SUCCESS | 0x80);
    io_uring_prep_read(conform_sqe(c, 3), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 4), &soon, 0, 0);
    run_one(c);
    io_uring_prep_read(conform_sqe(c, 5), 12345, &byte, 1, 0);
    c->ring.ring.sq.sqes[4].flags |= IOSQE_ASYNC;
    run_one(c);
    heard_nothing(c, fd);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void ends_of_workers_are_heard(struct conform *c)
{
    int file = conform_file(c, "abc");
    int fd = hear(c, IORING_REGISTER_EVENTFD_ASYNC);
    nop(c, 1, IOSQE_ASYNC);
    heard_some(c, fd);
    io_uring_prep_fsync(conform_sqe(c, 2), file, 0);
    run_one(c);
    heard_some(c, fd);
    heard_nothing(c, fd);
    conform_close(c, file);
    conform_close(c, fd);
}

static void what_may_block_is_left_to_workers(struct conform *c)
{
    struct statx status;
    int file = conform_file(c, "abc");
    const char *path = c->objects->path(c->self);
    int fd = hear(c, IORING_REGISTER_EVENTFD_ASYNC);
    io_uring_prep_fallocate(conform_sqe(c, 1), file, 0, 0, 16);
    run_one(c);
    heard_some(c, fd);
    io_uring_prep_statx(conform_sqe(c, 2), AT_FDCWD, path, 0, STATX_SIZE, &status);
    run_one(c);
    heard_some(c, fd);
    io_uring_prep_openat(conform_sqe(c, 3), AT_FDCWD, path, O_RDWR, 0);
    conform_submit(c);
    conform_close(c, conform_take_descriptor(c));
    heard_nothing(c, fd);
    io_uring_prep_openat(conform_sqe(c, 4), AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
    conform_submit(c);
    conform_close(c, conform_take_descriptor(c));
    heard_some(c, fd);
    int pair[2];
    conform_socketpair(c, pair);
    io_uring_prep_shutdown(conform_sqe(c, 5), pair[0], SHUT_WR);
    run_one(c);
    heard_some(c, fd);
    nop(c, 6, IOSQE_IO_DRAIN);
    heard_some(c, fd);
    conform_close_both(c, pair);
    conform_close(c, file);
    conform_close(c, fd);
}

static void every_end_is_heard_otherwise(struct conform *c)
{
    int fd = hear(c, IORING_REGISTER_EVENTFD);
    nop(c, 1, 0);
    uint64_t count = 0;
    conform_value(c, "signals", c->objects->read(c->self, fd, &count, sizeof count));
    conform_data(c, &count, 1);
    call(c, "unregister", IORING_UNREGISTER_EVENTFD, NULL, 0);
    nop(c, 2, 0);
    heard_nothing(c, fd);
    conform_close(c, fd);
}

static void a_tag_is_heard(struct conform *c)
{
    int file = conform_file(c, "abc");
    uint64_t tag = 70;
    int fd = hear(c, IORING_REGISTER_EVENTFD);
    conform_register_tagged(c, "register", IORING_REGISTER_FILES2, &file, &tag, 1, 0);
    heard_nothing(c, fd);
    call(c, "unregister", IORING_UNREGISTER_FILES, NULL, 0);
    conform_take(c, 1);
    uint64_t count = 0;
    conform_value(c, "signals", c->objects->read(c->self, fd, &count, sizeof count));
    conform_close(c, fd);
    conform_close(c, file);
}

static void a_ring_has_one_eventfd(struct conform *c)
{
    unsigned plain = IORING_REGISTER_EVENTFD;
    unsigned async = IORING_REGISTER_EVENTFD_ASYNC;
    int ends[2];
    int bad = 12345;
    conform_pipe(c, ends);
    call(c, "none to take away", IORING_UNREGISTER_EVENTFD, NULL, 0);
    int fd = hear(c, async);
    call(c, "a second", plain, &fd, 1);
    call(c, "a second", async, &fd, 1);
    call(c, "unregister with an argument", IORING_UNREGISTER_EVENTFD, &fd, 0);
    call(c, "unregister with a count", IORING_UNREGISTER_EVENTFD, NULL, 1);
    call(c, "unregister", IORING_UNREGISTER_EVENTFD, NULL, 0);
    call(c, "no descriptor", async, &bad, 1);
    call(c, "a pipe", async, &ends[0], 1);
    call(c, "two", async, &fd, 2);
    call(c, "none", async, &fd, 0);
    call(c, "a bad argument", async, NOWHERE, 1);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

#define PROBED 64

static int ask(struct conform *c, const char *what, struct io_uring_probe *probe, unsigned count)
{
    return call(c, what, IORING_REGISTER_PROBE, probe, count);
}

static void every_operation_of_6_1_is_there(struct conform *c)
{
    static uint64_t memory[(sizeof(struct io_uring_probe) + PROBED * sizeof(struct io_uring_probe_op)) / 8];
    struct io_uring_probe *probe = (struct io_uring_probe *)(void *)memory;
    unsigned there = 0;
    memset(memory, 0, sizeof memory);
    ask(c, "probe", probe, PROBED);
    for (unsigned i = 0; i < IORING_OP_LAST; i++)
        there += probe->ops[i].op == i && (probe->ops[i].flags & IO_URING_OP_SUPPORTED) != 0;
    conform_value(c, "not there", IORING_OP_LAST - (int)there);
    conform_value(c, "last", probe->last_op >= IORING_OP_LAST - 1);
    conform_value(c, "how many", probe->ops_len >= IORING_OP_LAST);
}

static void a_probe_s_memory_comes_in_cleared(struct conform *c)
{
    static uint64_t memory[(sizeof(struct io_uring_probe) + PROBED * sizeof(struct io_uring_probe_op)) / 8];
    struct io_uring_probe *probe = (struct io_uring_probe *)(void *)memory;
    memset(memory, 0, sizeof memory);
    probe->ops[3].op = 1;
    ask(c, "not cleared", probe, PROBED);
    ask(c, "only up to there", probe, 3);
    memset(memory, 0, sizeof memory);
    ask(c, "none", probe, 0);
    conform_value(c, "how many", probe->ops_len);
    memset(memory, 0, sizeof memory);
    ask(c, "one", probe, 1);
    conform_value(c, "how many", probe->ops_len);
    ask(c, "too many", probe, 257);
    ask(c, "no memory", NULL, PROBED);
    ask(c, "bad memory", NOWHERE, PROBED);
}

/* What the true kernel answered. */
static const struct conform_case cases[] = {
    {.name = "only what is listed is done",
     .run = only_what_is_listed_is_done,
     .expected = "restrict: 0\nenable: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: EACCES\nsubmit: 1\n"
                 "3: EINVAL\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "what is not listed stops the batch",
     .run = what_is_not_listed_stops_the_batch,
     .expected = "restrict: 0\nenable: 0\nsubmit: 2\n1: 0\n2: EACCES\nsubmit: 1\n3: 0\n"
                 "submit: 2\n4: ECANCELED\n5: EACCES\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "only listed flags are taken",
     .run = only_listed_flags_are_taken,
     .expected = "restrict: 0\nenable: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n"
                 "3: EACCES\nsubmit: 1\n4: EACCES\nsubmit: 1\n5: 0\nsubmit: 1\n6: EINVAL\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "required flags are required",
     .run = required_flags_are_required,
     .expected = "restrict: 0\nenable: 0\nsubmit: 1\n1: EACCES\nsubmit: 1\n2: 0\nsubmit: 1\n"
                 "3: EACCES\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "the last flags count",
     .run = the_last_flags_count,
     .expected = "restrict: 0\nenable: 0\nsubmit: 1\n1: EACCES\nsubmit: 1\n2: 0\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "only listed registrations are done",
     .run = only_listed_registrations_are_done,
     .expected = "restrict: 0\nbuffers before: 0\nenable: 0\nbuffers: EACCES\npersonality: 1\n"
                 "enable again: EACCES\nrestrict: EACCES\nunknown: EINVAL\nsubmit: 1\n"
                 "1: EACCES\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "restrictions are set once and before",
     .run = restrictions_are_set_once_and_before,
     .expected = "restrict: 0\nagain: EBUSY\nenable: 0\nallowed no more: EACCES\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "an enabled ring is not restricted",
     .run = an_enabled_ring_is_not_restricted,
     .expected = "enable: 0\nrestrict: EBADFD\nenable: EBADFD\nsubmit: 1\n1: 0\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "bad restrictions leave none",
     .run = bad_restrictions_leave_none,
     .expected = "an unknown kind: EINVAL\nan unknown operation: EINVAL\n"
                 "an unknown registration: EINVAL\nno list: EINVAL\na bad list: EFAULT\n"
                 "too many: EINVAL\nenable: 0\nsubmit: 1\n1: 0\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "an empty list allows nothing",
     .run = an_empty_list_allows_nothing,
     .expected = "restrict: 0\nenable: 0\nsubmit: 1\n1: EACCES\npersonality: EACCES\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "a personality has a number",
     .run = a_personality_has_a_number,
     .expected = "first: 1\nsecond: 2\ntake the first: 0\ntake it again: EINVAL\nthird: 3\n"
                 "with an argument: EINVAL\nwith a count: EINVAL\n"
                 "take with an argument: EINVAL\ntake none: EINVAL\n"
                 "take too high a one: EINVAL\n"},
    {.name = "only known personalities act",
     .run = only_known_personalities_act,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: 0\nregister: 1\nsubmit: 1\n3: 3\n"
                 "data: abc\nunregister: 0\nsubmit: 1\n4: EINVAL\n"},
    {.name = "numbers of personalities go round",
     .run = numbers_of_personalities_go_round,
     .expected = "the last: 65535\none more: EBUSY\ntake: 0\none more: 300\n"},
    {.name = "workers are limited and told",
     .run = workers_are_limited_and_told,
     .expected = "limits: 0\nask: 0\n3 bounded, 5 unbounded\none of them: 0\nask: 0\n4 bounded\n"
                 "three: EINVAL\nnone: EINVAL\nno argument: EINVAL\na bad argument: EFAULT\n"
                 "too many: EINVAL\n"},
    {.name = "workers have processors",
     .run = workers_have_processors,
     .expected = "the first: 0\none byte: 0\nno mask: EINVAL\nno length: EINVAL\n"
                 "a bad mask: EFAULT\nnone of them: 0\nall again: 0\nall with a mask: EINVAL\n"
                 "all with a length: EINVAL\n"},
    {.name = "unknown registrations are refused",
     .run = unknown_registrations_are_refused,
     .expected = "unknown: EINVAL\nunknown, of no ring: EINVAL\nof nothing: EBADF\n"
                 "of a pipe: EOPNOTSUPP\n"},
    {.name = "ends of the submitter's own time are not heard",
     .run = ends_of_the_submitter_s_own_time_are_not_heard,
     .expected = "eventfd: 0\nsubmit: 1\n1: 0\nsubmit: 1\n2: EINVAL\nsubmit: 1\nwritten: 1\n"
                 "3: 1\nsubmit: 1\n4: ETIME\nsubmit: 1\n5: EBADF\nsignals: EAGAIN\n"},
    {.name = "ends of workers are heard",
     .run = ends_of_workers_are_heard,
     .expected = "eventfd: 0\nsubmit: 1\n1: 0\nsubmit: 1\n100: 8\nsubmit: 1\n2: 0\nsubmit: 1\n"
                 "100: 8\nsignals: EAGAIN\n"},
    {.name = "what may block is left to workers",
     .run = what_may_block_is_left_to_workers,
     .expected = "eventfd: 0\nsubmit: 1\n1: 0\nsubmit: 1\n100: 8\nsubmit: 1\n2: 0\nsubmit: 1\n"
                 "100: 8\nsubmit: 1\n3: a descriptor\nsignals: EAGAIN\nsubmit: 1\n"
                 "4: a descriptor\nsubmit: 1\n100: 8\nsubmit: 1\n5: 0\nsubmit: 1\n100: 8\n"
                 "submit: 1\n6: 0\nsubmit: 1\n100: 8\n"},
    {.name = "every end is heard otherwise",
     .run = every_end_is_heard_otherwise,
     .expected = "eventfd: 0\nsubmit: 1\n1: 0\nsignals: 8\ndata: \\1\nunregister: 0\nsubmit: 1\n"
                 "2: 0\nsignals: EAGAIN\n"},
    {.name = "a tag is heard",
     .run = a_tag_is_heard,
     .expected = "eventfd: 0\nregister: 0\nsignals: EAGAIN\nunregister: 0\n70: 0\nsignals: 8\n"},
    {.name = "a ring has one eventfd",
     .run = a_ring_has_one_eventfd,
     .expected = "none to take away: ENXIO\neventfd: 0\na second: EBUSY\na second: EBUSY\n"
                 "unregister with an argument: EINVAL\nunregister with a count: EINVAL\n"
                 "unregister: 0\nno descriptor: EBADF\na pipe: EINVAL\ntwo: EINVAL\n"
                 "none: EINVAL\na bad argument: EFAULT\n"},
    {.name = "every operation of 6 1 is there",
     .run = every_operation_of_6_1_is_there,
     .expected = "probe: 0\nnot there: 0\nlast: 1\nhow many: 1\n"},
    {.name = "a probe's memory comes in cleared",
     .run = a_probe_s_memory_comes_in_cleared,
     .expected = "not cleared: EINVAL\nonly up to there: 0\nnone: 0\nhow many: 0\none: 0\n"
                 "how many: 1\ntoo many: EINVAL\nno memory: EINVAL\nbad memory: EFAULT\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void registrations_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void registrations_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void registrations_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(registrations_on_io_uring),
    cmocka_unit_test(registrations_on_the_engine),
    cmocka_unit_test(registrations_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
