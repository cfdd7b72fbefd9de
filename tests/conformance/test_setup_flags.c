/*
 * io_uring_setup: every pair of flags, sizes, reserved fields, and what it tells of the ring it made.
 */
#include <errno.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

/* Linux 6.1 has so many flags; bit i of a ring's flags is the i-th. */
#define FLAGS 14

static int setup(struct conform *c, unsigned entries, struct io_uring_params *params)
{
    const struct sr_backend *backend = &c->ring.backend;
    int ring = backend->vtable->setup(backend->self, entries, params);
    if (ring < 0)
        return ring;
    backend->vtable->close(backend->self, ring);
    return 0;
}

static char letter(int rc)
{
    switch (rc) {
    case 0: return '.';
    case -EINVAL: return 'I';
    case -ENXIO: return 'X';
    default: return '?';
    }
}

/* One row for each flag, in it one letter for each flag beside it: '.' a ring, 'I' EINVAL, 'X' ENXIO. */
static void pairs(struct conform *c, int wq_fd)
{
    for (unsigned i = 0; i < FLAGS; i++) {
        char row[FLAGS + 1] = {0};
        for (unsigned j = 0; j < FLAGS; j++) {
            struct io_uring_params params = {.flags = 1u << i | 1u << j,
                                             .cq_entries = 16,
                                             .wq_fd = (uint32_t)wq_fd};
            row[j] = letter(setup(c, 8, &params));
        }
        conform_say(c, "%s\n", row);
    }
}

static void pairs_beside_a_ring(struct conform *c)
{
    pairs(c, c->ring.fd);
}

static void pairs_beside_no_ring(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pairs(c, ends[0]);
    conform_close_both(c, ends);
}

static void pairs_beside_nothing(struct conform *c)
{
    pairs(c, 12345);
}

/* Every three flags that make a ring, as one number for each first flag: how many such pairs of others there are. */
static void threes_of_flags(struct conform *c)
{
    for (unsigned i = 0; i < FLAGS; i++) {
        unsigned count = 0;
        for (unsigned j = 0; j < FLAGS; j++) {
            for (unsigned k = 0; k < FLAGS; k++) {
                struct io_uring_params params = {.flags = 1u << i | 1u << j | 1u << k,
                                                 .cq_entries = 16,
                                                 .wq_fd = (uint32_t)c->ring.fd};
                count += setup(c, 8, &params) == 0;
            }
        }
        conform_say(c, "%u ", count);
    }
    conform_say(c, "\n");
}

static void size(struct conform *c, unsigned entries, unsigned flags, unsigned cq_entries)
{
    struct io_uring_params params = {.flags = flags, .cq_entries = cq_entries};
    int rc = setup(c, entries, &params);
    if (rc != 0)
        conform_value(c, "refused", rc);
    else
        conform_say(c, "%u SQEs, %u CQEs\n", params.sq_entries, params.cq_entries);
}

static void sizes_at_their_limits(struct conform *c)
{
    size(c, 32768, 0, 0);
    size(c, 32769, 0, 0);
    size(c, UINT32_MAX, IORING_SETUP_CLAMP, 0);
    size(c, 0, IORING_SETUP_CLAMP, 0);
    size(c, 32768, IORING_SETUP_SQE128 | IORING_SETUP_CQE32, 0);
    size(c, 1, IORING_SETUP_CQSIZE, 1);
    size(c, 5, IORING_SETUP_CQSIZE, 5);
    size(c, 5, IORING_SETUP_CQSIZE, 4);
    size(c, 4, IORING_SETUP_CQSIZE, 65536);
    size(c, 4, IORING_SETUP_CQSIZE, 65537);
    size(c, 4, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, 65537);
    size(c, 4, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, 0);
    size(c, 4, 0, 64);
}

static void reserved_words_must_be_zero(struct conform *c)
{
    for (unsigned i = 0; i < 3; i++) {
        struct io_uring_params params = {0};
        params.resv[i] = 1;
        conform_value(c, "a word is set", setup(c, 8, &params));
    }
}

static void processors_are_looked_up_for_a_thread(struct conform *c)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF};
    conform_value(c, "the first", setup(c, 8, &params));
    params.sq_thread_cpu = 100000;
    conform_value(c, "none", setup(c, 8, &params));
    params.flags = IORING_SETUP_SQPOLL;
    conform_value(c, "none, and not asked for", setup(c, 8, &params));
    params.flags = 0;
    conform_value(c, "without a thread", setup(c, 8, &params));
}

static void memory_that_cannot_be_read_is_refused(struct conform *c)
{
    conform_value(c, "nothing", setup(c, 8, NULL));
    conform_value(c, "a bad pointer", setup(c, 8, (void *)(uintptr_t)16));
}

static void what_is_told_replaces_what_was_there(struct conform *c)
{
    struct io_uring_params params;
    memset(&params, 0xff, sizeof params);
    params.flags = 0;
    params.resv[0] = params.resv[1] = params.resv[2] = 0;
    conform_value(c, "setup", setup(c, 8, &params));
    conform_say(c, "%u SQEs, %u CQEs, a worker queue of %d\n", params.sq_entries, params.cq_entries,
                (int)params.wq_fd);
    conform_say(c, "reserved: %u %llu %u %llu\n", params.sq_off.resv1,
                (unsigned long long)params.sq_off.resv2, params.cq_off.resv1,
                (unsigned long long)params.cq_off.resv2);
    conform_say(c, "a feature that nobody has: %s\n", params.features >> 31 != 0 ? "told" : "not told");
}

static void offsets_lead_to_the_words(struct conform *c)
{
    const struct io_uring_params *params = &c->ring.params;
    const struct io_uring *ring = &c->ring.ring;
    conform_say(c, "SQ: mask %u, entries %u, head %u, tail %u, dropped %u\n", *ring->sq.kring_mask,
                *ring->sq.kring_entries, *ring->sq.khead, *ring->sq.ktail, *ring->sq.kdropped);
    conform_say(c, "CQ: mask %u, entries %u, head %u, tail %u, overflow %u, flags %u\n", *ring->cq.kring_mask,
                *ring->cq.kring_entries, *ring->cq.khead, *ring->cq.ktail, *ring->cq.koverflow,
                *ring->cq.kflags);
    conform_say(c, "CQEs lie at a multiple of their size: %s\n",
                params->cq_off.cqes % 16 == 0 ? "yes" : "no");
}

static void every_feature_of_6_1_is_there(struct conform *c)
{
    conform_say(c, "%#x\n", c->ring.params.features & ((IORING_FEAT_LINKED_FILE << 1) - 1));
}

static void maps(struct conform *c, const char *what, uint64_t offset, size_t length)
{
    const struct sr_backend *backend = &c->ring.backend;
    void *memory;
    int rc = backend->vtable->map(backend->self, c->ring.fd, offset, length, &memory);
    if (rc == 0)
        backend->vtable->unmap(backend->self, memory, length);
    conform_value(c, what, rc);
}

static void a_ring_has_three_mappings(struct conform *c)
{
    maps(c, "rings", IORING_OFF_SQ_RING, 64);
    maps(c, "completions", IORING_OFF_CQ_RING, 64);
    maps(c, "entries", IORING_OFF_SQES, 8 * sizeof(struct io_uring_sqe));
    maps(c, "nothing", IORING_OFF_SQES, 0);
}

static const struct conform_case cases[] = {
    {.name = "pairs of flags, beside a ring",
     .run = pairs_beside_a_ring,
     .expected = "..I......I...I\n.....I..II...I\nI.IIIIIIIIIIII\n..I......I...I\n..I......I...I\n"
                 ".II......I...I\n..I......I...I\n..I......I...I\n.II..........I\nIIIIIIII.IIIII\n"
                 "..I......I...I\n..I......I...I\n..I......I....\nIIIIIIIIIIII.I\n"},
    {.name = "pairs of flags, beside a ring with a thread",
     .run = pairs_beside_a_ring,
     .expected = "..I......I...I\n........II...I\nI.IIIIIIIIIIII\n..I......I...I\n..I......I...I\n"
                 "..I......I...I\n..I......I...I\n..I......I...I\n.II..........I\nIIIIIIII.IIIII\n"
                 "..I......I...I\n..I......I...I\n..I......I....\nIIIIIIIIIIII.I\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "pairs of flags, beside no ring",
     .run = pairs_beside_no_ring,
     .expected = "..I..I...I...I\n.....I..II...I\nI.IIIIIIIIIIII\n..I..I...I...I\n..I..I...I...I\n"
                 "IIIIIIIIIIIIII\n..I..I...I...I\n..I..I...I...I\n.II..I.......I\nIIIIIIII.IIIII\n"
                 "..I..I...I...I\n..I..I...I...I\n..I..I...I....\nIIIIIIIIIIII.I\n"},
    {.name = "pairs of flags, beside nothing",
     .run = pairs_beside_nothing,
     .expected = "..I..X...I...I\n.....X..II...I\nI.IIIXIIIIIIII\n..I..X...I...I\n..I..X...I...I\n"
                 "XXXXXXXXXIXXXI\n..I..X...I...I\n..I..X...I...I\n.II..X.......I\nIIIIIIII.IIIII\n"
                 "..I..X...I...I\n..I..X...I...I\n..I..X...I....\nIIIIIIIIIIII.I\n"},
    {.name = "threes of flags",
     .run = threes_of_flags,
     .expected = "123 100 19 123 123 104 123 123 123 23 123 123 144 23 \n"},
    {.name = "threes of flags, beside a ring with a thread",
     .run = threes_of_flags,
     .expected = "125 121 21 125 125 125 125 125 123 23 125 125 146 23 \n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "sizes at their limits",
     .run = sizes_at_their_limits,
     .expected =
         "32768 SQEs, 65536 CQEs\nrefused: EINVAL\n32768 SQEs, 65536 CQEs\nrefused: EINVAL\n"
         "32768 SQEs, 65536 CQEs\n1 SQEs, 1 CQEs\n8 SQEs, 8 CQEs\nrefused: EINVAL\n"
         "4 SQEs, 65536 CQEs\nrefused: EINVAL\n4 SQEs, 65536 CQEs\nrefused: EINVAL\n4 SQEs, 8 CQEs\n"},
    {.name = "reserved words must be zero",
     .run = reserved_words_must_be_zero,
     .expected = "a word is set: EINVAL\na word is set: EINVAL\na word is set: EINVAL\n"},
    {.name = "processors are looked up for a thread",
     .run = processors_are_looked_up_for_a_thread,
     .expected = "the first: 0\nnone: EINVAL\nnone, and not asked for: 0\nwithout a thread: 0\n"},
    {.name = "memory that can't be read is refused",
     .run = memory_that_cannot_be_read_is_refused,
     .expected = "nothing: EFAULT\na bad pointer: EFAULT\n"},
    {.name = "what is told replaces what was there",
     .run = what_is_told_replaces_what_was_there,
     .expected = "setup: 0\n8 SQEs, 16 CQEs, a worker queue of -1\nreserved: 0 0 0 0\n"
                 "a feature that nobody has: not told\n"},
    {.name = "offsets lead to the words",
     .run = offsets_lead_to_the_words,
     .expected = "SQ: mask 7, entries 8, head 0, tail 0, dropped 0\n"
                 "CQ: mask 15, entries 16, head 0, tail 0, overflow 0, flags 0\n"
                 "CQEs lie at a multiple of their size: yes\n"},
    {.name = "every feature of 6.1 is there", .run = every_feature_of_6_1_is_there, .expected = "0x1fff\n"},
    {.name = "a ring has three mappings",
     .run = a_ring_has_three_mappings,
     .expected = "rings: 0\ncompletions: 0\nentries: 0\nnothing: EINVAL\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void setup_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void setup_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void setup_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(setup_on_io_uring),
    cmocka_unit_test(setup_on_the_engine),
    cmocka_unit_test(setup_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
