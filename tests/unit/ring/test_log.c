/*
 * What is said, and how it looks: text, JSON, events of operations.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "safer_ring/log.h"
#include "support/fake_ring.h"
#include "support/main.h"

static char lines[4096];
static uint32_t events;

static void note_line(enum sr_log_level level, const char *text, void *user)
{
    (void)user;
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%d %s\n", (int)level, text);
}

static void note_json(const struct sr_log_event *event, void *user)
{
    char line[512];
    (void)user;
    events++;
    assert_true(sr_log_json(event, line, sizeof line) < sizeof line);
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s\n", line);
}

/* JSON escapes what JSON must, and a line that does not fit is cut, measured whole, and ended. */
static void json_is_escaped_and_measured(void **state)
{
    (void)state;
    const struct sr_log_event event = {.level = SR_LOG_WARNING,
                                       .name = "message",
                                       .text = "a \"quote\", a \\, a\ttab",
                                       .fd = -1};
    static const char expected[] =
        "{\"level\":\"warning\",\"event\":\"message\",\"text\":\"a \\\"quote\\\", a \\\\, a\\u0009tab\"}";
    char line[128];
    assert_int_equal(sr_log_json(&event, line, sizeof line), sizeof expected - 1);
    assert_string_equal(line, expected);
    for (size_t size = 0; size < sizeof expected; size++) {
        memset(line, '#', sizeof line);
        assert_int_equal(sr_log_json(&event, line, size), sizeof expected - 1);
        assert_int_equal(line[size], '#');
        if (size > 0)
            assert_int_equal(strlen(line), size - 1);
    }
    assert_int_equal(sr_log_text(&event, line, sizeof line), strlen(event.text));
    assert_string_equal(line, event.text);
}

/* A ring that logs its operations tells the start and the end of each, to whichever of the two wants it. */
SR_UNCHECKED static void operations_are_told(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.log_operations = true;
    struct fake_ring f = fake_ring_open_config(config);
    lines[0] = '\0';
    events = 0;
    sr_set_log_events(note_json, NULL);
    struct sr_op op = submit_read(f.ring, 7, 16);
    fake_kernel_post(f.kernel, op.id, 5);
    assert_int_equal(await_result(f.ring, &op), 5);
    sr_set_log_events(NULL, NULL);

    assert_int_equal(events, 2);
    assert_non_null(strstr(lines, "\"level\":\"debug\",\"event\":\"operation_started\""));
    assert_non_null(strstr(lines, "\"kind\":\"READ\",\"fd\":7,\"bytes\":16}"));
    assert_non_null(strstr(lines, "\"fd\":7,\"bytes\":16,\"result\":5}"));

    lines[0] = '\0';
    sr_set_log(note_line, NULL);
    op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, -EIO);
    assert_int_equal(await_result(f.ring, &op), -EIO);
    sr_set_log(NULL, NULL);
    assert_non_null(strstr(lines, "3 operation_started "));
    assert_non_null(strstr(lines, " NOP fd -1, 0 bytes: -5\n"));
    fake_ring_close(&f);
}

/* Other rings say nothing of theirs. */
SR_UNCHECKED static void others_are_silent(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    events = 0;
    sr_set_log_events(note_json, NULL);
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    sr_set_log_events(NULL, NULL);
    assert_int_equal(events, 0);
    fake_ring_close(&f);
}

/* A dropped operation's end is told when it comes. */
SR_UNCHECKED static void the_end_of_an_orphan_is_told_too(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.log_operations = true;
    config.cancel_on_drop = false;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op op = submit_read(f.ring, 7, 16);
    uint64_t id = op.id;
    lines[0] = '\0';
    events = 0;
    sr_set_log_events(note_json, NULL);
    sr_op_drop(f.ring, &op);
    assert_int_equal(events, 0);
    fake_kernel_post(f.kernel, id, 3);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    sr_set_log_events(NULL, NULL);
    assert_int_equal(events, 1);
    assert_non_null(strstr(lines, "\"result\":3}"));
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(json_is_escaped_and_measured),
    cmocka_unit_test(operations_are_told),
    cmocka_unit_test(others_are_silent),
    cmocka_unit_test(the_end_of_an_orphan_is_told_too),
};

SR_TEST_MAIN(tests)
