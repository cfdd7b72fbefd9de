/*
 * Keeping the verdict on a run. Judges nothing.
 */
#include "oracle/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sri_verdict_begin(struct sri_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
}

/* Of each rule the first ones are kept, so that one that breaks often doesn't hide another. */
#define KEPT_PER_RULE 2

static void keep(struct sri_verdict *verdict, enum sri_rule rule, uint64_t operation, const char *format,
                 va_list arguments) __attribute__((format(printf, 4, 0)));

static void keep(struct sri_verdict *verdict, enum sri_rule rule, uint64_t operation, const char *format,
                 va_list arguments)
{
    verdict->broken[rule]++;
    if (verdict->broken[rule] > KEPT_PER_RULE || verdict->kept == SRI_VIOLATIONS)
        return;
    struct sri_violation *violation = &verdict->violations[verdict->kept++];
    violation->rule = rule;
    violation->operation = operation;
    violation->now_ns = verdict->now_ns;
    violation->step = verdict->step;
    vsnprintf(violation->text, sizeof violation->text, format, arguments);
}

void sri_violated(struct sri_verdict *verdict, enum sri_rule rule, uint64_t operation, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep(verdict, rule, operation, format, arguments);
    va_end(arguments);
}

bool sri_judge(struct sri_verdict *verdict, enum sri_rule rule, uint64_t operation, bool holds,
               const char *format, ...)
{
    verdict->exercised[rule]++;
    if (holds)
        return true;
    va_list arguments;
    va_start(arguments, format);
    keep(verdict, rule, operation, format, arguments);
    va_end(arguments);
    return false;
}

bool sri_verdict_broken(const struct sri_verdict *verdict)
{
    for (unsigned i = 0; i < SRI_RULES; i++)
        if (verdict->broken[i] != 0)
            return true;
    return false;
}
