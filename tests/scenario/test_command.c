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

#include "support/main.h"

static char folder[64];
static char out_text[65536];
static char err_text[8192];

static int make_folder(void **state)
{
    *state = NULL;
    snprintf(folder, sizeof folder, "/tmp/safer-ring-test-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void path_in(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", folder, name);
}

static void read_back(const char *name, char *text, size_t size)
{
    char path[128];
    path_in(path, sizeof path, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

/* Runs the command that stands beside this program; its exit code, with what it wrote in out_text and err_text. */
static int run(const char *arguments)
{
    char self[512];
    char command[2048];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = 0;
    *strrchr(self, '/') = 0;
    snprintf(command, sizeof command, "%s/safer-ring", self);
    if (access(command, X_OK) != 0)
        skip();
    snprintf(command, sizeof command, "cd '%s' && '%s/safer-ring' %s >out 2>err", folder, self, arguments);
    int status = system(command);
    read_back("out", out_text, sizeof out_text);
    read_back("err", err_text, sizeof err_text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* One line, and exit code 2. */
static void refused(const char *arguments, const char *says)
{
    assert_int_equal(run(arguments), 2);
    const char *end = strchr(err_text, '\n');
    assert_non_null(end);
    assert_int_equal(end[1], 0);
    assert_non_null(strstr(err_text, says));
    assert_string_equal(out_text, "");
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    path_in(path, sizeof path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Bad usage and a bad environment are said in one line each. */
static void what_is_wrong_is_said_in_one_line(void **state)
{
    (void)state;
    write_file("broken.tape", "safer-ring-tape\nformat=1\nprogram=storm\n");

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

    assert_int_equal(run("check --seeds 5"), 0);

    assert_non_null(strstr(out_text, "BUF-1 "));
    assert_non_null(strstr(out_text, "safer_ring/result/short"));
    assert_non_null(strstr(out_text, "30 runs"));
    assert_non_null(strstr(out_text, "no violation"));
    assert_string_equal(err_text, "");
}

/* --seed prints a hash for each scenario, the same each time. */
static void a_seed_prints_its_hashes(void **state)
{
    (void)state;
    static char first[sizeof out_text];

    assert_int_equal(run("check --seed 7 --scenario storm,echo"), 0);
    snprintf(first, sizeof first, "%.*s", (int)(strchr(out_text, '\n') - out_text), out_text);
    assert_non_null(strstr(first, "storm      seed 7  hash "));

    assert_int_equal(run("check --seed 7 --scenario storm,echo"), 0);
    assert_int_equal(strncmp(out_text, first, strlen(first)), 0);
}

/* --json gives one object, on standard output or in a file. */
static void json_goes_where_it_is_asked(void **state)
{
    (void)state;
    static char json[sizeof out_text];

    assert_int_equal(run("check --kind --json"), 0);
    assert_int_equal(strncmp(out_text, "{\"runs\":6,", 10), 0);
    assert_non_null(strstr(out_text, "\"violations\":[]"));

    assert_int_equal(run("check --kind --json result"), 0);
    read_back("result", json, sizeof json);
    assert_int_equal(json[0], '{');
    assert_int_equal(run("check --kind --json /nowhere/result"), 2);
}

/* A file and an empty one are copied and compared, and nothing is left in the folder for copies. */
static void files_are_copied_and_compared(void **state)
{
    (void)state;
    write_file("some", "a few bytes\n");
    write_file("empty", "");

    assert_int_equal(run("check --backend sim,engine --file some --tmp ."), 0);
    assert_non_null(strstr(out_text, "sim      12 bytes"));
    assert_non_null(strstr(out_text, "engine   12 bytes"));
    assert_int_equal(run("check --backend sim,engine --file empty --tmp ."), 0);
    assert_non_null(strstr(out_text, "0 bytes"));

    char path[128];
    path_in(path, sizeof path, "some");
    assert_int_equal(unlink(path), 0);
    path_in(path, sizeof path, "empty");
    assert_int_equal(unlink(path), 0);
    path_in(path, sizeof path, "out");
    assert_int_equal(unlink(path), 0);
    path_in(path, sizeof path, "err");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
}

/* A seed can be seen step by step. */
static void a_seed_is_replayed_with_its_timeline(void **state)
{
    (void)state;

    assert_int_equal(run("replay --scenario echo --seed 3"), 0);

    assert_non_null(strstr(out_text, "kernel: ring opened"));
    assert_non_null(strstr(out_text, "program: start opcode"));
}

/* The doctor, the version and the help always have something to say. */
static void the_doctor_answers(void **state)
{
    (void)state;

    assert_int_equal(run("doctor"), 0);
    assert_non_null(strstr(out_text, "backend"));
    assert_int_equal(run("--version"), 0);
    assert_non_null(strstr(out_text, "safer-ring "));
    assert_int_equal(run("--help"), 0);
    assert_non_null(strstr(out_text, "--seeds N"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(what_is_wrong_is_said_in_one_line, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown(a_campaign_reports_rules_and_points, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown(a_seed_prints_its_hashes, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown(json_goes_where_it_is_asked, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown(files_are_copied_and_compared, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown(a_seed_is_replayed_with_its_timeline, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown(the_doctor_answers, make_folder, remove_folder),
};

SR_TEST_MAIN(tests)
