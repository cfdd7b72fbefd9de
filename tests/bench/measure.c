/*
 * Pairwise measuring: in each round every arm runs one slice, in an order that changes from round to round; a second raw
 * arm, with a ring of its own, shows what two runs of the same program differ by here and now. Medians of the rounds.
 */
#include "bench.h"

#include <errno.h>

enum {
    RAW,
    LIBRARY,
    RAW_AGAIN,
    ARMS
};

/* The opened arms of one result. self NULL: not there. */
struct field {
    const struct arm *arms[ARMS];
    void *self[ARMS];
    uint64_t operations; /* of one slice */
    double *ns[ARMS];    /* per operation, one for each round */
};

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, uint32_t count)
{
    qsort(values, count, sizeof values[0], by_value);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static int time_slice(struct field *field, int which, double *ns_per_operation)
{
    uint64_t begin = clock_ns();
    int rc = field->arms[which]->run(field->self[which], field->operations);
    *ns_per_operation = (double)(clock_ns() - begin) / (double)field->operations;
    return rc;
}

/* How many operations fill a slice, by the arm that is there anyway; whole loads of `depth`. */
static int calibrate(struct field *field, uint32_t depth, uint64_t slice_ns)
{
    double ns = 0;
    field->operations = depth;
    for (;;) {
        int rc = time_slice(field, LIBRARY, &ns);
        if (rc != 0)
            return rc;
        if (ns * (double)field->operations >= (double)slice_ns / 4 || field->operations > UINT64_C(1) << 40)
            break;
        field->operations *= 2;
    }
    uint64_t loads = (uint64_t)((double)slice_ns / ns / depth);
    field->operations = (loads > 0 ? loads : 1) * depth;
    return 0;
}

static void field_close(struct field *field)
{
    for (int i = 0; i < ARMS; i++) {
        if (field->self[i] != NULL)
            field->arms[i]->close(field->self[i]);
        free(field->ns[i]);
    }
}

static int field_open(struct field *field, const struct bench *bench, uint32_t depth, uint32_t rounds)
{
    *field = (struct field){.arms = {bench->raw, bench->library, bench->raw}};
    for (int i = 0; i < ARMS; i++) {
        field->ns[i] = calloc(rounds, sizeof field->ns[i][0]);
        if (field->ns[i] == NULL)
            return -ENOMEM;
        if (field->arms[i] == NULL)
            continue;
        int rc = field->arms[i]->open(&field->self[i], depth);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The order turns with each round, and is reversed in every other, so that each arm follows each of the others equally often. */
static int which_arm(uint32_t round, int turn)
{
    int place = (turn + (int)(round % ARMS)) % ARMS;
    return round / ARMS % 2 == 0 ? place : ARMS - 1 - place;
}

static int run_rounds(struct field *field, uint32_t rounds, struct result *result)
{
    for (uint32_t round = 0; round < rounds; round++) {
        for (int turn = 0; turn < ARMS; turn++) {
            int which = which_arm(round, turn);
            if (field->self[which] == NULL)
                continue;
            uint64_t before = allocations_made();
            int rc = time_slice(field, which, &field->ns[which][round]);
            if (rc != 0)
                return rc;
            if (which == LIBRARY) {
                result->operations += field->operations;
                result->allocations += allocations_made() - before;
            }
        }
    }
    return 0;
}

/*
 * The library's slice is set against each raw slice of its round, one at a time: a slice during which another program had
 * the processor then counts as often for the one side as for the other.
 */
static void sum_up(struct field *field, uint32_t rounds, struct result *result)
{
    double *raw = field->ns[RAW];
    double *library = field->ns[LIBRARY];
    double *again = field->ns[RAW_AGAIN];
    if (field->self[RAW] != NULL) {
        double *to_raw = calloc(2 * (size_t)rounds, sizeof to_raw[0]);
        double *raw_raw = calloc(rounds, sizeof raw_raw[0]);
        if (to_raw == NULL || raw_raw == NULL)
            abort();
        for (uint32_t i = 0; i < rounds; i++) {
            to_raw[2 * i] = library[i] / raw[i];
            to_raw[2 * i + 1] = library[i] / again[i];
            raw_raw[i] = again[i] / raw[i];
        }
        result->ratio = median(to_raw, 2 * rounds);
        result->ratio_raw_raw = median(raw_raw, rounds);
        result->raw_ns = median(raw, rounds);
        free(to_raw);
        free(raw_raw);
    }
    result->library_ns = median(library, rounds);
}

static int measure_once(const struct bench *bench, uint32_t depth, const struct measuring *how,
                        struct result *result)
{
    struct field field;
    /* What is compared with nothing needs no pairs of slices, and a tenth of the rounds. */
    uint32_t rounds = bench->raw != NULL ? how->rounds : (how->rounds + 9) / 10;
    int rc = field_open(&field, bench, depth, rounds);
    if (rc == 0)
        rc = calibrate(&field, depth, how->slice_ns != 0 ? how->slice_ns : bench->slice_ns);
    struct result ignored = {0};
    if (rc == 0)
        rc = run_rounds(&field, rounds < 4 ? rounds : 4, &ignored);
    if (rc == 0)
        rc = run_rounds(&field, rounds, result);
    if (rc == 0)
        sum_up(&field, rounds, result);
    field_close(&field);
    return rc;
}

int measure(const struct bench *bench, uint32_t depth, const struct measuring *how, struct result *result)
{
    int rc = bench->prepare != NULL ? bench->prepare() : 0;
    if (rc != 0)
        return rc;
    *result = (struct result){.bench = bench, .depth = depth};
    do {
        result->tries++;
        rc = measure_once(bench, depth, how, result);
        result->steady = bench->raw == NULL ||
                         (result->ratio_raw_raw >= RAW_RAW_LOW && result->ratio_raw_raw <= RAW_RAW_HIGH);
    } while (rc == 0 && !result->steady && result->tries < how->tries);
    if (bench->finish != NULL)
        bench->finish();
    return rc;
}
