/*
 * Policies as text, and the chooser that follows one.
 */
#include <errno.h>
#include <string.h>

#include <linux/io_uring.h>

#include "fate/policy.h"
#include "main.h"

static struct sri_policy policy;
static struct sri_policy_error error;

static int read_policy(const char *text)
{
    memset(&policy, 0, sizeof policy);
    return sri_policy_read(&policy, text, &error);
}

/* A later line wins over an earlier one, for the operations and kinds that it names. */
static void later_lines_win(void **state)
{
    (void)state;
    assert_int_equal(read_policy("result/short * * 10\n# all\nresult/short READ file 20 # more\n"), 0);
    assert_int_equal(policy.per_1024[SRI_POINT_RESULT_SHORT][IORING_OP_READ][SRI_KIND_FILE], 20);
    assert_int_equal(policy.per_1024[SRI_POINT_RESULT_SHORT][IORING_OP_READ][SRI_KIND_SOCKET], 10);
    assert_int_equal(policy.per_1024[SRI_POINT_RESULT_SHORT][IORING_OP_RECV][SRI_KIND_FILE], 10);
    assert_int_equal(policy.per_1024[SRI_POINT_ORDER][IORING_OP_READ][SRI_KIND_FILE], 0);
}

/* Each preset is a policy that can be read. */
static void presets_are_policies(void **state)
{
    static const char *const names[] = {"gentle", "reads", "network", "disk", "cruel"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(read_policy(sri_policy_preset(names[i], strlen(names[i]))), 0);
    assert_null(sri_policy_preset("mild", 4));
}

/* What can't be understood is refused with its line. */
static void mistakes_are_told_by_line(void **state)
{
    (void)state;
    assert_int_equal(read_policy("use gentle\nresult/long * * 3\n"), -EINVAL);
    assert_int_equal(error.line, 2);
    assert_int_equal(read_policy("use mild\n"), -EINVAL);
    assert_int_equal(read_policy("result/short READ attic 3\n"), -EINVAL);
    assert_int_equal(read_policy("result/short FLY file 3\n"), -EINVAL);
    assert_int_equal(read_policy("result/short READ file 1025\n"), -EINVAL);
    assert_int_equal(read_policy("errnos EODD\n"), -EINVAL);
    assert_int_equal(sri_policy_only(&policy, "result/short=x", &error), -EINVAL);
}

/* The chooser gives an unkind answer where the policy has one, always at 1024, never at 0, and only errnos it lists. */
static void the_chooser_follows(void **state)
{
    static const int16_t errnos[] = {EIO, EINTR, ENOMEM};
    struct sri_tape tape = {0};
    struct sri_points points = {{0}, {0}};
    (void)state;
    assert_int_equal(read_policy("result/errno READ file 1024\nerrnos EINTR\n"), 0);
    sri_tape_init_seed(&tape, 3);
    struct sri_policy_run run = {.policy = &policy, .tape = &tape, .points = &points};
    struct sri_chooser chooser = sri_policy_chooser(&run);
    struct sri_question question = {
        .why = SRI_WHY_ERRNO, .n = 4, .opcode = IORING_OP_READ, .errnos = errnos, .has_object = 1};
    for (int i = 0; i < 20; i++)
        assert_int_equal(sri_pick(&chooser, &question), 2);
    question.opcode = IORING_OP_WRITE;
    assert_int_equal(sri_pick(&chooser, &question), 0);
    assert_int_equal(points.fired[SRI_POINT_RESULT_ERRNO], 20);
    sri_tape_fini(&tape);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(later_lines_win),
    cmocka_unit_test(presets_are_policies),
    cmocka_unit_test(mistakes_are_told_by_line),
    cmocka_unit_test(the_chooser_follows),
};

SR_TEST_MAIN(tests)
