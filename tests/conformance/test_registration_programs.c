/*
 * Random programs over tables of files and buffers, run on the true kernel and on the others: what each registration
 * answered, every CQE in order and every byte read must be equal. Slots are few, so that operations meet.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "support/conform_register.h"
#include "support/main.h"

#define PROGRAMS 300
#define STEPS 60
#define SLOTS 6
#define ITEMS 6
#define WAITING 50 /* user_data of the one read that waits */

/* One run of one program. */
struct machine {
    struct conform c;
    uint64_t state;
    int file;
    int full[2];  /* a pipe with bytes for every read there may be */
    int empty[2]; /* a pipe with one reader at most */
    bool waits;
    unsigned good; /* registrations that did something */
    char memory[4][16];
    int fds[8][3]; /* of the updates of a batch */
};

static unsigned below(struct machine *m, unsigned n)
{
    m->state = m->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((m->state >> 33) % n);
}

static int any_fd(struct machine *m)
{
    switch (below(m, 9)) {
    case 0: return -1;
    case 1: return 12345;
    case 2: return IORING_REGISTER_FILES_SKIP;
    case 3: return m->full[0];
    case 4: return m->full[1];
    default: return m->file;
    }
}

/* Half of them are none. */
static uint64_t any_tag(struct machine *m)
{
    return below(m, 2) != 0 ? 0 : 1000 + below(m, 1000);
}

static struct iovec any_buffer(struct machine *m)
{
    unsigned what = below(m, 9);
    struct iovec buffer = {m->memory[below(m, 4)], 1 + below(m, 16)};
    if (what == 0)
        buffer = (struct iovec){NULL, 0};
    else if (what == 1)
        buffer.iov_len = 0;
    return buffer;
}

static void note(struct machine *m, int result)
{
    m->good += result >= 0;
}

static void register_files(struct machine *m)
{
    int fds[ITEMS];
    uint64_t tags[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        fds[i] = any_fd(m);
        tags[i] = any_tag(m);
    }
    bool sparse = below(m, 4) == 0;
    bool tagged = below(m, 2) != 0;
    note(m, conform_register_tagged(&m->c, "files", IORING_REGISTER_FILES2, sparse ? NULL : fds,
                                    tagged ? tags : NULL, 1 + below(m, ITEMS), 0));
}

/* All of them good, that there be a table. */
static void register_good_files(struct machine *m)
{
    int fds[ITEMS];
    for (int i = 0; i < ITEMS; i++)
        fds[i] = below(m, 3) != 0 ? m->file : -1;
    note(m, conform_register(&m->c, "good files", IORING_REGISTER_FILES, fds, 1 + below(m, ITEMS)));
}

static void update_files(struct machine *m)
{
    int fds[3] = {any_fd(m), any_fd(m), any_fd(m)};
    struct io_uring_rsrc_update arg = {.offset = below(m, SLOTS), .data = (uintptr_t)fds};
    note(m, conform_register(&m->c, "update", IORING_REGISTER_FILES_UPDATE, &arg, 1 + below(m, 3)));
}

static void update_tagged_files(struct machine *m)
{
    int fds[3] = {any_fd(m), any_fd(m), any_fd(m)};
    uint64_t tags[3] = {any_tag(m), any_tag(m), any_tag(m)};
    note(m, conform_update_tagged(&m->c, "tagged update", IORING_REGISTER_FILES_UPDATE2, below(m, SLOTS), fds,
                                  tags, 1 + below(m, 3)));
}

static void set_range(struct machine *m)
{
    struct io_uring_file_index_range arg = {.off = below(m, SLOTS), .len = below(m, 4)};
    note(m, conform_register(&m->c, "range", IORING_REGISTER_FILE_ALLOC_RANGE, &arg, 0));
}

static void register_buffers(struct machine *m)
{
    struct iovec buffers[4] = {any_buffer(m), any_buffer(m), any_buffer(m), any_buffer(m)};
    uint64_t tags[4] = {any_tag(m), any_tag(m), any_tag(m), any_tag(m)};
    bool sparse = below(m, 4) == 0;
    bool tagged = below(m, 2) != 0;
    note(m, conform_register_tagged(&m->c, "buffers", IORING_REGISTER_BUFFERS2, sparse ? NULL : buffers,
                                    tagged ? tags : NULL, 1 + below(m, 4), 0));
}

static void update_buffers(struct machine *m)
{
    struct iovec buffers[3] = {any_buffer(m), any_buffer(m), any_buffer(m)};
    uint64_t tags[3] = {any_tag(m), any_tag(m), any_tag(m)};
    bool tagged = below(m, 2) != 0;
    note(m, conform_update_tagged(&m->c, "update of buffers", IORING_REGISTER_BUFFERS_UPDATE, below(m, 4),
                                  buffers, tagged ? tags : NULL, 1 + below(m, 3)));
}

static void unregister(struct machine *m, const char *what, unsigned opcode)
{
    if (below(m, 3) == 0)
        note(m, conform_register(&m->c, what, opcode, NULL, 0));
}

static void change_personality(struct machine *m)
{
    unsigned give = below(m, 2);
    unsigned opcode = give != 0 ? IORING_REGISTER_PERSONALITY : IORING_UNREGISTER_PERSONALITY;
    note(m, conform_register(&m->c, "personality", opcode, NULL, give != 0 ? 0 : below(m, 3)));
    conform_sqe(&m->c, 40)->personality = (uint16_t)below(m, 3);
    conform_submit(&m->c);
}

/* By itself: opening may take another way than what ends at once. */
static void open_direct(struct machine *m)
{
    struct io_uring_sqe *sqe = conform_sqe(&m->c, 41);
    unsigned slot = below(m, SLOTS + 2);
    io_uring_prep_openat(sqe, AT_FDCWD, m->c.objects->path(m->c.self), O_RDWR, 0);
    sqe->file_index = slot >= SLOTS ? IORING_FILE_INDEX_ALLOC : slot + 1;
    conform_submit(&m->c);
    conform_take(&m->c, 1);
}

/* A read that waits uses a slot, which is given to another file at once. */
static void wait_in_a_slot(struct machine *m)
{
    unsigned slot = below(m, SLOTS);
    uint64_t tag = any_tag(m);
    int other = below(m, 2) != 0 ? m->file : -1;
    struct io_uring_rsrc_update arg = {.offset = slot, .data = (uintptr_t)&other};
    if (m->waits ||
        conform_update_tagged(&m->c, "wait", IORING_REGISTER_FILES_UPDATE2, slot, &m->empty[0], &tag, 1) != 1)
        return;
    struct io_uring_sqe *sqe = conform_sqe(&m->c, WAITING);
    if (below(m, 2) != 0)
        io_uring_prep_read(sqe, (int)slot, m->memory[0], 1, 0);
    else
        io_uring_prep_read_fixed(sqe, (int)slot, m->memory[1] + 1, 1, 0, (int)below(m, 4));
    sqe->flags |= IOSQE_FIXED_FILE;
    if (below(m, 3) == 0) {
        sqe->flags |= IOSQE_IO_LINK;
        io_uring_prep_close_direct(conform_sqe(&m->c, WAITING + 1), below(m, SLOTS));
    }
    conform_submit(&m->c);
    size_t before = m->c.length;
    conform_take_now(&m->c);
    m->waits = strstr(m->c.transcript + before, "50: ") == NULL;
    note(m, conform_register(&m->c, "update", IORING_REGISTER_FILES_UPDATE, &arg, 1));
}

static void end_the_wait(struct machine *m)
{
    if (!m->waits)
        return;
    m->waits = false;
    if (below(m, 2) != 0) {
        conform_write(&m->c, m->empty[1], "q");
        conform_take(&m->c, 1);
        return;
    }
    io_uring_prep_cancel64(conform_sqe(&m->c, 42), WAITING, 0);
    conform_submit(&m->c);
}

static void prepare_one(struct machine *m, unsigned i, struct io_uring_sqe *sqe)
{
    char *at = m->memory[below(m, 4)] + below(m, 8);
    int slot = (int)below(m, SLOTS);
    switch (below(m, 6)) {
    case 0: return;
    case 1: io_uring_prep_read(sqe, slot, at, 1 + below(m, 4), 0); break;
    case 2:
        for (int k = 0; k < 3; k++)
            m->fds[i][k] = any_fd(m);
        io_uring_prep_files_update(sqe, m->fds[i], 1 + below(m, 3), below(m, 3) != 0 ? slot : -1);
        return;
    case 3: io_uring_prep_close_direct(sqe, (unsigned)slot); return;
    case 4: io_uring_prep_read_fixed(sqe, slot, at, 1 + below(m, 8), 0, (int)below(m, 5)); break;
    default: io_uring_prep_write_fixed(sqe, m->full[1], at, 1 + below(m, 4), 0, (int)below(m, 5)); return;
    }
    sqe->flags |= IOSQE_FIXED_FILE;
}

/* A chain that is not closed runs out of line on the true kernel: the last entry is never linked. */
static void submit_batch(struct machine *m)
{
    unsigned room = io_uring_sq_space_left(&m->c.ring.ring);
    unsigned count = 1 + below(m, room);
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = conform_sqe(&m->c, 10 + i);
        prepare_one(m, i, sqe);
        if (below(m, 20) == 0)
            sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        if (i + 1 < count && below(m, 4) == 0)
            sqe->flags |= below(m, 3) != 0 ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK;
    }
    conform_submit(&m->c);
}

static void step(struct machine *m)
{
    switch (below(m, 20)) {
    case 0: register_files(m); break;
    case 1: register_good_files(m); break;
    case 2: unregister(m, "no files", IORING_UNREGISTER_FILES); break;
    case 3: update_files(m); break;
    case 4: update_tagged_files(m); break;
    case 5: set_range(m); break;
    case 6: register_buffers(m); break;
    case 7: update_buffers(m); break;
    case 8: unregister(m, "no buffers", IORING_UNREGISTER_BUFFERS); break;
    case 9: change_personality(m); break;
    case 10: open_direct(m); break;
    case 11: wait_in_a_slot(m); break;
    case 12: end_the_wait(m); break;
    default: submit_batch(m); break;
    }
    conform_take_now(&m->c);
    /* A refused entry stops its batch: the rest goes in before anything else. */
    while (io_uring_sq_ready(&m->c.ring.ring) > 0) {
        conform_submit(&m->c);
        conform_take_now(&m->c);
    }
}

static void open_objects(struct machine *m)
{
    m->file = conform_file(&m->c, "abcdefghijklmnop");
    conform_pipe(&m->c, m->full);
    conform_pipe(&m->c, m->empty);
    for (int i = 0; i < 40; i++)
        assert_int_equal(m->c.objects->write(m->c.self, m->full[1], "0123456789"), 10);
}

static void run_program(struct machine *m, const struct conform_column *column, uint64_t seed)
{
    static const unsigned flags[] = {0,
                                     0,
                                     0,
                                     IORING_SETUP_SUBMIT_ALL,
                                     IORING_SETUP_CQE32,
                                     IORING_SETUP_COOP_TASKRUN,
                                     IORING_SETUP_SINGLE_ISSUER,
                                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    struct sr_backend backend;
    memset(m, 0, sizeof *m);
    memset(m->memory, 'm', sizeof m->memory);
    m->state = seed;
    if (column->open(&backend, &m->c.objects, &m->c.self) != 0)
        skip();
    unsigned entries = below(m, 3) == 0 ? 2 : 8;
    assert_int_equal(raw_ring_open(&m->c.ring, backend, entries, flags[below(m, 8)]), 0);
    open_objects(m);
    for (int i = 0; i < STEPS && m->c.length < sizeof m->c.transcript - 700; i++)
        step(m);
    conform_data(&m->c, m->memory, sizeof m->memory);
    raw_ring_close(&m->c.ring);
    conform_close(&m->c, m->file);
    conform_close_both(&m->c, m->full);
    conform_close_both(&m->c, m->empty);
    column->close(&backend, m->c.self);
}

/* The program up to its first difference. */
static void say_difference(uint64_t seed, const struct conform *truth, const struct conform *other)
{
    size_t same = 0;
    while (truth->transcript[same] == other->transcript[same])
        same++;
    while (same > 0 && truth->transcript[same - 1] != '\n')
        same--;
    const char *one = truth->transcript + same;
    const char *two = other->transcript + same;
    fprintf(stderr, "---- program %llu ----\n%.*strue kernel: %.*s\nthe other: %.*s\n",
            (unsigned long long)seed, (int)same, truth->transcript, (int)strcspn(one, "\n"), one,
            (int)strcspn(two, "\n"), two);
}

static void compare_with(const struct conform_column *column)
{
    static struct machine truth;
    static struct machine other;
    unsigned different = 0;
    unsigned good = 0;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        run_program(&truth, &conform_uring, seed);
        run_program(&other, column, seed);
        good += truth.good;
        if (strcmp(truth.c.transcript, other.c.transcript) == 0)
            continue;
        say_difference(seed, &truth.c, &other.c);
        different++;
    }
    assert_int_equal(different, 0);
    assert_true(good > PROGRAMS * 5); /* most are refused, but not all */
}

static void registration_programs_on_the_engine(void **state)
{
    (void)state;
    compare_with(&conform_engine);
}

static void registration_programs_on_the_simulated_kernel(void **state)
{
    (void)state;
    compare_with(&conform_sim);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(registration_programs_on_the_engine),
    cmocka_unit_test(registration_programs_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
