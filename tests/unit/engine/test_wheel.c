/*
 * The timing wheel against a plain sorted list.
 */
#include "support/main.h"

#include <stdlib.h>

#include "engine/wheel.h"

enum {
    ENTRIES = 400,
    ROUNDS = 2000
};

struct timed {
    struct sri_wheel_entry entry;
    uint64_t due_ns;
    uint64_t number; /* order of insertion */
    bool inside;
};

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 20;
}

static struct timed *earliest(struct timed *all)
{
    struct timed *first = NULL;
    for (int i = 0; i < ENTRIES; i++) {
        struct timed *one = &all[i];
        if (one->inside && (first == NULL || one->due_ns < first->due_ns ||
                            (one->due_ns == first->due_ns && one->number < first->number)))
            first = one;
    }
    return first;
}

static void check_turn(struct sri_wheel *wheel, struct timed *all, uint64_t now_ns)
{
    struct sri_node expired;
    sri_list_init(&expired);
    sri_wheel_turn(wheel, now_ns, &expired);
    for (struct timed *one = earliest(all); one != NULL && one->due_ns <= now_ns; one = earliest(all)) {
        assert_ptr_equal(expired.next, &one->entry.node);
        sri_list_remove(expired.next);
        one->inside = false;
    }
    assert_true(sri_list_empty(&expired));
}

/* Whatever is inserted, removed and waited for, entries leave by time, and those of one time in order of arrival. */
static void entries_leave_by_time_then_arrival(void **state)
{
    (void)state;
    static struct sri_wheel wheel;
    static struct timed all[ENTRIES];
    uint64_t seed = 1;
    uint64_t number = 0;
    sri_wheel_init(&wheel);

    for (int round = 0; round < ROUNDS; round++) {
        struct timed *one = &all[next_random(&seed) % ENTRIES];
        if (one->inside && next_random(&seed) % 3 == 0) {
            sri_wheel_remove(&wheel, &one->entry);
            one->inside = false;
        } else if (!one->inside) {
            unsigned bits = (unsigned)(next_random(&seed) % 40);
            one->due_ns = wheel.now_ns + 1 + next_random(&seed) % (UINT64_C(1) << bits);
            if (next_random(&seed) % 4 == 0)
                one->due_ns = wheel.now_ns + 64;
            one->number = number++;
            one->inside = true;
            sri_wheel_insert(&wheel, &one->entry, one->due_ns);
        }
        const struct timed *first = earliest(all);
        assert_int_equal(sri_wheel_next_ns(&wheel), first == NULL ? UINT64_MAX : first->due_ns);
        if (next_random(&seed) % 4 == 0)
            check_turn(&wheel, all,
                       wheel.now_ns + next_random(&seed) % (UINT64_C(1) << (next_random(&seed) % 36)));
    }
    check_turn(&wheel, all, UINT64_MAX - 1);
    assert_true(sri_wheel_empty(&wheel));
}

/* The last moment there is has a place too. */
static void the_end_of_time_is_a_time(void **state)
{
    (void)state;
    static struct sri_wheel wheel;
    struct sri_wheel_entry entry;
    struct sri_node expired;
    sri_wheel_init(&wheel);
    sri_list_init(&expired);
    sri_wheel_insert(&wheel, &entry, UINT64_MAX);

    sri_wheel_turn(&wheel, UINT64_MAX - 1, &expired);
    assert_true(sri_list_empty(&expired));
    sri_wheel_turn(&wheel, UINT64_MAX, &expired);

    assert_ptr_equal(expired.next, &entry.node);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(entries_leave_by_time_then_arrival),
    cmocka_unit_test(the_end_of_time_is_a_time),
};

SR_TEST_MAIN(tests)
