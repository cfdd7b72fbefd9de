/*
 * The command, from outside: results on standard output, one line about what is wrong on standard error, exit codes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/command.h"
#include "support/main.h"

/* One line, and exit code 2. */
static void refused(const char *arguments, const char *says)
{
    assert_int_equal(command_run(arguments), 2);
    const char *end = strchr(command_err, '\n');
    assert_non_null(end);
    assert_int_equal(end[1], 0);
    assert_non_null(strstr(command_err, says));
    assert_string_equal(command_out, "");
}

/* Bad usage and a bad environment are said in one line each. */
static void what_is_wrong_is_said_in_one_line(void **state)
{
    (void)state;
    command_write("broken.tape", "safer-ring-tape\nformat=1\nprogram=storm\n");

    refused("nonsense", "nonsense");
    refused("check --backend vax", "sim, engine, uring");
    refused("check --scenario calm", "storm, copy, echo");
    refused("check --seeds many", "--seeds");
    refused("check --seeds", "--seeds");
    refused("check --file absent", "No such file");
    refused("check --file .", "regular file");
    refused("check --tmp /nowhere", "--tmp");
    refused("replay absent.tape", "No such file");
    refused("replay broken.tape", "byte");
    refused("replay", "replay TAPE");
    refused("doctor now", "now");
}

/* A small campaign is fine, says how much it did, and leaves no file. */
static void a_campaign_reports_rules_and_points(void **state)
{
    (void)state;

    assert_int_equal(command_run("check --seeds 5 --scenario storm,copy,echo"), 0);

    assert_non_null(strstr(command_out, "BUF-1 "));
    assert_non_null(strstr(command_out, "safer_ring/result/short"));
    assert_non_null(strstr(command_out, "15 runs"));
    assert_non_null(strstr(command_out, "no violation"));
    assert_string_equal(command_err, "");
}

/* --seed prints a hash for each scenario, the same each time. */
static void a_seed_prints_its_hashes(void **state)
{
    (void)state;
    static char first[sizeof command_out];

    assert_int_equal(command_run("check --seed 7 --scenario storm,echo"), 0);
    snprintf(first, sizeof first, "%.*s", (int)(strchr(command_out, '\n') - command_out), command_out);
    assert_non_null(strstr(first, "storm      seed 7  hash "));

    assert_int_equal(command_run("check --seed 7 --scenario storm,echo"), 0);
    assert_int_equal(strncmp(command_out, first, strlen(first)), 0);
}

/* --json gives one object, on standard output or in a file. */
static void json_goes_where_it_is_asked(void **state)
{
    (void)state;
    static char json[sizeof command_out];

    assert_int_equal(command_run("check --kind --scenario storm,echo --json"), 0);
    assert_int_equal(strncmp(command_out, "{\"runs\":2,", 10), 0);
    assert_non_null(strstr(command_out, "\"violations\":[]"));

    assert_int_equal(command_run("check --kind --json result"), 0);
    command_read("result", json, sizeof json);
    assert_int_equal(json[0], '{');
    assert_int_equal(command_run("check --kind --json /nowhere/result"), 2);
}

/* A file and an empty one are copied and compared, and nothing is left in the folder for copies. */
static void files_are_copied_and_compared(void **state)
{
    (void)state;
    command_write("some", "a few bytes\n");
    command_write("empty", "");

    assert_int_equal(command_run("check --backend sim,engine --file some --tmp ."), 0);
    assert_non_null(strstr(command_out, "sim      12 bytes"));
    assert_non_null(strstr(command_out, "engine   12 bytes"));
    assert_int_equal(command_run("check --backend sim,engine --file empty --tmp ."), 0);
    assert_non_null(strstr(command_out, "0 bytes"));

    char path[128];
    command_path(path, sizeof path, "some");
    assert_int_equal(unlink(path), 0);
    command_path(path, sizeof path, "empty");
    assert_int_equal(unlink(path), 0);
    command_path(path, sizeof path, "out");
    assert_int_equal(unlink(path), 0);
    command_path(path, sizeof path, "err");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(command_folder), 0);
    assert_int_equal(mkdir(command_folder, 0700), 0);
}

/* A seed can be seen step by step. */
static void a_seed_is_replayed_with_its_timeline(void **state)
{
    (void)state;

    assert_int_equal(command_run("replay --scenario echo --seed 3"), 0);

    assert_non_null(strstr(command_out, "kernel: ring opened"));
    assert_non_null(strstr(command_out, "program: start opcode"));
}

/* The doctor, the version and the help always have something to say. */
static void the_doctor_answers(void **state)
{
    (void)state;

    assert_int_equal(command_run("doctor"), 0);
    assert_non_null(strstr(command_out, "backend"));
    assert_int_equal(command_run("--version"), 0);
    assert_non_null(strstr(command_out, "safer-ring "));
    assert_int_equal(command_run("--help"), 0);
    assert_non_null(strstr(command_out, "Exit code:"));
    static const char *const verbs[] = {"check", "faults", "exhaust", "replay", "shrink", "run", "doctor"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        char line[64];
        assert_non_null(strstr(command_out, verbs[i]));
        snprintf(line, sizeof line, "%s --help", verbs[i]);
        assert_int_equal(command_run(line), 0);
        snprintf(line, sizeof line, "usage: safer-ring %s", verbs[i]);
        assert_non_null(strstr(command_out, line));
        assert_int_equal(command_run("--help"), 0);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(what_is_wrong_is_said_in_one_line, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_campaign_reports_rules_and_points, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_seed_prints_its_hashes, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(json_goes_where_it_is_asked, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(files_are_copied_and_compared, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_seed_is_replayed_with_its_timeline, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(the_doctor_answers, command_make_folder, command_remove_folder),
};

SR_TEST_MAIN(tests)
