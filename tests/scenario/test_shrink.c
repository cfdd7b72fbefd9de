/*
 * From a violation to what shows it: a wrong program's tape is shrunk, and its run drawn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/command.h"
#include "support/main.h"

/* The tape of the wrong program that has the most choices. */
static void find_violation(void)
{
    assert_int_equal(command_run("check --scenario faulty --seeds 60 --jobs 1"), 1);
    assert_non_null(strstr(command_out, "VIOLATION BUF-3"));
    char command[256];
    snprintf(command, sizeof command,
             "cd '%s' && cp \"$(ls -S safer-ring-sim-faulty-*.tape | head -n 1)\" large.tape",
             command_folder);
    assert_int_equal(system(command), 0);
}

/* A tape of thousands of choices is shrunk to the few that matter. */
static void thousands_of_choices_shrink_to_a_few(void **state)
{
    (void)state;
    size_t before = 0;
    size_t choices = 0;
    size_t size = 0;
    size_t left = 0;
    find_violation();

    assert_int_equal(command_run("shrink large.tape --out small.tape"), 0);

    assert_int_equal(sscanf(command_out, "large.tape: %zu bytes, %zu of them not 0, break BUF-3", &before,
                            &choices),
                     2);
    const char *shrunk = strstr(command_out, "shrunk: ");
    assert_non_null(shrunk);
    assert_int_equal(sscanf(shrunk, "shrunk: %zu bytes, %zu of them not 0, break BUF-3", &size, &left), 2);
    assert_true(before > 2000 && choices > 1000);
    assert_true(left <= 20);
    assert_int_equal(command_run("replay small.tape"), 1);
    assert_non_null(strstr(command_out, "VIOLATION BUF-3"));
    assert_non_null(strstr(command_out, "was submitted at"));
    assert_non_null(strstr(command_out, "legend: "));
}

/* What is no tape, and what is missing, is said in one line. */
static void what_is_no_tape_is_not_shrunk(void **state)
{
    (void)state;
    command_write("broken.tape", "safer-ring-tape\nformat=1\nprogram=storm\n");
    assert_int_equal(command_run("shrink broken.tape"), 2);
    assert_non_null(strstr(command_err, "byte"));
    assert_int_equal(command_run("shrink absent.tape"), 2);
    assert_non_null(strstr(command_err, "No such file"));
    assert_int_equal(command_run("shrink"), 2);
    assert_int_equal(command_run("shrink --attempts few x"), 2);
    assert_non_null(strstr(command_err, "--attempts"));
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || defined SRI_COUNT_TRANSITIONS
#define PLAIN 0
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PLAIN 0
#endif
#endif
#ifndef PLAIN
#define PLAIN 1 /* this build's libraries link with a plain program */
#endif

/* The shrunk run as a program in C: it compiles, and shows the same. */
static void the_run_is_a_program_in_c(void **state)
{
    (void)state;
    char command[1024];
    find_violation();
    assert_int_equal(command_run("shrink large.tape --out small.tape --c small.c"), 0);
    if (!PLAIN || system("command -v cc > /dev/null") != 0)
        skip();

    snprintf(
        command, sizeof command,
        "cd '%s' && bin=$(dirname \"$(readlink /proc/%ld/exe)\") && cc -std=gnu17 -Wall -Werror -I '%s' small.c -o small "
        "$bin/../lib/libsafer_ring_sim.a $bin/../lib/libsafer_ring.a -lfiu -luring -lpthread",
        command_folder, (long)getpid(), SR_TEST_INCLUDE);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "cd '%s' && ./small > shown", command_folder);
    int status = system(command);

    command_read("shown", command_out, sizeof command_out);
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(command_out, "here the run broke BUF-3"));
    assert_non_null(strstr(command_out, "shown: this library does as the one in the run did"));
}

/* The page opens in a browser: its lanes are drawn, the owner of each by its colour, and what was broken is said. */
static void the_page_opens_in_a_browser(void **state)
{
    (void)state;
    static char page[4 << 20];
    char command[1024];
    find_violation();
    assert_int_equal(command_run("shrink large.tape --out small.tape"), 0);
    assert_int_equal(command_run("replay small.tape --html page.html"), 1);
    command_read("page.html", page, sizeof page);
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    if (system("command -v chromium > /dev/null") != 0)
        skip();

    snprintf(
        command, sizeof command,
        "cd '%s' && timeout 50 chromium --headless=new --no-sandbox --disable-gpu --virtual-time-budget=2000 "
        "--user-data-dir='%s/chromium' --dump-dom \"file://$PWD/page.html\" > dom 2> /dev/null",
        command_folder, command_folder);
    assert_int_equal(system(command), 0);

    command_read("dom", page, sizeof page);
    assert_non_null(strstr(page, "<svg id=\"lanes\""));
    assert_non_null(strstr(page, "class=\"kernel\""));
    assert_non_null(strstr(page, "class=\"program\""));
    assert_non_null(strstr(page, "class=\"broken\""));
    assert_non_null(strstr(page, "<b>BUF-3</b>"));
    assert_non_null(strstr(page, "buffer "));
    assert_non_null(strstr(page, "</body>"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(thousands_of_choices_shrink_to_a_few),
    cmocka_unit_test(what_is_no_tape_is_not_shrunk),
    cmocka_unit_test(the_run_is_a_program_in_c),
    cmocka_unit_test(the_page_opens_in_a_browser),
};

SR_TEST_MAIN_GROUP(tests, command_make_folder, command_remove_folder)
