/*
 * A policy from a stranger, as a file or (behind a zero) as the list of `--faults`: it is refused with a line and a reason, or
 * it says the same when it is read once more, and a chooser that follows it tells nothing that it does not allow.
 */
#include <string.h>

#include "fate/policy.h"
#include "input.h"

#define TEXT_MAX 4096u
#define ALL_WEIGHTS (sizeof((struct sri_policy *)0)->per_1024 / sizeof(uint16_t))

static struct sri_policy policy;
static struct sri_policy again;

static const uint16_t *weights(const struct sri_policy *of)
{
    return &of->per_1024[0][0][0];
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 1;
    for (; *text != 0; text++)
        lines += *text == '\n' ? 1 : 0;
    return lines;
}

static void check_error(const struct sri_policy_error *error, unsigned first, unsigned last)
{
    FUZZ_REQUIRE(error->line >= first && error->line <= last);
    FUZZ_REQUIRE(error->text[0] != 0 && memchr(error->text, 0, sizeof error->text) != NULL);
}

/* Walks over all weights are most of a run: their own bounds are known, and not checked each time. */
#define FAST __attribute__((no_sanitize("address", "undefined")))

FAST static uint16_t highest_weight(void)
{
    uint16_t highest = 0;
    for (size_t i = 0; i < ALL_WEIGHTS; i++)
        highest = weights(&policy)[i] > highest ? weights(&policy)[i] : highest;
    return highest;
}

FAST static bool is_same_everywhere(const uint16_t *of_point)
{
    unsigned other = 0;
    for (size_t i = 1; i < SRI_POLICY_OPERATIONS * SRI_POLICY_KINDS; i++)
        other |= of_point[i] ^ of_point[0];
    return other == 0;
}

static void check_bounds(void)
{
    FUZZ_REQUIRE(highest_weight() <= 1024);
    FUZZ_REQUIRE(policy.errno_count <= SRI_POLICY_ERRNOS);
}

/* Lines that are read behind themselves win over themselves: nothing changes. */
static void check_again(const char *text)
{
    struct sri_policy_error error;
    again = policy;
    FUZZ_REQUIRE(sri_policy_read(&again, text, &error) == 0);
    FUZZ_REQUIRE(memcmp(&again, &policy, sizeof policy) == 0);
}

/* An operation on a file is asked for its result, with the text's own bytes as the tape. */
static void check_chooser(const uint8_t *data, size_t size)
{
    static struct sri_tape tape;
    static struct sri_points points;
    static const int16_t errnos[3] = {5, 4, 12};
    const struct sri_question question = {
        .why = SRI_WHY_ERRNO, .n = 4, .errnos = errnos, .opcode = 22, .has_object = true};
    const uint32_t weight = policy.per_1024[SRI_POINT_RESULT_ERRNO][question.opcode][SRI_KIND_FILE];
    FUZZ_REQUIRE(sri_tape_init_body(&tape, data, size) == 0);
    struct sri_policy_run run = {.policy = &policy, .tape = &tape, .points = &points};
    struct sri_chooser chooser = sri_policy_chooser(&run);
    for (int i = 0; i < 8; i++) {
        uint32_t answer = chooser.vtable->pick(chooser.self, &question);
        bool listed = policy.errno_count == 0;
        FUZZ_REQUIRE(answer < question.n);
        for (uint32_t j = 0; answer > 0 && j < policy.errno_count; j++)
            listed = listed || policy.errnos[j] == errnos[answer - 1];
        FUZZ_REQUIRE(answer == 0 || (weight > 0 && listed));
    }
}

static void read_file(const char *text, const uint8_t *data, size_t size)
{
    struct sri_policy_error error = {0};
    memset(&policy, 0, sizeof policy);
    if (sri_policy_read(&policy, text, &error) != 0) {
        check_error(&error, 1, lines_of(text));
        return;
    }
    check_bounds();
    check_again(text);
    check_chooser(data, size);
}

/* A point has one weight at all operations and kinds. */
static void read_list(const char *list)
{
    struct sri_policy_error error = {0};
    if (sri_policy_only(&policy, list, &error) != 0) {
        check_error(&error, 0, 0);
        return;
    }
    check_bounds();
    for (unsigned point = 0; point < SRI_POINTS; point++)
        FUZZ_REQUIRE(is_same_everywhere(&policy.per_1024[point][0][0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_MAX)
        return 0;
    bool list = size > 0 && data[0] == 0;
    size_t skip = list ? 1 : 0;
    /* Of its own exact size, so that a step past its end is seen. */
    char *text = malloc(size - skip + 1);
    FUZZ_REQUIRE(text != NULL);
    memcpy(text, data + skip, size - skip);
    text[size - skip] = 0;
    if (list)
        read_list(text);
    else
        read_file(text, data, size);
    free(text);
    return 0;
}
