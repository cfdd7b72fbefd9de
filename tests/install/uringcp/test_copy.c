/*
 * The copy on the simulated kernel: whatever its luck, a copy that says it is one is whole, also after a loss of power.
 */
#include <safer_ring/cmocka.h>

#include <fcntl.h>
#include <liburing.h>
#include <safer_ring/uring_sim.h>
#include <string.h>

#include "copy.h"

#define SIZE 300 /* some blocks, and a part of one */
#define BLOCK 64

static char content[SIZE];

/* The file and where it goes. 0, or -1: this kernel refuses rings. */
static int prepare(struct sr_sim *sim, struct io_uring *ring, int *from, int *to)
{
    for (unsigned i = 0; i < SIZE; i++)
        content[i] = (char)('a' + i * 7 % 26);
    sr_assert_ok(sr_sim_file(sim, "/from", content, SIZE));
    sr_assert_ok(sr_sim_file(sim, "/to", "", 0));
    sr_assert_ok(sr_sim_open(sim, "/from", O_RDONLY, from));
    sr_assert_ok(sr_sim_open(sim, "/to", O_WRONLY, to));
    return sr_sim_queue_init(sim, COPY_BLOCKS, ring, 0) == 0 ? 0 : -1;
}

static void check_copy(struct sr_sim *sim)
{
    char found[SIZE + 1];
    size_t length = 0;
    sr_assert_ok(sr_sim_file_content(sim, "/to", found, sizeof found, &length));
    assert_int_equal(length, SIZE);
    assert_memory_equal(found, content, SIZE);
}

static void copy_once(struct sr_sim *sim)
{
    struct io_uring ring;
    int from = -1;
    int to = -1;
    if (prepare(sim, &ring, &from, &to) != 0)
        return;
    int rc = copy_file(&ring, from, to, BLOCK);
    if (rc == 0)
        check_copy(sim);
    io_uring_queue_exit(&ring);
}

/* On a thousand kernels, each with its own short reads and writes, late completions and errors. */
static void a_copy_is_whole_or_an_error(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 1000) {
        copy_once(sim);
    }
}

/* The kindest few hundred of all schedules there are. */
static void on_every_schedule(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SCHEDULE (sim, 500) {
        copy_once(sim);
    }
}

/* Each fault that the copy can meet, once and for good. */
static void with_each_fault(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_FAULT (sim) {
        copy_once(sim);
    }
}

/* The power goes before each operation, and comes back: what was said to be copied is there. */
static void a_copy_survives_a_loss_of_power(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_POWER_LOSS (sim) {
        struct io_uring ring;
        int from = -1;
        int to = -1;
        sr_assert_ok(prepare(sim, &ring, &from, &to));
        int rc = copy_file(&ring, from, to, BLOCK);
        io_uring_queue_exit(&ring);

        sr_assert_ok(sr_sim_reboot(sim));

        if (rc == 0)
            check_copy(sim);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        sr_sim_unit_test(a_copy_is_whole_or_an_error),
        sr_sim_unit_test(on_every_schedule),
        sr_sim_unit_test(with_each_fault),
        sr_sim_unit_test(a_copy_survives_a_loss_of_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
