/*
 * What becomes of a batch: every pair of kinds of entries with every pair of flags of entries, and every three of fewer
 * kinds, on the true kernel and on the engine, compared program by program.
 *
 * No expectation is written down here: the true kernel is asked when the test runs, and where there is none it is skipped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define LINK IOSQE_IO_LINK
#define HARD IOSQE_IO_HARDLINK
#define DRAIN IOSQE_IO_DRAIN
#define SKIP IOSQE_CQE_SKIP_SUCCESS
#define ASYNC IOSQE_ASYNC
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

#define PATIENCE_NS UINT64_C(20000000)
#define SOON_NS 100000
#define SHOWN 10
#define TRIES 5

enum kind {
    WORKS,
    FAILS,   /* when it is issued: a descriptor that is none */
    REFUSED, /* when it is prepared: an opcode that is none */
    SHORT,   /* a read of more than there is */
    LIMITS,  /* a link timeout far away */
    WAITS,   /* a receive that waits until the batch is submitted */
    CANCELS, /* a cancel of the entry before it */
    PROMPT_KINDS,
    EXPIRES = PROMPT_KINDS, /* a timeout, soon */
    PASSES,                 /* the same, as a success */
    KINDS
};

static const char *const kind_names[KINDS] = {"works", "fails",   "refused", "short", "limits",
                                              "waits", "cancels", "expires", "passes"};

struct entry {
    enum kind kind;
    unsigned flags;
};

struct answer {
    uint64_t user_data;
    int32_t result;
};

/* A kernel with its objects, and what a program was answered there. */
struct side {
    const struct conform_column *column;
    unsigned setup_flags;
    struct sr_backend backend;
    const struct conform_objects *objects;
    void *self;
    int file;
    int submitted;
    unsigned early; /* answers before anything was written to those who wait */
    unsigned count;
    struct answer answers[32];
};

static void prepare(struct side *side, struct raw_ring *ring, uint64_t number, struct entry entry,
                    int waiting)
{
    static struct __kernel_timespec soon = {.tv_nsec = SOON_NS};
    static struct __kernel_timespec far = {.tv_sec = 60};
    static char bytes[8][16];
    struct io_uring_sqe *sqe = raw_ring_sqe(ring, number);
    assert_non_null(sqe);
    switch (entry.kind) {
    case WORKS: break;
    case FAILS: io_uring_prep_read(sqe, 12345, bytes[number], 1, 0); break;
    case REFUSED: sqe->opcode = 250; break;
    case SHORT: io_uring_prep_read(sqe, side->file, bytes[number], 16, 0); break;
    case EXPIRES: io_uring_prep_timeout(sqe, &soon, 0, 0); break;
    case PASSES: io_uring_prep_timeout(sqe, &soon, 0, IORING_TIMEOUT_ETIME_SUCCESS); break;
    case LIMITS: io_uring_prep_link_timeout(sqe, &far, 0); break;
    case WAITS: io_uring_prep_recv(sqe, waiting, bytes[number], 1, 0); break;
    case CANCELS: io_uring_prep_cancel64(sqe, number - 1, 0); break;
    case KINDS: break;
    }
    sqe->user_data = number;
    sqe->flags = (uint8_t)entry.flags;
}

/* Takes what comes, until there are `owed` answers in all, or none comes for a while. */
static void take(struct side *side, struct raw_ring *ring, unsigned owed, uint64_t patience_ns)
{
    struct io_uring_cqe cqe;
    while (side->count < owed && raw_ring_wait(ring, 1, patience_ns) == 0) {
        while (raw_ring_take(ring, &cqe))
            side->answers[side->count++] = (struct answer){cqe.user_data, cqe.res};
    }
}

static unsigned count_of(const struct entry *entries, unsigned count, enum kind kind)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        found += entries[i].kind == kind;
    return found;
}

/*
 * `like`: the side that has gone before, which tells how many answers to be patient for; NULL: what is late is so by SOON_NS.
 * Each new attempt is more patient: the machine may be busy.
 */
static void run(struct side *side, const struct entry *entries, unsigned count, const struct side *like,
                unsigned attempt)
{
    bool late = count_of(entries, count, EXPIRES) + count_of(entries, count, PASSES) > 0;
    const uint64_t engine_ns = late ? 4 * SOON_NS : SOON_NS / 4;
    const uint64_t patience_ns = (like != NULL ? PATIENCE_NS : engine_ns) << (3 * attempt);
    struct raw_ring ring;
    int ends[2];
    side->count = 0;
    assert_int_equal(raw_ring_open(&ring, side->backend, 8, side->setup_flags), 0);
    side->objects->socketpair(side->self, ends);
    for (unsigned i = 0; i < count; i++)
        prepare(side, &ring, i + 1, entries[i], ends[0]);
    raw_ring_sqe(&ring, count + 1);
    side->submitted = raw_ring_submit(&ring);
    take(side, &ring, like != NULL ? like->early : 32, patience_ns);
    side->early = side->count;
    for (unsigned i = count_of(entries, count, WAITS); i > 0; i--)
        side->objects->write(side->self, ends[1], "x");
    raw_ring_get_events(&ring); /* they are woken before anything else begins */
    raw_ring_submit(&ring);
    take(side, &ring, like != NULL ? like->count : 32, patience_ns);
    take(side, &ring, 32, 0);
    raw_ring_close(&ring);
    side->objects->close(side->self, ends[0]);
    side->objects->close(side->self, ends[1]);
}

static int by_user_data(const void *one, const void *other)
{
    const struct answer *a = one;
    const struct answer *b = other;
    return a->user_data < b->user_data ? -1 : a->user_data > b->user_data;
}

static unsigned with_flag(const struct entry *entries, unsigned count, unsigned flag)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        found += (entries[i].flags & flag) != 0;
    return found;
}

/* What a drain lets go, and what is asynchronous, runs on threads of the true kernel, and several that wait are woken in an order of its own. */
static bool is_ordered(const struct entry *entries, unsigned count)
{
    return with_flag(entries, count, DRAIN | ASYNC) == 0 && count_of(entries, count, WAITS) < 2;
}

/* There a cancel may be faster than what it cancels: nobody can tell what becomes of that. */
static bool is_determined(const struct entry *entries, unsigned count)
{
    return with_flag(entries, count, DRAIN | ASYNC) == 0 || count_of(entries, count, CANCELS) == 0;
}

static bool are_equal(struct side sides[2], bool ordered)
{
    if (sides[0].submitted != sides[1].submitted || sides[0].count != sides[1].count)
        return false;
    for (int i = 0; i < 2 && !ordered; i++)
        qsort(sides[i].answers, sides[i].count, sizeof sides[i].answers[0], by_user_data);
    for (unsigned i = 0; i < sides[0].count; i++) {
        if (sides[0].answers[i].user_data != sides[1].answers[i].user_data ||
            sides[0].answers[i].result != sides[1].answers[i].result)
            return false;
    }
    return true;
}

static void print_program(const struct entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        print_error("%s%s%s%s%s%s, ", kind_names[entries[i].kind], entries[i].flags & LINK ? " LINK" : "",
                    entries[i].flags & HARD ? " HARD" : "", entries[i].flags & DRAIN ? " DRAIN" : "",
                    entries[i].flags & SKIP ? " SKIP" : "", entries[i].flags & ASYNC ? " ASYNC" : "");
    print_error("works\n");
}

static void print_side(const struct side *side)
{
    print_error("    %-24s %d:", side->column->name, side->submitted);
    for (unsigned i = 0; i < side->count; i++)
        print_error(" %llu:%d", (unsigned long long)side->answers[i].user_data, side->answers[i].result);
    print_error("\n");
}

struct tally {
    unsigned compared;
    unsigned different;
};

/* A machine that is busy may let a timeout expire before its batch has ended: what differs each time is a difference. */
static bool differs(struct side sides[2], const struct entry *entries, unsigned count)
{
    for (unsigned i = 0; i < TRIES; i++) {
        run(&sides[1], entries, count, NULL, i);
        run(&sides[0], entries, count, &sides[1], i);
        if (are_equal(sides, is_ordered(entries, count)))
            return false;
    }
    return true;
}

static void compare(struct side sides[2], const struct entry *entries, unsigned count, struct tally *tally)
{
    if (!is_determined(entries, count))
        return;
    tally->compared++;
    if (!differs(sides, entries, count))
        return;
    if (tally->different++ >= SHOWN)
        return;
    print_program(entries, count);
    print_side(&sides[0]);
    print_side(&sides[1]);
}

static void open_sides(struct side sides[2], const struct conform_column *column, unsigned setup_flags)
{
    sides[0].column = &conform_uring;
    sides[1].column = column;
    for (int i = 0; i < 2; i++) {
        sides[i].setup_flags = setup_flags;
        if (sides[i].column->open(&sides[i].backend, &sides[i].objects, &sides[i].self) != 0)
            skip();
        sides[i].file = sides[i].objects->file(sides[i].self, "abc");
    }
}

static void close_sides(struct side sides[2])
{
    for (int i = 0; i < 2; i++) {
        sides[i].objects->close(sides[i].self, sides[i].file);
        sides[i].column->close(&sides[i].backend, sides[i].self);
    }
}

static const unsigned flags_of_two[] = {0,           LINK,        HARD,        DRAIN,        SKIP,
                                        LINK | SKIP, HARD | SKIP, LINK | HARD, LINK | DRAIN, HARD | DRAIN};
static const unsigned flags_of_three[] = {0, LINK, HARD, LINK | SKIP, HARD | SKIP, SKIP, DRAIN, LINK | DRAIN};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `more` is added to the flags of the first. */
static void all_pairs(struct side sides[2], unsigned kinds, unsigned more, struct tally *tally)
{
    struct entry entries[2];
    for (unsigned i = 0; i < kinds * kinds; i++) {
        for (unsigned j = 0; j < COUNT(flags_of_two) * COUNT(flags_of_two); j++) {
            entries[0] = (struct entry){(enum kind)(i / kinds), more | flags_of_two[j / COUNT(flags_of_two)]};
            entries[1] = (struct entry){(enum kind)(i % kinds), flags_of_two[j % COUNT(flags_of_two)]};
            compare(sides, entries, 2, tally);
        }
    }
}

static void all_threes(struct side sides[2], const enum kind *kinds, unsigned kind_count, struct tally *tally)
{
    unsigned flag_count = COUNT(flags_of_three);
    unsigned each = kind_count * flag_count;
    struct entry entries[3];
    for (unsigned i = 0; i < each * each * each; i++) {
        unsigned rest = i;
        for (unsigned k = 0; k < 3; k++, rest /= each) {
            unsigned one = rest % each;
            entries[k] = (struct entry){kinds[one / flag_count], flags_of_three[one % flag_count]};
        }
        compare(sides, entries, 3, tally);
    }
}

static void pairs_on(const struct conform_column *column, unsigned kinds, unsigned more, unsigned setup_flags)
{
    struct side sides[2];
    struct tally tally = {0, 0};
    open_sides(sides, column, setup_flags);
    all_pairs(sides, kinds, more, &tally);
    close_sides(sides);
    print_message("%u of %u programs differ\n", tally.different, tally.compared);
    assert_int_equal(tally.different, 0);
    assert_true(tally.compared > 0);
}

static void threes_on(const struct conform_column *column, const enum kind *kinds, unsigned kind_count)
{
    struct side sides[2];
    struct tally tally = {0, 0};
    open_sides(sides, column, 0);
    all_threes(sides, kinds, kind_count, &tally);
    close_sides(sides);
    print_message("%u of %u programs differ\n", tally.different, tally.compared);
    assert_int_equal(tally.different, 0);
    assert_true(tally.compared > 0);
}

static const enum kind plain_kinds[] = {WORKS, FAILS, REFUSED};
static const enum kind limited_kinds[] = {WAITS, LIMITS, CANCELS};

/* Every pair on the engine over this machine's descriptors (BACK-1). */
static void every_pair_on_the_engine(void **state)
{
    (void)state;
    pairs_on(&conform_engine, PROMPT_KINDS, 0, 0);
}

/* Every pair on the simulated kernel (BACK-1). */
static void every_pair_on_the_simulated_kernel(void **state)
{
    (void)state;
    pairs_on(&conform_sim, KINDS, 0, 0);
}

/* Every pair where completions are asked for. */
static void every_pair_where_work_is_deferred(void **state)
{
    (void)state;
    pairs_on(&conform_sim, KINDS, 0, DEFERRED);
}

/* Every pair where a refused entry does not stop its batch. */
static void every_pair_where_all_is_submitted(void **state)
{
    (void)state;
    pairs_on(&conform_sim, KINDS, 0, IORING_SETUP_SUBMIT_ALL);
}

/* Every pair whose first entry is asynchronous. */
static void every_pair_with_an_asynchronous_one(void **state)
{
    (void)state;
    pairs_on(&conform_sim, KINDS, ASYNC, 0);
}

/* Every three of what ends at once. */
static void threes_that_end_at_once(void **state)
{
    (void)state;
    threes_on(&conform_sim, plain_kinds, COUNT(plain_kinds));
}

/* Every three of what waits, what limits it and what cancels it. */
static void threes_that_wait(void **state)
{
    (void)state;
    threes_on(&conform_sim, limited_kinds, COUNT(limited_kinds));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_pair_on_the_engine),
    cmocka_unit_test(every_pair_on_the_simulated_kernel),
    cmocka_unit_test(every_pair_where_work_is_deferred),
    cmocka_unit_test(every_pair_where_all_is_submitted),
    cmocka_unit_test(every_pair_with_an_asynchronous_one),
    cmocka_unit_test(threes_that_end_at_once),
    cmocka_unit_test(threes_that_wait),
};

SR_TEST_MAIN(tests)
