/*
 * safer-ring-differential: random programs on the true kernel and on the engine, compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "as_c.h"
#include "explore/shrink.h"
#include "fate/points.h"
#include "fate/tape_file.h"
#include "fate/whole_file.h"
#include "report.h"
#include "support/disk.h"

static const char usage[] =
    "safer-ring-differential: random programs of entries on the true kernel and on the engine, compared\n"
    "\n"
    "    --programs N      so many programs (default 2000; with --seconds: as many as there is time for)\n"
    "    --seconds S       for so long\n"
    "    --seed N          the first program's seed; the others follow (default 1)\n"
    "    --bold 1          programs that go where the engine is known to differ still (docs/simulator.md)\n"
    "    --bound N         runs of the engine to find a program's outcomes (default 400)\n"
    "    --shrink N        runs to make a difference smaller (default 600)\n"
    "    --differences N   stop after so many (default 1)\n"
    "    --replay TAPE     one program again, with what it showed on each kernel\n"
    "    --json FILE       the counts for programs\n"
    "    --tape-dir DIR    where tapes and C programs of differences go (default: the current folder)\n"
    "    --tmp DIR         where the programs' files go (default: TMPDIR, else /tmp, or /var/tmp if only that is on a disk)\n"
    "\n"
    "A program is determined when the engine can show one outcome only, with every freedom that a real kernel has.\n"
    "Exit code: 0 no difference, 1 a difference, 2 bad usage or environment, 77 this machine refuses io_uring.\n";

enum {
    EXIT_FINE = 0,
    EXIT_DIFFERENT = 1,
    EXIT_USAGE = 2,
    EXIT_SKIPPED = 77
};

#define TRIES 3u

struct options {
    uint64_t programs;
    uint64_t seconds;
    uint64_t seed;
    uint64_t bound;
    uint64_t differences;
    uint64_t shrink;
    uint64_t bold;
    const char *replay;
    const char *json;
    const char *tape_dir;
    const char *tmp;
};

struct session {
    struct options options;
    struct df_judge judge;
    struct df_case one;
    struct sri_tape tape;
    struct df_report report;
    uint64_t began_ns;
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "safer-ring-differential: %s%s\n", what, why);
    return EXIT_USAGE;
}

static int complain_of(const char *name, const char *what, const char *why)
{
    fprintf(stderr, "safer-ring-differential: `%s` %s: %s\n", name, what, why);
    return EXIT_USAGE;
}

static bool is_difference(const struct df_case *one)
{
    return one->verdict == DF_DIFFERS || one->verdict == DF_OPEN;
}

/* A difference that comes only sometimes is one too. */
static bool shows(void *self, const uint8_t *bytes, size_t size)
{
    struct session *session = self;
    for (unsigned i = 0; i < TRIES; i++) {
        if (sri_tape_init_body(&session->tape, bytes, size) != 0)
            return false;
        df_judge_program(&session->judge, &session->one, &session->tape);
        if (session->one.verdict == DF_DIFFERS)
            return true;
    }
    return false;
}

static void explain(FILE *out, const struct df_case *one)
{
    bool host = strcmp(one->who, df_the_host) == 0;
    const struct df_outcome *shown = host ? &one->host : &one->real;
    fprintf(out, "%s shows what is none of %u outcomes (%u runs)%s:\n", one->who, one->set, one->runs,
            one->verdict == DF_OPEN ? " seen so far" : "");
    df_outcome_print(out, &one->program, shown, &one->kind);
    fprintf(out, "the simulated kernel, kind:\n");
    df_outcome_print(out, &one->program, &one->kind, shown);
    if (host) {
        fprintf(out, "the true kernel:\n");
        df_outcome_print(out, &one->program, &one->real, NULL);
    }
}

static void keep_tape(const struct session *session, const uint8_t *bytes, size_t size, uint64_t seed)
{
    char path[512];
    struct sri_tape_error error;
    struct sri_tape_file file = {.program = "differential",
                                 .world = "host",
                                 .semantics = SRI_SEMANTICS_VERSION,
                                 .points = sri_points_hash(),
                                 .seed = seed,
                                 .body = bytes,
                                 .size = size};
    snprintf(path, sizeof path, "%s/differential-%llu.tape", session->options.tape_dir,
             (unsigned long long)seed);
    if (sri_tape_file_write(&file, path, &error) != 0)
        complain("the tape can't be kept: ", error.reason);
    else
        printf("tape: %s\n", path);
    snprintf(path, sizeof path, "%s/differential-%llu.c", session->options.tape_dir,
             (unsigned long long)seed);
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return;
    df_print_as_c(out, &session->one.program, &session->one.plan);
    if (fclose(out) == 0)
        printf("C program: %s\n", path);
}

/* Makes it smaller, says what differs, keeps it. */
static void tell(struct session *session, uint64_t seed)
{
    const uint8_t *body;
    size_t size;
    sri_tape_body(&session->tape, &body, &size);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        abort();
    memcpy(bytes, body, size);
    struct df_case first = session->one;
    struct sri_shrink shrink = {.shows = shows,
                                .self = session,
                                .attempts = (uint32_t)session->options.shrink};
    if (first.verdict == DF_DIFFERS && shows(session, bytes, size)) {
        size = sri_shrink(&shrink, bytes, size);
        (void)shows(session, bytes, size);
    } else {
        printf("(it did not come again)\n");
        session->one = first;
    }
    printf("seed %llu, shrunk in %u runs to %zu bytes, %u entries; ring flags 0x%x\n",
           (unsigned long long)seed, shrink.made, size, session->one.program.entries,
           session->one.program.setup_flags);
    explain(stdout, &session->one);
    df_print_as_c(stdout, &session->one.program, &session->one.plan);
    keep_tape(session, bytes, size, seed);
    fflush(stdout);
    free(bytes);
}

static void show_progress(const struct session *session, bool last)
{
    double seconds = (double)(clock_ns() - session->began_ns) / 1e9;
    if (isatty(STDERR_FILENO) != 1)
        return;
    if (last)
        fputs("\r\x1b[K", stderr);
    else
        fprintf(stderr, "\r%llu programs, %.0f per second, %llu different, %.0f %% determined   ",
                (unsigned long long)session->report.programs, (double)session->report.programs / seconds,
                (unsigned long long)session->report.verdicts[DF_DIFFERS],
                df_report_determined(&session->report));
}

static bool goes_on(const struct session *session)
{
    const struct options *options = &session->options;
    const struct df_report *report = &session->report;
    if (report->verdicts[DF_DIFFERS] + report->verdicts[DF_OPEN] >= options->differences)
        return false;
    if (options->seconds > 0 && clock_ns() - session->began_ns >= options->seconds * UINT64_C(1000000000))
        return false;
    return report->programs < options->programs;
}

static void run(struct session *session)
{
    for (uint64_t seed = session->options.seed; goes_on(session); seed++) {
        sri_tape_init_seed(&session->tape, seed);
        df_judge_program(&session->judge, &session->one, &session->tape);
        df_report_add(&session->report, &session->one);
        if (is_difference(&session->one))
            tell(session, seed);
        if (session->one.verdict == DF_HELD_UP)
            printf("seed %llu: %s differed once, and eight times not\n", (unsigned long long)seed,
                   session->one.who);
        if (session->report.programs % 256 == 0)
            show_progress(session, false);
    }
    show_progress(session, true);
}

static int replay(struct session *session)
{
    struct sri_tape_error error;
    struct sri_tape_file file;
    if (sri_tape_file_read(&file, session->options.replay, &error) != 0)
        return complain_of(session->options.replay, "can't be read", error.reason);
    if (strcmp(file.program, "differential") != 0) {
        sri_tape_file_fini(&file);
        return complain_of(session->options.replay, "is of another command", "see safer-ring replay");
    }
    int rc = sri_tape_init_body(&session->tape, file.body, file.size);
    sri_tape_file_fini(&file);
    if (rc != 0)
        return complain("no memory for the tape", "");
    df_judge_program(&session->judge, &session->one, &session->tape);
    printf("the true kernel:\n");
    df_outcome_print(stdout, &session->one.program, &session->one.real, NULL);
    if (is_difference(&session->one))
        explain(stdout, &session->one);
    df_print_as_c(stdout, &session->one.program, &session->one.plan);
    return is_difference(&session->one) ? EXIT_DIFFERENT : EXIT_FINE;
}

static int write_json(const struct session *session)
{
    char *text = NULL;
    size_t size = 0;
    const char *doing;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return complain("no memory for the counts", "");
    df_report_json(out, &session->report);
    int rc = fclose(out) == 0 ? sri_whole_file_write(session->options.json, text, size, &doing) : -ENOMEM;
    free(text);
    return rc == 0 ? EXIT_FINE : complain_of(session->options.json, "can't be written", strerrordesc_np(-rc));
}

static int finish(struct session *session)
{
    session->report.seconds = (double)(clock_ns() - session->began_ns) / 1e9;
    df_report_text(stdout, &session->report);
    if (session->options.json != NULL && write_json(session) != EXIT_FINE)
        return EXIT_USAGE;
    const uint64_t *verdicts = session->report.verdicts;
    return verdicts[DF_DIFFERS] + verdicts[DF_OPEN] > 0 ? EXIT_DIFFERENT : EXIT_FINE;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 0);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

/* 0, or how it ends at once. */
static int read_options(struct options *options, int count, char **arguments)
{
    static const char *const names[] = {"--programs",    "--seconds", "--seed", "--bound",
                                        "--differences", "--shrink",  "--bold"};
    uint64_t *const numbers[] = {&options->programs,    &options->seconds, &options->seed, &options->bound,
                                 &options->differences, &options->shrink,  &options->bold};
    static const char *const text_names[] = {"--replay", "--json", "--tape-dir", "--tmp"};
    const char **const texts[] = {&options->replay, &options->json, &options->tape_dir, &options->tmp};
    for (int at = 1; at < count; at += 2) {
        bool known = false;
        const char *value = at + 1 < count ? arguments[at + 1] : NULL;
        for (unsigned i = 0; i < sizeof names / sizeof names[0] && value != NULL; i++) {
            if (strcmp(arguments[at], names[i]) != 0)
                continue;
            known = true;
            if (!read_number(value, numbers[i]))
                return complain(arguments[at], " wants a number; see --help");
        }
        for (unsigned i = 0; i < sizeof text_names / sizeof text_names[0] && value != NULL; i++) {
            if (strcmp(arguments[at], text_names[i]) == 0) {
                known = true;
                *texts[i] = value;
            }
        }
        if (!known)
            return complain(arguments[at], ": no such option, or no value; see --help");
    }
    if (access(options->tape_dir, W_OK | X_OK) != 0)
        return complain_of(options->tape_dir, "can't be written", "name another folder with --tape-dir DIR");
    if (access(options->tmp, W_OK | X_OK) != 0)
        return complain_of(options->tmp, "can't be written", "name another folder with --tmp DIR");
    return EXIT_FINE;
}

/* What was printed must have come out. Of two complaints the first is the cause. */
static int leave(int code)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code == EXIT_USAGE)
        return code;
    return complain("standard output can't be written: is the disk full, or the pipe closed?", "");
}

static int open_kernels(struct session *session)
{
    const char *name;
    int rc = df_judge_open(&session->judge, session->options.tmp, &name);
    if (rc == 0)
        return EXIT_FINE;
    fprintf(stderr, "safer-ring-differential: the kernel `%s` can't be had here: %s\n", name, strerror(-rc));
    return strcmp(name, "uring") == 0 ? EXIT_SKIPPED : EXIT_USAGE;
}

int main(int count, char **arguments)
{
    static struct session session;
    const char *tmp = disk_folder();
    signal(SIGPIPE, SIG_IGN);
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0) /* else the next file that is opened gets what is printed */
        (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
    session.options = (struct options){
        .seed = 1, .bound = 400, .differences = 1, .shrink = 600, .tape_dir = ".", .tmp = tmp};
    if (count == 2 && strcmp(arguments[1], "--help") == 0)
        return leave(fputs(usage, stdout) < 0 ? EXIT_USAGE : EXIT_FINE);
    int rc = read_options(&session.options, count, arguments);
    if (rc != EXIT_FINE)
        return rc;
    if (session.options.programs == 0)
        session.options.programs = session.options.seconds > 0 ? UINT64_MAX : 2000;
    rc = open_kernels(&session);
    if (rc != EXIT_FINE)
        return rc;
    session.judge.reach = session.options.bold != 0 ? DF_BOLD : DF_PLAIN;
    session.judge.bound = (uint32_t)session.options.bound;
    session.began_ns = clock_ns();
    if (session.options.replay != NULL) {
        rc = replay(&session);
    } else {
        run(&session);
        rc = finish(&session);
    }
    df_judge_close(&session.judge);
    sri_tape_fini(&session.tape);
    return leave(rc);
}
