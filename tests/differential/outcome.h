/*
 * What a program showed on a kernel, in order, without anything that may differ between equal kernels: descriptors,
 * addresses, time.
 */
#ifndef TESTS_DIFFERENTIAL_OUTCOME_H
#define TESTS_DIFFERENTIAL_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum df_fact_kind {
    DF_FACT_SETUP,    /* io_uring_setup failed: errno */
    DF_FACT_POKED,    /* an object was poked: bytes moved or errno */
    DF_FACT_ENTERED,  /* result, entries left in the SQ */
    DF_FACT_READY,    /* CQEs visible, SQ flags that matter */
    DF_FACT_CQE,      /* user_data, result, flags */
    DF_FACT_LOOSE,    /* the same of what a worker did: it has no place among the others */
    DF_FACT_MISSING,  /* CQEs that should have come and did not */
    DF_FACT_BUFFER,   /* entry, hash of its bytes afterwards */
    DF_FACT_OBJECT,   /* object and end, bytes left there, their hash */
    DF_FACT_COUNTERS, /* sq dropped, cq overflow */
};

struct df_fact {
    uint32_t kind;
    uint32_t round;
    int64_t value[3];
};

enum {
    DF_FACTS = 512
};

struct df_outcome {
    uint32_t count;
    bool
        late; /* time passed that must not: a timeout may have expired before what had to come first was done */
    struct df_fact fact[DF_FACTS];
};

void df_fact(struct df_outcome *outcome, enum df_fact_kind kind, uint32_t round, int64_t a, int64_t b,
             int64_t c);

/*
 * Hashes of outcomes that are the same. What the true kernel leaves to its workers may run beside the submission and posts its
 * CQE from there, at any moment and so also ahead of the submission's own: that such a CQE comes, and what it says, is
 * compared, and where it stands is not.
 */
uint64_t df_outcome_hash(const struct df_outcome *outcome);

/* The same without the order and the round of CQEs, and without how many were visible when. */
uint64_t df_outcome_digest(const struct df_outcome *outcome);

struct df_program;

/* One line per fact of this program; with `other`, lines in which they differ are marked. */
void df_outcome_print(FILE *out, const struct df_program *program, const struct df_outcome *outcome,
                      const struct df_outcome *other);

#define DF_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t df_hash(uint64_t hash, const void *bytes, size_t size);

#endif
