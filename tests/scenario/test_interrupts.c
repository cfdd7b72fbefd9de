/*
 * The command, interrupted: it tells what it has and the command that goes on, which does; exit code 128 and the signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/command.h"
#include "support/main.h"

#define ARGUMENTS 24

static void point_to(const char *name, int fd)
{
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(126);
}

/* The command in the test's folder, with signals as a terminal's shell leaves them. */
static pid_t begin(char *const *arguments)
{
    char path[600];
    command_find(path, sizeof path, "safer-ring");
    pid_t process = fork();
    if (process != 0)
        return process;
    signal(SIGINT, SIG_DFL);
    setpgid(0, 0);
    if (chdir(command_folder) != 0)
        _exit(126);
    point_to("out", STDOUT_FILENO);
    point_to("err", STDERR_FILENO);
    execv(path, arguments);
    _exit(126);
}

/* Its first worker is there: then it listens to signals. */
static bool has_workers(pid_t process)
{
    char path[64];
    char children[64] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process, (int)process);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        skip();
    ssize_t length = read(fd, children, sizeof children - 1);
    close(fd);
    return length > 0;
}

/* Interrupts it some time after its first worker began. Its exit code, or -1 when it ended by a signal. */
static int interrupt_all(const char *line, int number, int after_ms, bool group_too)
{
    char text[512];
    char *arguments[ARGUMENTS] = {NULL};
    int count = 0;
    int status = 0;
    snprintf(text, sizeof text, "safer-ring %s", line);
    for (char *word = strtok(text, " "); word != NULL && count < ARGUMENTS - 1; word = strtok(NULL, " "))
        arguments[count++] = word;
    pid_t process = begin(arguments);
    assert_true(process > 0);
    while (!has_workers(process) && waitpid(process, &status, WNOHANG) == 0)
        poll(NULL, 0, 1);
    poll(NULL, 0, after_ms);
    kill(process, number);
    if (group_too)
        kill(-process, number);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    command_read("out", command_out, sizeof command_out);
    command_read("err", command_err, sizeof command_err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int interrupt(const char *line, int number, int after_ms)
{
    return interrupt_all(line, number, after_ms, false);
}

/* The command behind "go on: safer-ring ". */
static const char *rest_of(void)
{
    static char rest[sizeof command_err];
    const char *at = strstr(command_err, "go on: safer-ring ");
    if (at == NULL)
        fail_msg("no way to go on: %s", command_err);
    snprintf(rest, sizeof rest, "%s", at + strlen("go on: safer-ring "));
    rest[strcspn(rest, "\n")] = 0;
    return rest;
}

static unsigned long long number_behind(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    if (at == NULL)
        fail_msg("no `%s` in: %s", word, text);
    return strtoull(at + strlen(word), NULL, 10);
}

/* A campaign that is interrupted prints its tables, and names the seeds that are left; none is left out. */
static void a_campaign_names_the_seeds_that_are_left(void **state)
{
    (void)state;

    assert_int_equal(interrupt("check --scenario storm --seeds 100000000 --jobs 2", SIGINT, 300), 130);

    assert_non_null(strstr(command_out, "no violation"));
    const char *rest = rest_of();
    unsigned long long first = number_behind(rest, "--first ");
    unsigned long long seeds = number_behind(rest, "--seeds ");
    assert_int_equal(first + seeds, 100000001);
    assert_true(first > 1);
    assert_true(number_behind(command_err, "interrupted after ") >= first - 1);
    assert_null(strstr(rest, "--seeds 100000000"));
    char line[512];
    snprintf(line, sizeof line, "%s --seeds 3", rest);
    assert_int_equal(command_run(line), 0);
    assert_non_null(strstr(command_out, "3 runs"));
}

/* timeout(1) tells a process and then its group, workers too: that is one wish, and what was done is told. */
static void one_wish_may_be_told_twice(void **state)
{
    (void)state;

    assert_int_equal(interrupt_all("check --scenario storm --seeds 100000000 --jobs 2", SIGTERM, 300, true),
                     143);

    assert_non_null(strstr(command_out, "no violation"));
    assert_non_null(rest_of());
}

/* A shard goes on as the shard that it is, and by SIGTERM as by SIGINT. */
static void a_shard_goes_on_as_one(void **state)
{
    (void)state;

    assert_int_equal(interrupt("check --scenario echo --seeds 90000000 --shard 1/3", SIGTERM, 300), 143);

    const char *rest = rest_of();
    unsigned long long first = number_behind(rest, "--first ");
    assert_int_equal(first % 3, 1); /* from seed 1 on, in steps of three */
    assert_int_equal(first + number_behind(rest, "--seeds "), 90000001);
    assert_non_null(strstr(rest, "--shard 1/3"));
}

/* JSON says that it is not the whole, and how to go on; both kernels' rests are named. */
static void json_says_that_it_was_interrupted(void **state)
{
    (void)state;

    assert_int_equal(interrupt("check --scenario echo --backend sim,engine --seeds 90000000 --json", SIGHUP,
                               300),
                     129);

    assert_int_equal(command_out[0], '{');
    assert_non_null(strstr(command_out, "\"interrupted\":true,\"go_on\":\"safer-ring check"));
    assert_non_null(strstr(rest_of(), "--backend sim && safer-ring check"));
    assert_non_null(strstr(rest_of(), "--backend engine"));
    assert_int_equal(command_run("check --kind --scenario echo --json"), 0);
    assert_non_null(strstr(command_out, "\"interrupted\":false"));
}

/* A walk names the programs that are not whole. */
static void a_walk_names_the_programs_that_are_left(void **state)
{
    char line[1024];
    (void)state;

    assert_int_equal(interrupt("exhaust --jobs 2", SIGINT, 100), 130);

    assert_non_null(strstr(command_out, "NOT all seen"));
    const char *rest = rest_of();
    assert_non_null(strstr(rest, "exhaust --jobs 2 --program SSS"));
    snprintf(line, sizeof line, "%s --limit 2", rest);
    assert_int_equal(command_run(line), 0);
    assert_non_null(strstr(command_out, "SSS"));
}

/* Faults go on behind the pairs of scenario and seed that are done with. */
static void faults_go_on_behind_what_is_done(void **state)
{
    char line[1024];
    (void)state;

    assert_int_equal(interrupt("faults --scenario echo --seeds 400 --jobs 2", SIGTERM, 1500), 143);

    assert_non_null(strstr(command_out, "failed once, and sticky"));
    const char *rest = rest_of();
    assert_true(number_behind(rest, "--skip ") < 400);
    snprintf(line, sizeof line, "faults --backend engine --scenario echo --seeds 4 --skip %u", 4u);
    assert_int_equal(command_run(line), 2); /* nothing is left */
    assert_int_equal(command_run("faults --backend engine --scenario echo --seeds 2 --skip 1 --jobs 2"), 0);
    unsigned long long fewer = number_behind(strrchr(command_out, ','), ","); /* violations: 0 */
    assert_int_equal(fewer, 0);
}

/* A series of runs goes on with the seed that was cut short; the program hears the signal too. */
static void a_series_of_runs_goes_on_with_the_seed_it_was_at(void **state)
{
    char program[600];
    char line[1024];
    char library[600];
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    command_find(program, sizeof program, "program_files");
    command_find(library, sizeof library, "../lib/libsafer_ring_run.so");

    snprintf(line, sizeof line, "run --quiet --seeds 1..1000000 --json counts -- %s", program);
    assert_int_equal(interrupt(line, SIGINT, 300), 130);

    const char *rest = rest_of();
    unsigned long long next = number_behind(rest, "--seeds ");
    assert_non_null(strstr(rest, "..1000000"));
    static char counts[1 << 20];
    command_read("counts", counts, sizeof counts);
    unsigned long long lines = 0;
    for (const char *at = counts; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, next - 1); /* a line for each seed before it, and none for it */
}

/* Shrinking writes what it has come to. */
static void shrinking_writes_what_it_has(void **state)
{
    char path[128];
    (void)state;
    assert_int_equal(command_run("check --scenario faulty --seed 2"), 1);

    int code = interrupt("shrink safer-ring-sim-faulty-2.tape --out small.tape", SIGTERM, 0);
    if (strstr(command_err, "interrupted") == NULL)
        skip(); /* it was through before */

    assert_int_equal(code, 143);
    command_path(path, sizeof path, "small.tape");
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(command_run("replay small.tape"), 1);
}

/* The second signal ends the command at once, and its workers with it. */
static void a_second_signal_ends_it(void **state)
{
    (void)state;
    char *arguments[] = {"safer-ring", "check", "--backend", "engine", "--seeds", "100000000", NULL};
    int status = 0;
    pid_t process = begin(arguments);
    while (!has_workers(process) && waitpid(process, &status, WNOHANG) == 0)
        poll(NULL, 0, 1);

    kill(process, SIGSTOP);
    kill(process, SIGINT);
    kill(process, SIGTERM);
    kill(process, SIGCONT);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;

    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 128 + SIGTERM || WEXITSTATUS(status) == 128 + SIGINT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(one_wish_may_be_told_twice, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(a_campaign_names_the_seeds_that_are_left, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_shard_goes_on_as_one, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(json_says_that_it_was_interrupted, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_walk_names_the_programs_that_are_left, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(faults_go_on_behind_what_is_done, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_series_of_runs_goes_on_with_the_seed_it_was_at, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(shrinking_writes_what_it_has, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(a_second_signal_ends_it, command_make_folder, command_remove_folder),
};

SR_TEST_MAIN(tests)
