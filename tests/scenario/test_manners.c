/*
 * What every verb does when something around it is wrong: an option, a file, a tape, the disk, its standard output. One line on
 * standard error, exit code 2, and nothing lost that was there before.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/command.h"
#include "support/main.h"

#define ONE_LINE 1024

/* Exit code 2 and one line; what was printed before it does not matter. */
static void assert_one_line(int code, const char *command)
{
    const char *end = strchr(command_err, '\n');
    if (code != 2 || end == NULL || end[1] != 0 || end - command_err > ONE_LINE)
        fail_msg("`%s`: exit code %d, and it says: %s", command, code, command_err);
}

static void assert_refused(const char *arguments)
{
    assert_one_line(command_run(arguments), arguments);
    if (command_out[0] != 0)
        fail_msg("`%s` printed: %s", arguments, command_out);
}

static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

/* ---- Options ---- */

/* Calls `each` for the options that a verb's help lists, with whether a value follows in it. */
static unsigned for_each_option(const char *verb,
                                void (*each)(const char *verb, const char *option, bool takes))
{
    static char help[sizeof command_out];
    char line[64];
    unsigned count = 0;
    snprintf(line, sizeof line, "%s --help", verb);
    assert_int_equal(command_run(line), 0);
    memcpy(help, command_out, sizeof help);
    for (const char *at = help; (at = strstr(at, "\n  --")) != NULL; at++) {
        char option[32];
        size_t length = strcspn(at + 3, " \n,");
        snprintf(option, sizeof option, "%.*s", (int)length, at + 3);
        /* A value's name is in capitals; "[" says that it may be left out. */
        const char *behind = at + 3 + length + 1;
        each(verb, option, *behind >= 'A' && *behind <= 'Z');
        count++;
    }
    return count;
}

static void without_its_value(const char *verb, const char *option, bool takes)
{
    char line[128];
    if (!takes)
        return;
    bool runs = strcmp(verb, "run") == 0;
    const char *tape = strcmp(verb, "shrink") == 0 || strcmp(verb, "replay") == 0 ? "x.tape " : "";
    snprintf(line, sizeof line, "%s %s%s%s", verb, tape, option, runs ? " -- /bin/true" : "");
    assert_refused(line);
}

/* What each verb is held against: wrong values of its options, options of others, words that belong nowhere. */
static const struct {
    const char *verb;
    const char *wrong[24];
} rows[] = {
    {"check", {"--nonsense",      "word",
               "--seeds 0",       "--seeds -1",
               "--seeds 1e3",     "--seeds 99999999999999999999",
               "--first x",       "--seed x",
               "--operations 0",  "--driver nobody",
               "--shard 4/4",     "--shard 1",
               "--shard -1/3",    "--shard 1/x",
               "--backend vax",   "--backend ''",
               "--scenario calm", "--scenario ''",
               "--jobs 0",        "--jobs 1000",
               "--file absent",   "--tape-dir /nowhere",
               "--tmp /nowhere",  "--skip 3"}},
    {"faults",
     {"--nonsense", "word", "--seeds 0", "--json", "--kind", "--file x", "--backend all", "--backend vax",
      "--shard 0/2", "--operations 5", "--driver swarm", "--skip x", "--skip", "--scenario calm", "--jobs 0",
      "--backend engine --scenario echo --skip 999999"}},
    {"exhaust",
     {"--nonsense", "word", "--operations 0", "--operations 4", "--operations x", "--program X",
      "--program NNNN", "--program ''", "--program N,X", "--walk x", "--choices 0",
      "--program N --choices 256", "--program N --choices x", "--program N,S --choices 0", "--limit 0",
      "--jobs 0"}},
    {"replay",
     {"", "--nonsense", "a.tape b.tape", "absent.tape", ".", "--html", "absent.tape --html",
      "--scenario echo", "--seed 3", "--scenario echo,storm --seed 3", "--scenario echo --seed x",
      "--scenario echo --seed 3 --backend all"}},
    {"shrink",
     {"", "--nonsense", "a.tape b.tape", "absent.tape", ".", "absent.tape --attempts x",
      "absent.tape --attempts -1", "absent.tape --out", "absent.tape --c", "absent.tape --nonsense 3"}},
    {"run",
     {"", "--", "--seed 3 --", "--nonsense -- /bin/true", "/bin/true", "--seed x -- /bin/true",
      "--seeds 3 -- /bin/true", "--seeds 5..1 -- /bin/true", "--seeds 1..x -- /bin/true",
      "--policy gentle -- /bin/true", "--seed 1 --policy absent -- /bin/true",
      "--seed 1 --faults result/long -- /bin/true", "--seed 1 --faults result/short=x -- /bin/true",
      "--tape absent -- /bin/true", "--tape . -- /bin/true", "--seed 1 --tape x -- /bin/true",
      "--suppress absent -- /bin/true", "--stall-ms x -- /bin/true"}},
    {"doctor", {"now", "--nonsense", "--json"}},
};

static void wrong_usage_of(const char *verb)
{
    char line[256];
    unsigned tried = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; strcmp(rows[i].verb, verb) == 0 && j < 24 && rows[i].wrong[j] != NULL;
             j++, tried++) {
            snprintf(line, sizeof line, "%s %s", verb, rows[i].wrong[j]);
            assert_refused(line);
        }
    }
    assert_true(tried > 0);
    unsigned options = for_each_option(verb, without_its_value);
    assert_true(options >= 2 || strcmp(verb, "doctor") == 0 || strcmp(verb, "replay") == 0);
}

/* Everything that is wrong with a line of `check` is told in one line. */
static void check_refuses_what_is_wrong(void **state)
{
    (void)state;
    wrong_usage_of("check");
}

/* … of `faults`. */
static void faults_refuses_what_is_wrong(void **state)
{
    (void)state;
    wrong_usage_of("faults");
}

/* … of `exhaust`. */
static void exhaust_refuses_what_is_wrong(void **state)
{
    (void)state;
    wrong_usage_of("exhaust");
}

/* … of `replay`. */
static void replay_refuses_what_is_wrong(void **state)
{
    (void)state;
    wrong_usage_of("replay");
}

/* … of `shrink`. */
static void shrink_refuses_what_is_wrong(void **state)
{
    (void)state;
    wrong_usage_of("shrink");
}

/* … of `run`. */
static void run_refuses_what_is_wrong(void **state)
{
    (void)state;
    if (is_sanitized())
        skip();
    wrong_usage_of("run");
}

/* … of `doctor`. */
static void doctor_refuses_what_is_wrong(void **state)
{
    (void)state;
    wrong_usage_of("doctor");
}

/* A verb that is listed has a row here, and none is here that is not listed. */
static void every_verb_is_tried(void **state)
{
    (void)state;
    unsigned listed = 0;
    assert_int_equal(command_run("--help"), 0);
    for (const char *at = command_out; (at = strstr(at, "\n  safer-ring ")) != NULL; at++) {
        const char *verb = at + strlen("\n  safer-ring ");
        size_t length = strcspn(verb, " ");
        bool known = verb[0] == '-' || verb[0] == 'V';
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            known = known || (strlen(rows[i].verb) == length && strncmp(rows[i].verb, verb, length) == 0);
        if (!known)
            fail_msg("no row for the verb %.*s", (int)length, verb);
        listed += verb[0] != '-' && verb[0] != 'V' ? 1 : 0;
    }
    assert_int_equal(listed, sizeof rows / sizeof rows[0]);
    assert_int_equal(command_run("nonsense"), 2);
    assert_one_line(2, "nonsense");
}

/* ---- Tapes ---- */

static char tape[8192];
static size_t tape_size;

/*
 * A small tape that breaks a rule: "x.tape" in the folder, and its bytes. Under a sanitizer its run ends at once: it is a tape then
 * that is not to be run.
 */
static void make_tape(void)
{
    char path[128];
    assert_int_equal(command_run("check --scenario faulty --seed 2"), 1);
    if (!is_sanitized())
        assert_int_equal(command_run("shrink safer-ring-sim-faulty-2.tape --out x.tape"), 0);
    command_path(path, sizeof path, is_sanitized() ? "safer-ring-sim-faulty-2.tape" : "x.tape");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    tape_size = fread(tape, 1, sizeof tape, file);
    fclose(file);
    assert_in_range(tape_size, 100, sizeof tape - 1);
}

static bool runs_a_tape(const char *command)
{
    return strstr(command, " x.tape") != NULL;
}

static void write_broken(const char *bytes, size_t size)
{
    char path[128];
    command_path(path, sizeof path, "y.tape");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void every_break_is_told(const char *command)
{
    static char changed[sizeof tape];
    size_t step = is_sanitized() ? 17 : 1;
    make_tape();
    for (size_t i = 0; i < tape_size; i += step) {
        write_broken(tape, i);
        assert_refused(command);
        assert_non_null(strstr(command_err, "byte"));
        memcpy(changed, tape, tape_size);
        changed[i] = (char)(changed[i] ^ (1 << i % 8));
        write_broken(changed, tape_size);
        assert_refused(command);
        assert_non_null(strstr(command_err, "byte"));
    }
    char path[128];
    command_path(path, sizeof path, "y.tape.small");
    assert_int_equal(access(path, F_OK), -1);
}

/* A tape that is cut at any byte, or has a bit changed in any, is refused by `replay` with the place. */
static void replay_refuses_every_broken_tape(void **state)
{
    (void)state;
    every_break_is_told("replay y.tape");
}

/* … by `shrink`, which writes nothing then. */
static void shrink_refuses_every_broken_tape(void **state)
{
    (void)state;
    every_break_is_told("shrink y.tape");
}

/* … by `run`, before the program begins. */
static void run_refuses_every_broken_tape(void **state)
{
    (void)state;
    if (is_sanitized())
        skip();
    every_break_is_told("run --tape y.tape -- /bin/true");
}

/* A tape of another command's run is no tape for this one, and says whose it is. */
static void a_tape_of_another_command_is_told(void **state)
{
    char path[600];
    char line[800];
    (void)state;
    if (is_sanitized())
        skip();
    command_find(path, sizeof path, "program_files");
    make_tape();

    assert_refused("run --tape x.tape -- /bin/true");
    assert_non_null(strstr(command_err, "safer-ring replay x.tape"));
    snprintf(line, sizeof line, "run --quiet --seed 3 --save-tape run.tape -- '%s'", path);
    assert_int_equal(command_run(line), 0);
    assert_refused("replay run.tape");
    assert_non_null(strstr(command_err, "safer-ring run --tape run.tape"));
}

/* ---- Standard output ---- */

/* One line of each verb that prints results; exit code 0 or 1 where somebody takes them. */
static const char *const talking[] = {
    "--help",
    "--version",
    "check --help",
    "check --seeds 2 --scenario echo",
    "check --seed 3 --scenario echo",
    "check --kind --scenario echo --json",
    "faults --backend engine --seeds 1 --scenario echo",
    "exhaust --operations 1",
    "exhaust --operations 1 --json",
    "exhaust --program N --choices 0",
    "replay --scenario echo --seed 3",
    "replay --scenario storm --seed 3 --backend engine",
    "replay x.tape",
    "shrink x.tape",
    "doctor",
};
#define TALKING (sizeof talking / sizeof talking[0])

static void every_verb_says_so(const char *streams)
{
    make_tape();
    for (size_t i = 0; i < TALKING; i++) {
        if (is_sanitized() && runs_a_tape(talking[i]))
            continue;
        assert_one_line(command_run_as("safer-ring", "", talking[i], streams), talking[i]);
        assert_non_null(strstr(command_err, "standard output"));
    }
}

/* A disk that is full under standard output is told by each verb, with exit code 2. */
static void a_full_disk_under_the_output_is_told(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    every_verb_says_so(">/dev/full 2>err");
}

/* … a standard output that was closed before the command began; no file gets what is printed in its place. */
static void a_closed_output_is_told(void **state)
{
    (void)state;
    every_verb_says_so("2>err >&-");
    assert_one_line(command_run_as("safer-ring", "",
                                   "check --kind --scenario echo --json result --tape-dir .", "2>err >&-"),
                    "--json result");
    command_read("result", command_out, sizeof command_out);
    assert_int_equal(command_out[0], '{');
    assert_null(strstr(command_out, "no violation"));
}

/* … a pipe that nobody reads, which ends no verb by a signal. */
static void a_closed_pipe_is_told(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], 9), 9);
    close(ends[0]);
    close(ends[1]);
    every_verb_says_so(">&9 2>err");
    close(9);
}

/* ---- Files that can't be written ---- */

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *folder = opendir(command_folder);
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* Every option that names a file to write; %s is the file. */
static const char *const writing[] = {
    "check --kind --scenario echo --json %s",
    "replay x.tape --html %s",
    "shrink x.tape --out %s",
    "shrink x.tape --c %s --out /dev/null",
};
#define WRITING (sizeof writing / sizeof writing[0])

static int write_to(const char *file, const char *form, const char *before)
{
    char line[256];
    const char *at = strstr(form, "%s");
    snprintf(line, sizeof line, "%.*s%s%s", (int)(at - form), form, file, at + 2);
    return command_run_as("safer-ring", before, line, ">/dev/null 2>err");
}

/* A device that takes nothing is told, and is a device afterwards: nobody replaced or removed it. */
static void a_full_device_is_told_and_stays(void **state)
{
    struct stat status;
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    make_tape();
    for (size_t i = 0; i < WRITING; i++) {
        if (is_sanitized() && runs_a_tape(writing[i]))
            continue;
        char link[128];
        command_path(link, sizeof link, "full");
        assert_int_equal(symlink("/dev/full", link), 0);
        assert_one_line(write_to("full", writing[i], ""), writing[i]);
        assert_non_null(strstr(command_err, "No space left"));
        assert_int_equal(lstat(link, &status), 0);
        assert_true(S_ISLNK(status.st_mode));
        assert_int_equal(stat("/dev/full", &status), 0);
        assert_true(S_ISCHR(status.st_mode));
        assert_int_equal(unlink(link), 0);
    }
}

/* Nothing grows from here on, nor is the coverage of a build that measures it written. */
#define NO_ROOM "{ LLVM_PROFILE_FILE=/dev/null; export LLVM_PROFILE_FILE; ulimit -f 0;"

/* A file that can't grow any more keeps what it held, and nothing half-written is left beside it. */
static void a_result_that_finds_no_room_leaves_the_old_one(void **state)
{
    (void)state;
    make_tape();
    command_write("result", "what was there\n");
    unsigned before = count_files();
    for (size_t i = 0; i < WRITING; i++) {
        if (is_sanitized() && runs_a_tape(writing[i]))
            continue;
        /* The line about it goes through a pipe: a limit holds for every file. */
        char line[512];
        const char *at = strstr(writing[i], "%s");
        snprintf(line, sizeof line, "%.*sresult%s >/dev/null 2>&1; echo code=$?; } | cat >err; true",
                 (int)(at - writing[i]), writing[i], at + 2);
        assert_int_equal(command_run_as("safer-ring", NO_ROOM, line, ""), 0);
        if (strstr(command_err, "code=2") == NULL)
            fail_msg("`%s`: %s", writing[i], command_err);
        command_read("result", command_out, sizeof command_out);
        assert_string_equal(command_out, "what was there\n");
    }
    assert_int_equal(count_files(), before);
}

/* A violation whose tape finds no room is told all the same, and that it has none. */
static void a_violation_without_room_for_its_tape_is_told(void **state)
{
    (void)state;
    assert_int_equal(command_run_as("safer-ring", NO_ROOM,
                                    "check --scenario faulty --seed 2 2>&1; echo code=$?; } | cat >out", ""),
                     0);
    assert_non_null(strstr(command_out, "code=1"));
    assert_non_null(strstr(command_out, "VIOLATION"));
    assert_non_null(strstr(command_out, "no tape: it can't be written: File too large"));
}

/* What `run` is to write is told as well: counts, which are only added to, and the tape. */
static void run_tells_what_it_can_not_write(void **state)
{
    char program[600];
    char line[1000];
    (void)state;
    if (is_sanitized() || access("/dev/full", W_OK) != 0)
        skip();
    command_find(program, sizeof program, "program_files");
    snprintf(line, sizeof line, "run --quiet --seed 3 --json /dev/full -- '%s'", program);
    assert_one_line(command_run(line), line);
    snprintf(line, sizeof line, "run --quiet --seed 3 --save-tape /dev/full -- '%s'", program);
    assert_one_line(command_run(line), line);
    snprintf(line, sizeof line, "run --quiet --seed 3 --trace /dev/full -- '%s'", program);
    assert_one_line(command_run(line), line);
    snprintf(line, sizeof line, "run --quiet --seed 3 --html /dev/full -- '%s'", program);
    assert_one_line(command_run(line), line);
    snprintf(line, sizeof line, "run --quiet --seed 3 --json - -- '%s'", program);
    assert_one_line(command_run_as("safer-ring", "", line, ">/dev/full 2>err"), line);
    snprintf(line, sizeof line, "run --quiet --seeds 3..4 --json counts -- '%s'", program);
    assert_int_equal(command_run(line), 0);
    command_read("counts", command_out, sizeof command_out);
    assert_int_equal(strncmp(command_out, "{\"seed\": 3,", 11), 0);
    assert_non_null(strstr(command_out, "\n{\"seed\": 4,"));
}

/* ---- The two commands of the tests ---- */

static void assert_other_refuses(const char *name, const char *arguments, const char *streams)
{
    assert_one_line(command_run_as(name, "", arguments, streams), arguments);
}

/* safer-ring-differential has the same manners. */
static void the_differential_has_the_same_manners(void **state)
{
    static const char *const wrong[] = {"--nonsense",
                                        "word",
                                        "--programs",
                                        "--programs x",
                                        "--replay absent",
                                        "--replay .",
                                        "--tape-dir /nowhere --programs 1",
                                        "--tmp /nowhere --programs 1",
                                        "--replay x.tape"};
    static const char name[] = "safer-ring-differential";
    (void)state;
    make_tape();
    if (command_run_as(name, "", "--programs 1", ">out 2>err") == 77)
        skip();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_other_refuses(name, wrong[i], ">out 2>err");
    assert_other_refuses(name, "--programs 1 --json /dev/full", ">/dev/null 2>err");
    assert_other_refuses(name, "--programs 1", ">/dev/full 2>err");
    assert_other_refuses(name, "--programs 1", "2>err >&-");
    assert_other_refuses(name, "--help", ">/dev/full 2>err");
}

/* safer-ring-bench has them too. */
static void the_benchmark_has_the_same_manners(void **state)
{
    static const char *const wrong[] = {"--nonsense",
                                        "word",
                                        "--only",
                                        "--only nobody",
                                        "--rounds 0",
                                        "--rounds x",
                                        "--arm both",
                                        "--instructions nop",
                                        "--json /nowhere/x --short --only sim-nop"};
    static const char name[] = "safer-ring-bench";
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_other_refuses(name, wrong[i], ">out 2>err");
    assert_other_refuses(name, "--help", ">/dev/full 2>err");
    assert_other_refuses(name, "--help", "2>err >&-");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(check_refuses_what_is_wrong, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(faults_refuses_what_is_wrong, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(exhaust_refuses_what_is_wrong, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(replay_refuses_what_is_wrong, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(shrink_refuses_what_is_wrong, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(run_refuses_what_is_wrong, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(doctor_refuses_what_is_wrong, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(every_verb_is_tried, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(replay_refuses_every_broken_tape, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(shrink_refuses_every_broken_tape, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(run_refuses_every_broken_tape, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_tape_of_another_command_is_told, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_full_disk_under_the_output_is_told, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_closed_output_is_told, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(a_closed_pipe_is_told, command_make_folder, command_remove_folder),
    cmocka_unit_test_setup_teardown(a_full_device_is_told_and_stays, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_result_that_finds_no_room_leaves_the_old_one, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(a_violation_without_room_for_its_tape_is_told, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(run_tells_what_it_can_not_write, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(the_differential_has_the_same_manners, command_make_folder,
                                    command_remove_folder),
    cmocka_unit_test_setup_teardown(the_benchmark_has_the_same_manners, command_make_folder,
                                    command_remove_folder),
};

SR_TEST_MAIN(tests)
