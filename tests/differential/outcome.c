/*
 * Facts: keeping, comparing and printing them.
 */
#include "outcome.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"

void df_fact(struct df_outcome *outcome, enum df_fact_kind kind, uint32_t round, int64_t a, int64_t b,
             int64_t c)
{
    if (outcome->count == DF_FACTS) {
        fputs("safer-ring-differential: a program shows more than can be kept\n", stderr);
        abort();
    }
    outcome->fact[outcome->count++] =
        (struct df_fact){.kind = (uint32_t)kind, .round = round, .value = {a, b, c}};
}

uint64_t df_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_cqe(const struct df_fact *fact)
{
    return df_hash(DF_HASH_START, fact->value, sizeof fact->value);
}

uint64_t df_outcome_hash(const struct df_outcome *outcome)
{
    uint64_t hash = DF_HASH_START;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < outcome->count; i++) {
        const struct df_fact *fact = &outcome->fact[i];
        if (fact->kind == DF_FACT_LOOSE)
            sum += hash_cqe(fact);
        else
            hash = df_hash(hash, fact, sizeof *fact);
    }
    return df_hash(hash, &sum, sizeof sum);
}

/* A sum over the CQEs does not know their order. */
uint64_t df_outcome_digest(const struct df_outcome *outcome)
{
    uint64_t hash = DF_HASH_START;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < outcome->count; i++) {
        const struct df_fact *fact = &outcome->fact[i];
        if (fact->kind == DF_FACT_CQE || fact->kind == DF_FACT_LOOSE)
            sum += hash_cqe(fact);
        else if (fact->kind != DF_FACT_READY)
            hash = df_hash(hash, fact, sizeof *fact);
    }
    return df_hash(hash, &sum, sizeof sum);
}

static const char *errno_text(int64_t value)
{
    static char number[32];
    const char *name = value < 0 ? strerrorname_np((int)-value) : NULL;
    if (name != NULL)
        return name;
    snprintf(number, sizeof number, "%lld", (long long)value);
    return number;
}

static const char *name_of(const struct df_program *program, int64_t user_data)
{
    if (user_data > program->entries)
        return "a cancel of the end";
    return user_data > 0 ? df_kind_name(program->entry[user_data - 1].kind) : "?";
}

static void print_fact(FILE *out, const struct df_program *program, const struct df_fact *fact)
{
    long long a = fact->value[0];
    long long b = fact->value[1];
    long long c = fact->value[2];
    switch ((enum df_fact_kind)fact->kind) {
    case DF_FACT_SETUP: fprintf(out, "setup: %s", errno_text(a)); break;
    case DF_FACT_POKED: fprintf(out, "  poke: %s", errno_text(a)); break;
    case DF_FACT_ENTERED: fprintf(out, "  enter: %s, %lld left in the SQ", errno_text(a), b); break;
    case DF_FACT_READY: fprintf(out, "  %lld CQEs visible%s", a, b != 0 ? ", overflow" : ""); break;
    case DF_FACT_CQE:
    case DF_FACT_LOOSE:
        fprintf(out, "  CQE %lld (%s): %s", a, name_of(program, a), errno_text(b));
        if (c != 0)
            fprintf(out, ", flags %lld", c);
        break;
    case DF_FACT_MISSING: fprintf(out, "  %lld CQEs did not come", a); break;
    case DF_FACT_BUFFER: fprintf(out, "  buffer of entry %lld: %016llx", a + 1, (unsigned long long)b); break;
    case DF_FACT_OBJECT:
        fprintf(out, "  object %lld end %lld: %s left, %016llx", a / 2, a % 2, errno_text(b),
                (unsigned long long)c);
        break;
    case DF_FACT_COUNTERS: fprintf(out, "  sq dropped %lld, cq overflow %lld", a, b); break;
    }
}

void df_outcome_print(FILE *out, const struct df_program *program, const struct df_outcome *outcome,
                      const struct df_outcome *other)
{
    uint32_t round = UINT32_MAX;
    for (uint32_t i = 0; i < outcome->count; i++) {
        const struct df_fact *fact = &outcome->fact[i];
        bool differs =
            other != NULL && (i >= other->count || memcmp(fact, &other->fact[i], sizeof *fact) != 0);
        if (fact->round != round)
            fprintf(out, "    round %u\n", fact->round + 1);
        round = fact->round;
        fputs(differs ? " >  " : "    ", out);
        print_fact(out, program, fact);
        fputc('\n', out);
    }
}
