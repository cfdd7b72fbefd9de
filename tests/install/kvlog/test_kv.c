/*
 * The store on the simulated kernel: under bad luck of every kind, on every schedule of a small run, with each fault once, and
 * with the power lost at each moment.
 */
#include <safer_ring/cmocka.h>
#include <stdio.h>
#include <string.h>

#include "kv.h"

#define PUTS 3

/* Puts some values, and stops at the first that fails. How many were promised. */
static int put_some(struct kv *kv)
{
    char key[8];
    char value[16];
    for (int i = 0; i < PUTS; i++) {
        snprintf(key, sizeof key, "key%d", i % 2);
        snprintf(value, sizeof value, "value %d", i);
        if (kv_put(kv, key, value) != 0)
            return i;
    }
    return PUTS;
}

/* The newest promised value of each key is there, or a newer one whose promise was not heard. */
static void check_promises(struct kv *kv, int promised)
{
    for (int i = promised - 1; i >= 0 && i >= promised - 2; i--) {
        char key[8];
        char value[KV_VALUE_MOST + 1];
        int number = -1;
        snprintf(key, sizeof key, "key%d", i % 2);
        int code = kv_get(kv, key, value);
        if (code == -ENOMEM) /* a fault of its own, and no answer */
            continue;
        if (code != 0 || sscanf(value, "value %d", &number) != 1 || number < i)
            fail_msg("the promised `value %d` is not there: %s", i, code == 0 ? value : sr_err_name(code));
    }
}

/* Everything that is not the store's: a folder, a ring. */
static struct sr_ring *prepare(struct sr_sim *sim)
{
    struct sr_ring *ring = NULL;
    sr_assert_ok(sr_sim_directory(sim, "/data"));
    int code = sr_sim_ring_open(sim, &ring, 4);
    if (code != -ENOMEM) /* a fault of its own */
        sr_assert_ok(code);
    return ring;
}

static void finish(struct sr_sim *sim, struct sr_ring *ring)
{
    sr_sim_calm(sim);
    sr_assert_ok(sr_ring_drain(ring, SR_FOREVER, NULL));
    sr_assert_ok(sr_ring_close(&ring));
}

static void put_and_get(struct sr_sim *sim)
{
    struct kv kv;
    struct sr_ring *ring = prepare(sim);
    if (ring == NULL)
        return;
    if (kv_open(&kv, ring, "/data") == 0) {
        int promised = put_some(&kv);
        sr_sim_calm(sim);
        check_promises(&kv, promised);
        kv_close(&kv);
    }
    finish(sim, ring);
}

/* On a thousand kernels, each with its own short reads, late completions and errors. */
static void what_was_promised_is_there(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 1000) {
        put_and_get(sim);
    }
}

/* The kindest few hundred of all schedules there are. */
static void on_every_schedule(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SCHEDULE (sim, 500) {
        put_and_get(sim);
    }
}

/* Each fault that the run can meet, once and for good, each allocation among them. */
static void with_each_fault(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_FAULT (sim) {
        put_and_get(sim);
    }
}

/* The power goes before each operation, and comes back. */
static void a_loss_of_power_breaks_no_promise(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_POWER_LOSS (sim) {
        struct kv kv;
        struct sr_ring *ring = prepare(sim);
        int promised = 0;
        if (kv_open(&kv, ring, "/data") == 0) {
            promised = put_some(&kv);
            kv_close(&kv);
        }
        sr_assert_ok(sr_ring_drain(ring, SR_FOREVER, NULL));
        sr_assert_ok(sr_ring_close(&ring));

        sr_assert_ok(sr_sim_reboot(sim));

        sr_assert_ok(sr_sim_ring_open(sim, &ring, 4));
        sr_assert_ok(kv_open(&kv, ring, "/data"));
        check_promises(&kv, promised);
        kv_close(&kv);
        finish(sim, ring);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        sr_sim_unit_test(what_was_promised_is_there),
        sr_sim_unit_test(on_every_schedule),
        sr_sim_unit_test(with_each_fault),
        sr_sim_unit_test(a_loss_of_power_breaks_no_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
