/*
 * What the programs of a run were, and what became of them: counted, and printed.
 */
#ifndef TESTS_DIFFERENTIAL_REPORT_H
#define TESTS_DIFFERENTIAL_REPORT_H

#include "judge.h"

enum {
    DF_SIZES = 8
};

struct df_report {
    uint64_t programs;
    uint64_t entries;
    uint64_t by_kind[DF_KINDS];
    uint64_t by_flag[8]; /* bits of an SQE's flags */
    uint64_t by_key[DF_KEYS];
    uint64_t by_object[DF_OBJECT_KINDS];
    uint64_t by_registered[4]; /* bits of DF_HAS_* */
    uint64_t by_registration[DF_REGISTRATIONS];
    uint64_t multishots;
    uint64_t verdicts[DF_VERDICTS];
    uint64_t sizes[DF_SIZES]; /* of the sets: 1, 2, 3–4, 5–8, … */
    uint64_t runs;
    uint64_t repeated;
    uint64_t rounds;
    uint64_t left_out;
    uint64_t host_order;
    uint64_t overflows;
    uint64_t pokes;
    double seconds;
};

void df_report_add(struct df_report *report, const struct df_case *one);
void df_report_text(FILE *out, const struct df_report *report);
void df_report_json(FILE *out, const struct df_report *report);

/* Programs with exactly one outcome, of 100 whose set is known. */
double df_report_determined(const struct df_report *report);

#endif
