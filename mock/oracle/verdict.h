/*
 * The verdict on one run: how often each rule was exercised, and what broke. Judges nothing itself; allocates nothing.
 */
#ifndef SRI_ORACLE_VERDICT_H
#define SRI_ORACLE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "oracle/rules.h"

#define SRI_VIOLATIONS 8 /* kept with their text; all are counted */

struct sri_violation {
    enum sri_rule rule;
    uint64_t operation; /* its id, 0 when it is about none */
    uint64_t now_ns;
    uint64_t step; /* of the timeline */
    char text[216];
};

struct sri_verdict {
    uint64_t exercised[SRI_RULES];
    uint64_t broken[SRI_RULES];
    uint64_t operations; /* that the kernel consumed */
    uint64_t now_ns;     /* virtual time of the last event */
    uint64_t step;       /* events so far */
    uint32_t kept;
    struct sri_violation violations[SRI_VIOLATIONS];
};

void sri_verdict_begin(struct sri_verdict *verdict);

/* A rule's precondition held, and an oracle evaluated it. */
static inline void sri_exercised(struct sri_verdict *verdict, enum sri_rule rule)
{
    verdict->exercised[rule]++;
}

/* A rule does not hold; `operation` is an id or 0. */
void sri_violated(struct sri_verdict *verdict, enum sri_rule rule, uint64_t operation, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* Exercised; and violated unless `holds`. Returns `holds`. */
bool sri_judge(struct sri_verdict *verdict, enum sri_rule rule, uint64_t operation, bool holds,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Did anything break? */
bool sri_verdict_broken(const struct sri_verdict *verdict);

#endif
