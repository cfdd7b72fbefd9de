/*
 * `safer-ring exhaust`: every schedule of the small programs, shared out among forked workers, and the count per shape.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "explore/exhaust.h"
#include "explore/report.h"
#include "explore/worker.h"

#define PROGRAMS_MAX 84u /* 4 + 16 + 64 */

/* What the workers share. */
struct board {
    atomic_uint next;
    struct sri_exhausted results[PROGRAMS_MAX];
    bool done[PROGRAMS_MAX];
    int failure;
};

struct plan {
    struct sri_small programs[PROGRAMS_MAX];
    uint32_t count;
    uint32_t jobs;
    uint64_t limit;
    bool json;
    bool walks; /* --walk was given */
    uint32_t walk;
    const char *choices; /* of one run */
    int line_count;
    const char *const *line;
    struct board *board;
};

/* All, but of three operations a close is tried at every step of every run: one that is refused changes nothing. */
static uint32_t walk_of(const struct plan *plan, uint32_t operations)
{
    if (plan->walks)
        return plan->walk;
    return operations < SRI_SMALL_OPERATIONS ? SRI_WALK_ALL : SRI_WALK_ALL & ~(uint32_t)SRI_WALK_CLOSE;
}

/* "ofcsl": outcomes, fates, close, submits, looks. */
static int read_walk(struct plan *plan, const char *text)
{
    static const char letters[] = "ofcsl";
    plan->walk = 0;
    for (const char *at = text; *at != 0; at++) {
        const char *letter = strchr(letters, *at);
        if (letter == NULL)
            return sri_complain(
                "--walk wants some of the letters o (outcomes), f (fates), c (close), s (submissions), "
                "l (looks), not `%s`",
                text);
        plan->walk |= 1u << (letter - letters);
    }
    plan->walks = true;
    return 0;
}

/* Large programs first, so that no worker is left with one at the end. */
static void add_all(struct plan *plan, uint32_t most)
{
    static const enum sri_shape by_size[SRI_SHAPES] = {SRI_SHAPE_SOURCE, SRI_SHAPE_TARGET, SRI_SHAPE_MAKES,
                                                       SRI_SHAPE_NONE};
    for (uint32_t count = most; count > 0; count--) {
        uint32_t all = 1;
        for (uint32_t i = 0; i < count; i++)
            all *= SRI_SHAPES;
        for (uint32_t number = 0; number < all; number++) {
            struct sri_small *small = &plan->programs[plan->count++];
            small->count = count;
            small->walk = walk_of(plan, count);
            uint32_t left = number;
            for (uint32_t i = 0; i < count; i++, left /= SRI_SHAPES)
                small->shapes[i] = by_size[left % SRI_SHAPES];
        }
    }
}

/* One, or several with commas between. */
static int add_some(struct plan *plan, const char *list)
{
    while (*list != 0 || plan->count == 0) {
        char name[SRI_SMALL_OPERATIONS + 2];
        size_t length = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, list);
        struct sri_small *small = &plan->programs[plan->count];
        if (length > SRI_SMALL_OPERATIONS || !sri_small_parse(small, name))
            return sri_complain(
                "`%.*s` is no program: one to three of the letters N (no buffer), S (source), T (target), "
                "D (makes a descriptor)",
                (int)length, list);
        small->walk = walk_of(plan, small->count);
        if (++plan->count == PROGRAMS_MAX)
            return 0;
        list += length + (list[length] == ',' ? 1 : 0);
    }
    return 0;
}

static void work(struct plan *plan)
{
    struct sri_exhaust *exhaust = NULL;
    int rc = sri_exhaust_new(&exhaust);
    if (rc != 0)
        plan->board->failure = rc;
    if (rc == 0)
        sri_exhaust_stop_by(exhaust, sri_is_stopped);
    for (uint32_t i;
         rc == 0 && !sri_is_stopped() && (i = atomic_fetch_add(&plan->board->next, 1)) < plan->count;) {
        sri_exhaust_walk(exhaust, &plan->programs[i], plan->limit, &plan->board->results[i]);
        plan->board->done[i] = true;
    }
    sri_exhaust_free(&exhaust);
}

static int send_workers(struct plan *plan)
{
    int rc = 0;
    pid_t self = getpid();
    for (uint32_t i = 0; i < plan->jobs; i++) {
        pid_t process = fork();
        if (process == 0) {
            sri_worker_begin(self);
            work(plan);
            _exit(0);
        }
        rc = process < 0 ? -errno : rc;
    }
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
    return rc;
}

/* ---- The report ---- */

static void print_violation(const struct sri_small *small, const struct sri_exhausted *result)
{
    char name[SRI_SMALL_OPERATIONS + 1];
    const struct sri_violation *violation = &result->verdict.violations[0];
    sri_small_name(small, name);
    printf("VIOLATION %s: %s\n  %s\n  again: safer-ring exhaust --program %s --choices ",
           sri_rule_infos[violation->rule].name, sri_rule_infos[violation->rule].text, violation->text, name);
    for (uint32_t i = 0; i < result->choice_count; i++)
        printf("%s%u", i == 0 ? "" : ",", result->choices[i]);
    puts(result->choice_count == 0 ? "0" : "");
}

static void print_row(const char *what, const struct sri_exhausted *result, bool whole)
{
    printf("%-10s %14llu %14llu %16llu  %s\n", what, (unsigned long long)result->runs,
           (unsigned long long)result->operations, (unsigned long long)result->checks,
           whole ? "all seen" : "NOT all seen");
}

/* The programs that are not whole, as the command that walks them. */
static int tell_rest(const struct plan *plan, uint64_t runs)
{
    static const char *const without[] = {"--json", "--operations", "--program", NULL};
    struct sri_text text = {0};
    const char *separator = " --program ";
    sri_go_on(&text, "exhaust", plan->line_count, plan->line, without);
    for (uint32_t i = 0; i < plan->count; i++) {
        char name[SRI_SMALL_OPERATIONS + 1];
        const struct sri_exhausted *result = &plan->board->results[i];
        bool done =
            plan->board->done[i] && (result->whole || (plan->limit > 0 && result->runs >= plan->limit));
        if (done || result->broken > 0)
            continue;
        sri_small_name(&plan->programs[i], name);
        sri_text_add(&text, "%s%s", separator, name);
        separator = ",";
    }
    if (separator[0] == ',')
        sri_complain("interrupted after %llu runs; go on: %s", (unsigned long long)runs, text.text);
    sri_text_fini(&text);
    return separator[0] == ',' ? sri_interrupted_code(SRI_EXIT_FINE) : SRI_EXIT_FINE;
}

static int report(const struct plan *plan, uint64_t elapsed_ns)
{
    struct sri_exhausted sum = {.whole = true};
    bool died = false;
    if (!plan->json)
        printf("%-10s %14s %14s %16s\n", "program", "runs", "operations", "checks");
    for (uint32_t i = 0; i < plan->count; i++) {
        /* In the order of their size, the smallest first. */
        uint32_t at = plan->count - 1 - i;
        const struct sri_exhausted *result = &plan->board->results[at];
        char name[SRI_SMALL_OPERATIONS + 1];
        sri_small_name(&plan->programs[at], name);
        if (plan->json)
            printf("%s{\"program\":\"%s\",\"runs\":%llu,\"whole\":%s}",
                   i == 0 ? "{\"programs\":[\n " : ",\n ", name, (unsigned long long)result->runs,
                   result->whole ? "true" : "false");
        else
            print_row(name, result, result->whole);
        sum.runs += result->runs;
        sum.operations += result->operations;
        sum.checks += result->checks;
        sum.broken += result->broken;
        sum.whole = sum.whole && result->whole;
        died = died || !plan->board->done[at];
    }
    if (plan->json) {
        printf("],\"runs\":%llu,\"broken\":%llu,\"whole\":%s,\"elapsed_ns\":%llu}\n",
               (unsigned long long)sum.runs, (unsigned long long)sum.broken, sum.whole ? "true" : "false",
               (unsigned long long)elapsed_ns);
    } else {
        print_row("all", &sum, sum.whole);
        printf("%u programs in %.1f s, %llu runs per second\n", plan->count, (double)elapsed_ns / 1e9,
               (unsigned long long)((double)sum.runs * 1e9 / (double)(elapsed_ns > 0 ? elapsed_ns : 1)));
    }
    for (uint32_t i = 0; i < plan->count && !plan->json; i++)
        if (plan->board->results[i].broken > 0)
            print_violation(&plan->programs[i], &plan->board->results[i]);
    int interrupted = sri_is_stopped() ? tell_rest(plan, sum.runs) : SRI_EXIT_FINE;
    if (died && !sri_is_stopped())
        return sri_complain("a worker died: the runs it was at are not counted");
    if (sum.broken > 0)
        return SRI_EXIT_VIOLATION;
    if (!plan->json)
        puts("no violation");
    return interrupted;
}

/* ---- One run ---- */

static void tell(void *user, const char *line)
{
    (void)user;
    puts(line);
}

static int again(const struct plan *plan)
{
    uint8_t choices[SRI_BRANCH_DEPTH];
    uint32_t count = 0;
    const char *at = plan->choices;
    while (*at != 0) {
        char *end;
        unsigned long choice = strtoul(at, &end, 10);
        if (end == at || choice > 255 || count == SRI_BRANCH_DEPTH || (*end != 0 && *end != ','))
            return sri_complain("--choices wants numbers up to 255 with commas between, not `%s`",
                                plan->choices);
        choices[count++] = (uint8_t)choice;
        at = *end == ',' ? end + 1 : end;
    }
    struct sri_exhaust *exhaust = NULL;
    struct sri_exhausted result;
    int rc = sri_exhaust_new(&exhaust);
    if (rc != 0)
        return sri_complain("no memory for a walk");
    sri_exhaust_again(exhaust, &plan->programs[0], choices, count, tell, NULL, &result);
    if (result.broken > 0)
        print_violation(&plan->programs[0], &result);
    else
        puts("no violation");
    sri_exhaust_free(&exhaust);
    return result.broken > 0 ? SRI_EXIT_VIOLATION : SRI_EXIT_FINE;
}

static int read_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = text != NULL ? strtoull(text, &end, 10) : 0;
    if (text == NULL || errno != 0 || *text < '0' || *text > '9' || *end != 0 || value < least ||
        value > most)
        return sri_complain("%s wants a number from %llu to %llu", option, (unsigned long long)least,
                            (unsigned long long)most);
    *number = value;
    return 0;
}

static int read_options(struct plan *plan, int count, char **arguments)
{
    uint64_t operations = SRI_SMALL_OPERATIONS;
    uint64_t jobs = plan->jobs;
    const char *program = NULL;
    int rc = 0;
    for (int i = 0; i < count && rc == 0; i++) {
        const char *option = arguments[i];
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        bool takes = strcmp(option, "--json") != 0;
        if (strcmp(option, "--operations") == 0)
            rc = read_number(option, value, 1, SRI_SMALL_OPERATIONS, &operations);
        else if (strcmp(option, "--jobs") == 0)
            rc = read_number(option, value, 1, SRI_JOBS_MAX, &jobs);
        else if (strcmp(option, "--limit") == 0)
            rc = read_number(option, value, 1, UINT64_MAX >> 1, &plan->limit);
        else if (strcmp(option, "--walk") == 0)
            rc = value != NULL ? read_walk(plan, value) : 0;
        else if (strcmp(option, "--program") == 0)
            program = value;
        else if (strcmp(option, "--choices") == 0)
            plan->choices = value;
        else if (!takes)
            plan->json = true;
        else
            return sri_complain("exhaust has no option `%s`; see safer-ring --help", option);
        if (rc == 0 && takes && value == NULL)
            return sri_complain("%s wants a value; see safer-ring --help", option);
        i += takes ? 1 : 0;
    }
    plan->jobs = (uint32_t)jobs;
    if (rc == 0 && plan->choices != NULL && (program == NULL || strchr(program, ',') != NULL))
        return sri_complain("--choices are those of one --program");
    if (rc == 0 && program != NULL)
        return add_some(plan, program);
    if (rc == 0)
        add_all(plan, (uint32_t)operations);
    return rc;
}

static int run(int count, char **arguments)
{
    static struct plan plan;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    plan.line_count = count;
    plan.line = (const char *const *)arguments;
    plan.jobs = processors > 0 && processors < (long)SRI_JOBS_MAX ? (uint32_t)processors : 1;
    int rc = read_options(&plan, count, arguments);
    if (rc != 0)
        return rc;
    if (plan.choices != NULL)
        return again(&plan);
    plan.board = mmap(NULL, sizeof *plan.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan.board == MAP_FAILED)
        return sri_complain("no memory for the workers: %s", strerror(errno));
    rc = sri_interrupt_watch(NULL);
    if (rc != 0)
        return rc;
    fflush(stdout);
    uint64_t began = sri_clock_ns();
    rc = send_workers(&plan);
    if (rc == 0)
        rc = plan.board->failure;
    if (rc != 0)
        return sri_complain("the walk can't run: %s", strerror(-rc));
    return report(&plan, sri_clock_ns() - began);
}

const struct sri_verb sri_verb_exhaust = {
    .name = "exhaust",
    .summary = "every schedule of the small programs, with the count per shape",
    .help =
        "usage: safer-ring exhaust [options]\n"
        "\n"
        "  --operations N        programs of up to N operations, 1 to 3 (default 3)\n"
        "  --program A[,B]       these programs: letters, N no buffer, S source, T target, D makes a descriptor\n"
        "  --walk LETTERS        what is walked: o outcomes, f fates, c closes, s submissions, l looks\n"
        "  --choices A,B,...     one run of it, told line by line\n"
        "  --limit N             no more than N runs of each program\n"
        "  --jobs N              workers (default: one per processor)\n"
        "  --json                the result for programs\n"
        "\n"
        "An interrupted walk (SIGINT, SIGTERM) tells what it has, and the command for the programs that are not whole.\n"
        "\n"
        "  safer-ring exhaust --operations 2\n"
        "  safer-ring exhaust --program NNN --walk o\n",
    .run = run,
};
