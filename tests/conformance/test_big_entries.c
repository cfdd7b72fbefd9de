/*
 * IORING_SETUP_SQE128 and IORING_SETUP_CQE32: entries of twice the size, alone and together, in every place that counts
 * entries.
 */
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define BOTH (IORING_SETUP_SQE128 | IORING_SETUP_CQE32)

/* The words beyond an ordinary CQE, of the next one there is. */
static void say_extra(struct conform *c)
{
    const struct io_uring_cq *cq = &c->ring.ring.cq;
    const struct io_uring_cqe *cqe = &cq->cqes[(*cq->khead & cq->ring_mask) << 1];
    conform_say(c, "extra %llu %llu, ", (unsigned long long)cqe->big_cqe[0],
                (unsigned long long)cqe->big_cqe[1]);
}

static void take_with_extra(struct conform *c, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        say_extra(c);
        conform_take(c, 1);
    }
}

static void nops_go_round_more_than_once(struct conform *c)
{
    for (uint64_t i = 1; i <= 40; i += 8) {
        for (uint64_t j = i; j < i + 8; j++)
            conform_sqe(c, j);
        conform_submit(c);
        conform_take(c, 8);
    }
}

static void the_memory_between_completions_is_cleared(struct conform *c)
{
    struct io_uring_cq *cq = &c->ring.ring.cq;
    memset(cq->cqes, 0xff, (size_t)cq->ring_entries * 2 * sizeof(struct io_uring_cqe));
    conform_sqe(c, 1);
    conform_sqe(c, 2)->opcode = 250;
    conform_submit(c);
    take_with_extra(c, 2);
}

static void what_finds_no_room_keeps_its_size(struct conform *c)
{
    for (uint64_t i = 1; i <= 12; i += 4) {
        for (uint64_t j = i; j < i + 4; j++)
            conform_sqe(c, j);
        conform_submit(c);
    }
    struct io_uring_cq *cq = &c->ring.ring.cq;
    conform_take(c, 8);
    memset(cq->cqes, 0xff, (size_t)cq->ring_entries * 2 * sizeof(struct io_uring_cqe));
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    take_with_extra(c, 4);
}

/* An ordinary operation does not look at the second half of its entry. */
static void the_second_half_is_not_looked_at(struct conform *c)
{
    char bytes[3];
    int fd = conform_file(c, "abc");
    for (uint64_t i = 1; i <= 2; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i);
        memset(sqe + 1, 0xff, sizeof *sqe);
        io_uring_prep_read(sqe, fd, bytes, 3, 0);
        sqe->user_data = i;
    }
    conform_submit(c);
    conform_take(c, 2);
    conform_data(c, bytes, 3);
    conform_close(c, fd);
}

static void links_and_refusals_stride_over_whole_entries(struct conform *c)
{
    conform_sqe(c, 1)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_sqe(c, 3)->opcode = 250;
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 3);
    conform_submit(c);
    conform_take(c, 1);
}

static void the_array_names_whole_entries(struct conform *c)
{
    struct io_uring_sq *sq = &c->ring.ring.sq;
    for (unsigned i = 0; i < 4; i++) {
        struct io_uring_sqe *sqe = &sq->sqes[i * 2];
        memset(sqe, 0, 2 * sizeof *sqe);
        sqe->user_data = i;
    }
    for (unsigned i = 0; i < 4; i++)
        sq->array[i] = 3 - i;
    io_uring_smp_store_release(sq->ktail, 4);
    conform_value(c, "enter",
                  c->ring.backend.vtable->enter(c->ring.backend.self, c->ring.fd, 4, 0, 0, NULL, 0));
    conform_take(c, 4);
    sq->sqe_head = sq->sqe_tail = 4;
}

static void an_index_beyond_the_entries_is_dropped(struct conform *c)
{
    struct io_uring_sq *sq = &c->ring.ring.sq;
    sq->array[0] = 8;
    io_uring_smp_store_release(sq->ktail, 1);
    conform_value(c, "enter",
                  c->ring.backend.vtable->enter(c->ring.backend.self, c->ring.fd, 1, 0, 0, NULL, 0));
    conform_say(c, "dropped: %u\n", *sq->kdropped);
    conform_take_now(c);
    sq->sqe_head = sq->sqe_tail = 1;
}

#define FORTY_NOPS                                                        \
    "submit: 8\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n6: 0\n7: 0\n8: 0\n"         \
    "submit: 8\n9: 0\n10: 0\n11: 0\n12: 0\n13: 0\n14: 0\n15: 0\n16: 0\n"  \
    "submit: 8\n17: 0\n18: 0\n19: 0\n20: 0\n21: 0\n22: 0\n23: 0\n24: 0\n" \
    "submit: 8\n25: 0\n26: 0\n27: 0\n28: 0\n29: 0\n30: 0\n31: 0\n32: 0\n" \
    "submit: 8\n33: 0\n34: 0\n35: 0\n36: 0\n37: 0\n38: 0\n39: 0\n40: 0\n"

static const struct conform_case cases[] = {
    {.name = "NOPs go round, large SQEs",
     .run = nops_go_round_more_than_once,
     .expected = FORTY_NOPS,
     .setup_flags = IORING_SETUP_SQE128},
    {.name = "NOPs go round, large CQEs",
     .run = nops_go_round_more_than_once,
     .expected = FORTY_NOPS,
     .setup_flags = IORING_SETUP_CQE32},
    {.name = "NOPs go round, both large",
     .run = nops_go_round_more_than_once,
     .expected = FORTY_NOPS,
     .setup_flags = BOTH},
    {.name = "the extra words of a CQE are cleared",
     .run = the_memory_between_completions_is_cleared,
     .expected = "submit: 2\nextra 0 0, 1: 0\nextra 0 0, 2: EINVAL\n",
     .setup_flags = IORING_SETUP_CQE32},
    {.name = "what finds no room keeps its size",
     .run = what_finds_no_room_keeps_its_size,
     .expected = "submit: 4\nsubmit: 4\nsubmit: 4\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n6: 0\n7: 0\n8: 0\n"
                 "get_events: 0\nextra 0 0, 9: 0\nextra 0 0, 10: 0\nextra 0 0, 11: 0\nextra 0 0, 12: 0\n",
     .setup_flags = IORING_SETUP_CQE32,
     .entries = 4},
    {.name = "the second half of an SQE is not looked at",
     .run = the_second_half_is_not_looked_at,
     .expected = "submit: 2\n1: 3\n2: 3\ndata: abc\n",
     .setup_flags = IORING_SETUP_SQE128},
    {.name = "links and refusals stride over whole SQEs",
     .run = links_and_refusals_stride_over_whole_entries,
     .expected = "submit: 3\n1: 0\n3: EINVAL\n2: 0\nsubmit: 1\n4: 0\n",
     .setup_flags = IORING_SETUP_SQE128},
    {.name = "the array names whole SQEs",
     .run = the_array_names_whole_entries,
     .expected = "enter: 4\n3: 0\n2: 0\n1: 0\n0: 0\n",
     .setup_flags = IORING_SETUP_SQE128},
    {.name = "an index beyond the large SQEs is dropped",
     .run = an_index_beyond_the_entries_is_dropped,
     .expected = "enter: 0\ndropped: 1\nnothing\n",
     .setup_flags = IORING_SETUP_SQE128},
    {.name = "an index beyond the SQEs is dropped",
     .run = an_index_beyond_the_entries_is_dropped,
     .expected = "enter: 0\ndropped: 1\nnothing\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void big_entries_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void big_entries_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void big_entries_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(big_entries_on_io_uring),
    cmocka_unit_test(big_entries_on_the_engine),
    cmocka_unit_test(big_entries_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
