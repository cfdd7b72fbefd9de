/*
 * safer-ring-bench: the library on the true kernel against hand-written liburing, and the simulated kernel's speed.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "safer_ring.h"

static const struct bench *const benches[] = {
    &bench_nop,
    &bench_read,
    &bench_read_idiomatic,
    &bench_copy,
    &bench_echo_tcp,
    &bench_echo_unix,
#ifdef BENCH_LIBUV
    &bench_read_libuv,
    &bench_echo_libuv,
#endif
    &bench_pool,
    &bench_sim_nop,
    &bench_sim_read,
    &bench_sim_nop_untraced,
    &bench_sim_read_untraced,
    &bench_sim_polls,
};
#define BENCHES (sizeof benches / sizeof benches[0])

static const char help[] =
    "Usage: safer-ring-bench [OPTION...]\n"
    "Measures the library on the true io_uring against hand-written liburing, pairwise in one process, and the\n"
    "simulated kernel alone. Prints a table.\n"
    "\n"
    "  --only NAME             this benchmark only (may be repeated)\n"
    "  --rounds N              rounds per result, at least 1 (default 501)\n"
    "  --short                 few short rounds, and no repetition: whether it works, not how fast it is\n"
    "  --json FILE             one JSON object per line and result as well\n"
    "  --count-allocations     allocations and memory only: exit code 1 if an operation allocates or a ring leaves\n"
    "                          something behind\n"
    "  --instructions NAME N   N operations of one benchmark and nothing else, for valgrind --tool=callgrind\n"
    "  --arm raw|library       whose, with --instructions (default library)\n"
    "  --depth D               how many in flight, with --instructions (default the benchmark's first)\n"
    "  --help\n"
    "\n"
    "Exit code: 0 measured, 1 see --count-allocations, 2 something is wrong here; standard error says what.\n"
    "Benchmarks:\n";

struct options {
    bool only[BENCHES];
    bool any_only;
    bool quick;
    bool counting;
    uint32_t rounds;
    const char *json;
    const struct bench *instructions;
    uint64_t operations;
    uint32_t depth;
    bool raw;
};

#define WRONG 2

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("safer-ring-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return WRONG;
}

/* ---- options ---- */

static int find(const char *name)
{
    for (size_t i = 0; i < BENCHES; i++) {
        if (strcmp(benches[i]->name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool number(const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value == 0 || value > most)
        return false;
    *out = value;
    return true;
}

static void print_help(void)
{
    fputs(help, stdout);
    for (size_t i = 0; i < BENCHES; i++) {
        printf("  %-10s %s; in flight:", benches[i]->name, benches[i]->what);
        for (size_t d = 0; d < BENCH_DEPTHS && benches[i]->depths[d] != 0; d++)
            printf(" %u", benches[i]->depths[d]);
        putchar('\n');
    }
}

enum {
    ONLY = 1,
    ROUNDS,
    SHORT,
    JSON,
    COUNT,
    INSTRUCTIONS,
    ARM,
    DEPTH,
    HELP
};

static const struct option table[] = {
    {"only", required_argument, NULL, ONLY},
    {"rounds", required_argument, NULL, ROUNDS},
    {"short", no_argument, NULL, SHORT},
    {"json", required_argument, NULL, JSON},
    {"count-allocations", no_argument, NULL, COUNT},
    {"instructions", required_argument, NULL, INSTRUCTIONS},
    {"arm", required_argument, NULL, ARM},
    {"depth", required_argument, NULL, DEPTH},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int one_option(struct options *options, int option)
{
    uint64_t value;
    int index;
    switch (option) {
    case ONLY:
    case INSTRUCTIONS:
        index = find(optarg);
        if (index < 0)
            return wrong("no benchmark is called '%s'; --help lists them", optarg);
        if (option == INSTRUCTIONS)
            options->instructions = benches[index];
        else
            options->any_only = options->only[index] = true;
        return 0;
    case ROUNDS:
    case DEPTH:
        if (!number(optarg, option == ROUNDS ? 1000000 : 4096, &value))
            return wrong("'%s' is not a number that can be used here", optarg);
        *(option == ROUNDS ? &options->rounds : &options->depth) = (uint32_t)value;
        return 0;
    case ARM:
        options->raw = strcmp(optarg, "raw") == 0;
        return options->raw || strcmp(optarg, "library") == 0 ? 0 : wrong("an arm is raw or library");
    case JSON: options->json = optarg; return 0;
    case SHORT: options->quick = true; return 0;
    case COUNT: options->counting = true; return 0;
    default: return wrong("an option that is unknown, or lacks its value; try --help");
    }
}

/* 0, WRONG, or -1: the help was asked for and printed. */
static int parse(int argc, char **argv, struct options *options)
{
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == HELP) {
            print_help();
            return -1;
        }
        int rc = one_option(options, option);
        if (rc != 0)
            return rc;
    }
    if (options->instructions != NULL) {
        if (optind + 1 != argc || !number(argv[optind], UINT64_C(1) << 40, &options->operations))
            return wrong("--instructions NAME N wants the number of operations");
        return options->raw && options->instructions->raw == NULL ? wrong("this benchmark has no raw arm")
                                                                  : 0;
    }
    return optind == argc ? 0 : wrong("'%s' is not an option; try --help", argv[optind]);
}

/* ---- results ---- */

static void print_heading(void)
{
    printf("%-10s %9s %10s %10s %9s %8s %8s %12s\n", "benchmark", "in flight", "raw ns", "library ns",
           "ratio", "raw/raw", "Mop/s", "allocations");
}

static void print_result(const struct result *result)
{
    bool pair = result->bench->raw != NULL;
    printf("%-10s %9u ", result->bench->name, result->depth);
    if (pair)
        printf("%10.1f %10.1f %9.3f %8.3f ", result->raw_ns, result->library_ns, result->ratio,
               result->ratio_raw_raw);
    else
        printf("%10s %10.1f %9s %8s ", "-", result->library_ns, "-", "-");
    printf("%8.2f %12llu", 1e3 / result->library_ns, (unsigned long long)result->allocations);
    if (result->tries > 1)
        printf("  (try %u)", result->tries);
    if (!result->steady)
        printf("  the raw arm disagrees with itself: says nothing");
    putchar('\n');
    fflush(stdout);
}

static void write_json(FILE *json, const struct result *result)
{
    const char *arm = result->bench->raw != NULL ? "library" : "sim";
    if (result->bench->raw != NULL)
        fprintf(json,
                "{\"bench\":\"%s\",\"arm\":\"raw\",\"depth\":%u,\"median_ns\":%.2f,\"ratio_to_raw\":1.0,"
                "\"ratio_raw_raw\":%.4f,\"mops\":%.3f,\"tries\":%u}\n",
                result->bench->name, result->depth, result->raw_ns, result->ratio_raw_raw,
                1e3 / result->raw_ns, result->tries);
    fprintf(json, "{\"bench\":\"%s\",\"arm\":\"%s\",\"depth\":%u,\"median_ns\":%.2f,", result->bench->name,
            arm, result->depth, result->library_ns);
    if (result->bench->raw != NULL)
        fprintf(json, "\"ratio_to_raw\":%.4f,\"ratio_raw_raw\":%.4f,", result->ratio, result->ratio_raw_raw);
    else
        fputs("\"ratio_to_raw\":null,\"ratio_raw_raw\":null,", json);
    fprintf(json, "\"mops\":%.3f,\"tries\":%u,\"operations\":%llu,\"allocations\":%llu}\n",
            1e3 / result->library_ns, result->tries, (unsigned long long)result->operations,
            (unsigned long long)result->allocations);
    fflush(json);
}

/* ---- what is done ---- */

/* On the processor it runs on: client and server of an echo share it, and nobody moves meanwhile. */
static void stay_here(void)
{
    int processor = sched_getcpu();
    if (processor < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)processor, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        fputs("safer-ring-bench: could not stay on one processor\n", stderr);
}

/* 0, or why there is no io_uring here. */
static int probe_uring(void)
{
    struct sr_ring *ring;
    int rc = library_ring_open(&ring, 1);
    return rc != 0 ? rc : sr_ring_close(&ring);
}

/* What was printed must have come out. Of two complaints the first is the cause. */
static int leave(int code)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code == WRONG)
        return code;
    return wrong("standard output can't be written: is the disk full, or the pipe closed?");
}

static int run_instructions(const struct options *options)
{
    const struct bench *bench = options->instructions;
    const struct arm *arm = options->raw ? bench->raw : bench->library;
    uint32_t depth = options->depth != 0 ? options->depth : bench->depths[0];
    void *self;
    int rc = bench->prepare != NULL ? bench->prepare() : 0;
    if (rc == 0)
        rc = arm->open(&self, depth);
    if (rc != 0)
        return wrong("%s could not be set up: %s", bench->name, sr_strerror(rc));
    rc = arm->run(self, options->operations);
    if (rc != 0)
        return wrong("%s failed: %s", bench->name, sr_strerror(rc));
    arm->close(self);
    if (bench->finish != NULL)
        bench->finish();
    return 0;
}

/* One benchmark, all its depths. *allocated counts what the library's arm allocated. */
static int run_bench(const struct bench *bench, const struct measuring *how, FILE *json, uint64_t *allocated)
{
    for (size_t d = 0; d < BENCH_DEPTHS && bench->depths[d] != 0; d++) {
        struct result result;
        int rc = measure(bench, bench->depths[d], how, &result);
        if (rc != 0)
            return wrong("%s with %u in flight failed: %s", bench->name, bench->depths[d], sr_strerror(rc));
        print_result(&result);
        if (json != NULL)
            write_json(json, &result);
        *allocated += result.allocations;
    }
    return 0;
}

static int run_all(const struct options *options, FILE *json)
{
    struct measuring how = {.rounds = options->rounds != 0 ? options->rounds : 501, .tries = 5};
    if (options->quick || options->counting)
        how = (struct measuring){.rounds = options->rounds != 0 ? options->rounds : 5,
                                 .slice_ns = 200000,
                                 .tries = 1};
    uint64_t allocated = 0;
    int no_uring = probe_uring();
    if (no_uring != 0)
        printf("no io_uring here (%s): what needs it is left out\n", sr_strerror(no_uring));
    print_heading();
    for (size_t i = 0; i < BENCHES; i++) {
        if ((options->any_only && !options->only[i]) || (benches[i]->needs_uring && no_uring != 0))
            continue;
        int rc = run_bench(benches[i], &how, json, &allocated);
        if (rc != 0)
            return rc;
    }
    if (options->any_only && !options->counting)
        return 0;
    putchar('\n');
    int grew = check_memory(options->quick ? 100 : 2000);
    if (grew < 0)
        return wrong("a ring could not be used: %s", sr_strerror(grew));
    return options->counting && (grew != 0 || allocated != 0) ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    signal(SIGPIPE, SIG_IGN);
    if (fcntl(STDOUT_FILENO, F_GETFD) < 0) /* else the next file that is opened gets what is printed */
        (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
    opterr = 0; /* one line, and it is ours */
    int rc = parse(argc, argv, &options);
    if (rc != 0)
        return leave(rc < 0 ? 0 : rc);
    count_allocations();
    stay_here();
    if (options.instructions != NULL)
        return run_instructions(&options);
    FILE *json = NULL;
    if (options.json != NULL) {
        json = fopen(options.json, "w");
        if (json == NULL)
            return wrong("%s could not be written: %s", options.json, strerror(errno));
    }
    rc = run_all(&options, json);
    bool lost = json != NULL && ferror(json) != 0;
    if (json != NULL && (fclose(json) != 0 || lost) && rc == 0)
        return wrong("%s could not be written: %s", options.json, strerror(lost ? EIO : errno));
    return leave(rc);
}
