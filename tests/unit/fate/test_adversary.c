/*
 * The adversary: quiet without a tape, calm when told, and every freedom has its points.
 */
#include "main.h"

#include <errno.h>
#include <string.h>

#include "fate/adversary.h"

static const int16_t errnos[] = {EINTR, EAGAIN, EIO};

static uint32_t answers_of(uint32_t freedom)
{
    static const uint32_t numbers[SRI_FREEDOMS] = {
        [SRI_WHY_SETUP] = 4,
        [SRI_WHY_REGISTER] = 3,
        [SRI_WHY_ENTER] = 4,
        [SRI_WHY_CONSUME] = 9,
        [SRI_WHY_INTERRUPT] = 2,
        [SRI_WHY_DELAY] = SRI_DELAYS,
        [SRI_WHY_ORDER] = 1000,
        [SRI_WHY_ERRNO] = 4,
        [SRI_WHY_SHORT] = 5,
        [SRI_WHY_COPY] = 3,
        [SRI_WHY_REPORT] = SRI_DELAYS,
        [SRI_WHY_CANCEL] = 3,
        [SRI_WHY_CANCEL_ORDER] = 2,
        [SRI_WHY_BUFFER] = 2,
        [SRI_WHY_GIVE] = 2,
        [SRI_WHY_SHOT] = 2,
        [SRI_WHY_NOTIFIES] = 2,
        [SRI_WHY_NOTIFY] = SRI_DELAYS,
        [SRI_WHY_USAGE] = 2,
        [SRI_WHY_REREAD] = 2,
        [SRI_WHY_WORLD + SRI_FREEDOM_WAKE] = 3,
        [SRI_WHY_WORLD + SRI_FREEDOM_PIPE] = 2,
        [SRI_WHY_WORLD + SRI_FREEDOM_WINDOW] = 4,
        [SRI_WHY_WORLD + SRI_FREEDOM_TRANSIT] = 4,
        [SRI_WHY_WORLD + SRI_FREEDOM_RESET] = 2,
        [SRI_WHY_WORLD + SRI_FREEDOM_WRITTEN_BACK] = 2,
        [SRI_WHY_WORLD + SRI_FREEDOM_POWER] = 3,
        [SRI_WHY_WORLD + SRI_FREEDOM_REMAINS] = 3,
        [SRI_WHY_WORLD + SRI_FREEDOM_SECTOR] = 2,
        [SRI_WHY_WORLD + SRI_FREEDOM_SYNC] = 2,
    };
    return numbers[freedom];
}

static struct sri_question question_of(uint32_t freedom)
{
    return (struct sri_question){
        .why = (enum sri_why)(freedom < SRI_WHY_WORLD ? freedom : SRI_WHY_WORLD),
        .n = answers_of(freedom),
        .fd = -1,
        .errnos = errnos,
        .freedom = freedom < SRI_WHY_WORLD ? 0 : freedom - SRI_WHY_WORLD,
    };
}

/* Asks every freedom many times; the sum of the answers, and each within its number. */
static uint64_t ask_all(struct sri_adversary *adversary, int rounds)
{
    struct sri_chooser chooser = sri_adversary_chooser(adversary);
    uint64_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        for (uint32_t freedom = 0; freedom < SRI_FREEDOMS; freedom++) {
            struct sri_question question = question_of(freedom);
            uint32_t answer = sri_pick(&chooser, &question);
            assert_in_range(answer, 0, question.n - 1);
            sum += answer;
        }
    }
    return sum;
}

static void zeros_are_a_quiet_run(void **state)
{
    (void)state;
    static const uint8_t zeros[64];
    struct sri_adversary adversary = {0};

    for (size_t size = 0; size <= sizeof zeros; size += 16) {
        assert_int_equal(sri_adversary_begin_body(&adversary, zeros, size), 0);
        assert_int_equal(ask_all(&adversary, 100), 0);
    }
    sri_adversary_fini(&adversary);
}

static void every_answer_of_every_freedom_belongs_to_a_point(void **state)
{
    (void)state;
    for (uint32_t freedom = 0; freedom < SRI_FREEDOMS; freedom++) {
        for (uint32_t answer = 1; answer < answers_of(freedom); answer++)
            assert_int_equal(sri_point_infos[sri_point_of(freedom, answer)].freedom, freedom);
    }
    for (uint32_t i = 0; i < SRI_POINTS; i++)
        assert_int_equal(strncmp(sri_point_infos[i].name, "safer_ring/", 11), 0);
}

static void every_kind_of_luck_comes_and_every_point_fires(void **state)
{
    (void)state;
    struct sri_adversary adversary = {0};
    struct sri_points sum = {0};
    int lucks[SRI_LUCKS] = {0};

    for (uint64_t seed = 0; seed < 200; seed++) {
        sri_adversary_begin_seed(&adversary, seed);
        lucks[adversary.luck]++;
        ask_all(&adversary, 50);
        sri_points_add(&sum, &adversary.points);
    }

    assert_int_equal(lucks[SRI_LUCK_QUIET], 0);
    assert_in_range(lucks[SRI_LUCK_GENTLE], 20, 150);
    assert_in_range(lucks[SRI_LUCK_EVEN], 20, 150);
    assert_in_range(lucks[SRI_LUCK_SWARM], 20, 150);
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        assert_int_equal(sri_point_reached(&sum, (enum sri_point)i), 200 * 50);
        assert_in_range(sum.fired[i], 1, 200 * 50);
    }
    sri_adversary_fini(&adversary);
}

/* A power run is quiet but for the disk, and its tape says what it is. */
static void a_power_run_decides_what_is_on_the_disk_and_no_more(void **state)
{
    (void)state;
    struct sri_adversary adversary = {0};
    struct sri_adversary again = {0};
    const uint8_t *body;
    size_t size;

    sri_adversary_begin_power(&adversary, 7);
    uint64_t sum = ask_all(&adversary, 50);

    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        uint32_t freedom = sri_point_infos[i].freedom;
        bool of_the_disk = freedom >= SRI_WHY_WORLD + SRI_FREEDOM_WRITTEN_BACK &&
                           freedom <= SRI_WHY_WORLD + SRI_FREEDOM_SECTOR;
        assert_int_equal(adversary.points.fired[i] > 0, of_the_disk);
    }
    sri_tape_body(&adversary.tape, &body, &size);
    assert_int_equal(sri_adversary_begin_body(&again, body, size), 0);
    assert_int_equal(again.luck, SRI_LUCK_POWER);
    assert_int_equal(ask_all(&again, 50), sum);
    sri_adversary_fini(&adversary);
    sri_adversary_fini(&again);
}

static void a_point_that_a_swarm_run_switched_off_never_fires(void **state)
{
    (void)state;
    struct sri_adversary adversary = {0};
    uint32_t switched_off = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        sri_adversary_begin_seed(&adversary, seed);
        ask_all(&adversary, 50);
        for (uint32_t i = 0; i < SRI_POINTS; i++) {
            switched_off += adversary.off[i];
            assert_false(adversary.off[i] && adversary.points.fired[i] > 0);
        }
    }

    assert_in_range(switched_off, 100, 200 * SRI_POINTS);
    sri_adversary_fini(&adversary);
}

static void a_seeds_recorded_body_is_the_same_run(void **state)
{
    (void)state;
    struct sri_adversary seeded = {0};
    struct sri_adversary replayed = {0};

    for (uint64_t seed = 0; seed < 100; seed++) {
        const uint8_t *body;
        size_t size;
        sri_adversary_begin_seed(&seeded, seed);
        uint64_t sum = ask_all(&seeded, 50);
        sri_tape_body(&seeded.tape, &body, &size);
        assert_int_equal(sri_adversary_begin_body(&replayed, body, size), 0);
        assert_true(ask_all(&replayed, 50) == sum);
        assert_memory_equal(&replayed.points, &seeded.points, sizeof seeded.points);
    }
    sri_adversary_fini(&seeded);
    sri_adversary_fini(&replayed);
}

static void calm_answers_the_kindest_and_leaves_the_tape(void **state)
{
    (void)state;
    struct sri_adversary adversary = {0};
    sri_adversary_begin_seed(&adversary, 3);
    ask_all(&adversary, 10);
    size_t position = sri_tape_position(&adversary.tape);

    sri_adversary_calm(&adversary, true);

    assert_int_equal(ask_all(&adversary, 100), 0);
    assert_int_equal(sri_tape_position(&adversary.tape), position);
    sri_adversary_fini(&adversary);
}

static void a_script_goes_before_the_tape_and_is_spent(void **state)
{
    (void)state;
    struct sri_adversary adversary = {0};
    struct sri_chooser chooser = sri_adversary_chooser(&adversary);
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ, .nth = 2, .kind = SR_SIM_FAILS, .value = EIO};
    struct sri_event consumed = {.kind = SRI_EVENT_CONSUMED,
                                 .opcode = IORING_OP_READ,
                                 .request = 1,
                                 .user_data = 10};
    struct sri_question question = {
        .why = SRI_WHY_ERRNO, .n = 4, .opcode = IORING_OP_READ, .user_data = 10, .errnos = errnos};
    assert_int_equal(sri_adversary_begin_body(&adversary, NULL, 0), 0);
    assert_int_equal(sri_script_add(&adversary.script, &outcome), 0);
    assert_int_equal(sri_script_add(&adversary.script, &outcome), -EEXIST);

    sri_script_consumed(&adversary.script, &consumed);
    assert_int_equal(sri_pick(&chooser, &question), 0);
    consumed.request = 2;
    consumed.user_data = question.user_data = 11;
    sri_script_consumed(&adversary.script, &consumed);
    assert_int_equal(sri_pick(&chooser, &question), 3);

    assert_int_equal(sri_pick(&chooser, &question), 0);
    assert_int_equal(adversary.script.count, 0);
    assert_int_equal(sri_script_add(&adversary.script, &outcome), -EALREADY);
    sri_adversary_fini(&adversary);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(zeros_are_a_quiet_run),
    cmocka_unit_test(every_answer_of_every_freedom_belongs_to_a_point),
    cmocka_unit_test(every_kind_of_luck_comes_and_every_point_fires),
    cmocka_unit_test(a_power_run_decides_what_is_on_the_disk_and_no_more),
    cmocka_unit_test(a_point_that_a_swarm_run_switched_off_never_fires),
    cmocka_unit_test(a_seeds_recorded_body_is_the_same_run),
    cmocka_unit_test(calm_answers_the_kindest_and_leaves_the_tape),
    cmocka_unit_test(a_script_goes_before_the_tape_and_is_spent),
};

SR_TEST_MAIN(tests)
