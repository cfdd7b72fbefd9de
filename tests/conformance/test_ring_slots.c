/*
 * Registered rings: a ring entered by a slot of the thread's.
 */
#include <errno.h>
#include <string.h>

#include "support/conform_register.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)
#define ANY UINT32_MAX

static struct io_uring_rsrc_update slot_of(unsigned slot, int fd)
{
    return (struct io_uring_rsrc_update){.offset = slot, .data = (unsigned)fd};
}

static int give(struct conform *c, const char *what, struct io_uring_rsrc_update *slots, unsigned count)
{
    return conform_register(c, what, IORING_REGISTER_RING_FDS, slots, count);
}

static int take(struct conform *c, const char *what, struct io_uring_rsrc_update *slots, unsigned count)
{
    return conform_register(c, what, IORING_UNREGISTER_RING_FDS, slots, count);
}

static void take_slot(struct conform *c, unsigned slot)
{
    struct io_uring_rsrc_update at = slot_of(slot, 0);
    take(c, "take", &at, 1);
}

static void enter(struct conform *c, const char *what, int fd, unsigned to_submit, unsigned flags)
{
    conform_value(c, what,
                  c->ring.backend.vtable->enter(c->ring.backend.self, fd, to_submit, 0,
                                                flags | IORING_ENTER_REGISTERED_RING, NULL, 0));
}

/* Publishes what was prepared and enters by a slot. */
static void submit_by(struct conform *c, int slot)
{
    unsigned count = io_uring_sq_ready(&c->ring.ring);
    __atomic_store_n(c->ring.ring.sq.ktail, c->ring.ring.sq.sqe_tail, __ATOMIC_RELEASE);
    c->ring.ring.sq.sqe_head = c->ring.ring.sq.sqe_tail;
    enter(c, "submit by slot", slot, count, 0);
}

static void a_ring_is_entered_by_its_slot(struct conform *c)
{
    struct io_uring_rsrc_update slot = slot_of(ANY, c->ring.fd);
    give(c, "register", &slot, 1);
    conform_value(c, "slot", slot.offset);
    conform_sqe(c, 1);
    submit_by(c, 0);
    conform_take(c, 1);
    take_slot(c, 0);
    enter(c, "no more", 0, 0, 0);
}

static void slots_without_a_ring_are_bad(struct conform *c)
{
    struct io_uring_rsrc_update slot = slot_of(3, c->ring.fd);
    enter(c, "before any", 0, 0, 0);
    give(c, "register", &slot, 1);
    enter(c, "an empty slot", 2, 0, 0);
    enter(c, "the slot", 3, 0, 0);
    enter(c, "beyond", 16, 0, 0);
    enter(c, "negative", -1, 0, 0);
    enter(c, "an unknown flag", 3, 0, 1u << 30);
    take_slot(c, 3);
}

static void any_free_slot_is_the_lowest(struct conform *c)
{
    struct io_uring_rsrc_update slots[3] = {slot_of(1, c->ring.fd), slot_of(ANY, c->ring.fd),
                                            slot_of(ANY, c->ring.fd)};
    give(c, "register", slots, 3);
    conform_say(c, "slots: %u %u %u\n", slots[0].offset, slots[1].offset, slots[2].offset);
    slots[0] = slot_of(1, c->ring.fd);
    give(c, "taken", slots, 1);
    for (unsigned i = 0; i < 3; i++)
        slots[i] = slot_of(i, 0);
    take(c, "take", slots, 3);
    take(c, "take again", slots, 3);
}

static void all_slots_may_be_taken(struct conform *c)
{
    struct io_uring_rsrc_update slots[17];
    for (unsigned i = 0; i < 17; i++)
        slots[i] = slot_of(ANY, c->ring.fd);
    give(c, "too many at once", slots, 17);
    give(c, "register", slots, 16);
    give(c, "one more", &slots[16], 1);
    for (unsigned i = 0; i < 16; i++)
        slots[i] = slot_of(i, 0);
    take(c, "too many at once", slots, 17);
    take(c, "take", slots, 16);
}

static void bad_rings_are_refused(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_rsrc_update slot = slot_of(ANY, ends[0]);
    give(c, "a pipe", &slot, 1);
    slot = slot_of(ANY, 12345);
    give(c, "nothing", &slot, 1);
    slot = slot_of(16, c->ring.fd);
    give(c, "beyond", &slot, 1);
    slot = slot_of(0, c->ring.fd);
    slot.resv = 1;
    give(c, "reserved", &slot, 1);
    give(c, "none", &slot, 0);
    give(c, "a bad argument", NOWHERE, 1);
    give(c, "no argument", NULL, 1);
    struct io_uring_rsrc_update two[2] = {slot_of(0, c->ring.fd), slot_of(1, 12345)};
    give(c, "good, bad", two, 2);
    take_slot(c, 0);
    conform_close_both(c, ends);
}

static void bad_slots_are_not_taken_away(struct conform *c)
{
    struct io_uring_rsrc_update slot = slot_of(16, 0);
    take(c, "beyond", &slot, 1);
    slot = slot_of(0, 1);
    take(c, "with a ring", &slot, 1);
    slot = slot_of(0, 0);
    slot.resv = 1;
    take(c, "reserved", &slot, 1);
    take(c, "none", &slot, 0);
    take(c, "a bad argument", NOWHERE, 1);
    struct io_uring_rsrc_update two[2] = {slot_of(0, 0), slot_of(16, 0)};
    take(c, "good, bad", two, 2);
}

static void another_ring_has_a_slot_too(struct conform *c)
{
    struct raw_ring other;
    if (raw_ring_open(&other, c->ring.backend, 4, 0) != 0)
        conform_say(c, "no ring\n");
    struct io_uring_rsrc_update slots[2] = {slot_of(0, other.fd), slot_of(1, c->ring.fd)};
    give(c, "register", slots, 2);
    conform_sqe(c, 1);
    submit_by(c, 1);
    conform_take(c, 1);
    take_slot(c, 1);
    take_slot(c, 0);
    raw_ring_close(&other);
}

static void a_slot_keeps_its_ring(struct conform *c)
{
    struct raw_ring other;
    if (raw_ring_open(&other, c->ring.backend, 4, 0) != 0)
        conform_say(c, "no ring\n");
    struct io_uring_rsrc_update slot = slot_of(0, other.fd);
    give(c, "register", &slot, 1);
    other.backend.vtable->close(other.backend.self, other.fd);
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = raw_ring_sqe(&other, 7);
    io_uring_prep_nop(sqe);
    sqe->user_data = 7;
    __atomic_store_n(other.ring.sq.ktail, other.ring.sq.sqe_tail, __ATOMIC_RELEASE);
    enter(c, "submit", 0, 1, IORING_ENTER_GETEVENTS);
    struct io_uring_cqe cqe;
    if (raw_ring_take(&other, &cqe))
        conform_say(c, "%llu: %d\n", (unsigned long long)cqe.user_data, cqe.res);
    take_slot(c, 0);
    enter(c, "no more", 0, 0, 0);
    conform_close_both(c, ends);
    other.fd = -1;
    raw_ring_close(&other);
}

/* What the true kernel answered. */
static const struct conform_case cases[] = {
    {.name = "a ring is entered by its slot",
     .run = a_ring_is_entered_by_its_slot,
     .expected = "register: 1\nslot: 0\nsubmit by slot: 1\n1: 0\ntake: 1\nno more: EBADF\n"},
    {.name = "slots without a ring are bad",
     .run = slots_without_a_ring_are_bad,
     .expected = "before any: EBADF\nregister: 1\nan empty slot: EBADF\nthe slot: 0\n"
                 "beyond: EINVAL\nnegative: EINVAL\nan unknown flag: EINVAL\ntake: 1\n"},
    {.name = "any free slot is the lowest",
     .run = any_free_slot_is_the_lowest,
     .expected = "register: 3\nslots: 1 0 2\ntaken: EBUSY\ntake: 3\ntake again: 3\n"},
    {.name = "all slots may be taken",
     .run = all_slots_may_be_taken,
     .expected = "too many at once: EINVAL\nregister: 16\none more: EBUSY\n"
                 "too many at once: EINVAL\ntake: 16\n"},
    {.name = "bad rings are refused",
     .run = bad_rings_are_refused,
     .expected = "a pipe: EOPNOTSUPP\nnothing: EBADF\nbeyond: EINVAL\nreserved: EINVAL\n"
                 "none: EINVAL\na bad argument: EFAULT\nno argument: EFAULT\ngood, bad: 1\n"
                 "take: 1\n"},
    {.name = "bad slots are not taken away",
     .run = bad_slots_are_not_taken_away,
     .expected = "beyond: EINVAL\nwith a ring: EINVAL\nreserved: EINVAL\nnone: EINVAL\n"
                 "a bad argument: EFAULT\ngood, bad: 1\n"},
    {.name = "another ring has a slot too",
     .run = another_ring_has_a_slot_too,
     .expected = "register: 2\nsubmit by slot: 1\n1: 0\ntake: 1\ntake: 1\n"},
    {.name = "a slot keeps its ring",
     .run = a_slot_keeps_its_ring,
     .expected = "register: 1\nsubmit: 1\n7: 0\ntake: 1\nno more: EBADF\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void ring_slots_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void ring_slots_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void ring_slots_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ring_slots_on_io_uring),
    cmocka_unit_test(ring_slots_on_the_engine),
    cmocka_unit_test(ring_slots_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
