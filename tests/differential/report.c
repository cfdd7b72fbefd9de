/*
 * Counting and printing.
 */
#include "report.h"

static const char *const verdict_names[DF_VERDICTS] = {
    [DF_SAME] = "determined, equal",
    [DF_IN_SET] = "a race, in the set",
    [DF_UNBOUNDED] = "a race, in what was seen of the set",
    [DF_OPEN] = "not in what was seen of the set",
    [DF_LATE] = "not judged: the machine was late",
    [DF_HELD_UP] = "different once: a worker held up",
    [DF_DIFFERS] = "different",
};
static const char *const verdict_keys[DF_VERDICTS] = {"determined", "race",    "race_open", "open",
                                                      "late",       "held_up", "different"};
static const char *const flag_names[8] = {"FIXED_FILE", "IO_DRAIN",      "IO_LINK",          "IO_HARDLINK",
                                          "ASYNC",      "BUFFER_SELECT", "CQE_SKIP_SUCCESS", "unknown"};
static const char *const key_names[DF_KEYS] = {"user_data", "user_data, ALL", "fd", "fd, ALL", "ANY", "OP"};
static const char *const object_names[DF_OBJECT_KINDS] = {"pipe",           "socketpair", "file",
                                                          "TCP connection", "listener",   "full pipe",
                                                          "nothing"};
static const char *const registered_names[4] = {"files", "buffers", "provided buffers", "a ring of buffers"};
static const char *const size_names[DF_SIZES] = {"1", "2", "3-4", "5-8", "9-16", "17-64", "65-256", "more"};

static unsigned size_class(uint32_t size)
{
    static const uint32_t largest[DF_SIZES - 1] = {1, 2, 4, 8, 16, 64, 256};
    unsigned i = 0;
    while (i < DF_SIZES - 1 && size > largest[i])
        i++;
    return i;
}

static void add_entry(struct df_report *report, const struct df_entry *entry)
{
    report->multishots += entry->many;
    report->by_kind[entry->kind]++;
    if (entry->kind == DF_CANCEL)
        report->by_key[entry->variant]++;
    for (unsigned bit = 0; bit < 8; bit++)
        report->by_flag[bit] += (entry->flags >> bit) & 1u;
}

static bool overflowed(const struct df_outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->count; i++) {
        if (outcome->fact[i].kind == DF_FACT_READY && outcome->fact[i].value[1] != 0)
            return true;
    }
    return false;
}

void df_report_add(struct df_report *report, const struct df_case *one)
{
    report->programs++;
    report->verdicts[one->verdict]++;
    report->entries += one->program.entries;
    report->rounds += one->program.rounds;
    report->runs += one->runs;
    report->repeated += one->repeated;
    report->host_order += one->host_order;
    report->overflows += overflowed(&one->real);
    for (unsigned i = 0; i < one->program.entries; i++)
        add_entry(report, &one->program.entry[i]);
    for (unsigned bit = 0; bit < 4; bit++)
        report->by_registered[bit] += (one->program.registers >> bit) & 1u;
    for (unsigned i = 0; i < DF_OBJECTS; i++)
        report->by_object[one->program.object[i]]++;
    for (unsigned i = 0; i < one->program.rounds; i++) {
        report->left_out += one->program.round[i].left_out > 0;
        report->by_registration[one->program.round[i].registration] +=
            one->program.round[i].registration != DF_NO_REGISTRATION;
        report->pokes += one->program.round[i].pokes;
    }
    if (one->verdict == DF_SAME || one->verdict == DF_IN_SET || one->verdict == DF_DIFFERS)
        report->sizes[size_class(one->set)]++;
}

double df_report_determined(const struct df_report *report)
{
    uint64_t judged = report->programs - report->verdicts[DF_LATE];
    return judged == 0 ? 0 : 100.0 * (double)report->sizes[0] / (double)judged;
}

static void line(FILE *out, const char *name, uint64_t count)
{
    fprintf(out, "    %-36s %12llu\n", name, (unsigned long long)count);
}

static void lines(FILE *out, const char *title, const char *const *names, const uint64_t *counts,
                  unsigned count)
{
    fprintf(out, "\n%s\n", title);
    for (unsigned i = 0; i < count; i++) {
        if (counts[i] > 0)
            line(out, names[i], counts[i]);
    }
}

void df_report_text(FILE *out, const struct df_report *report)
{
    const char *kinds[DF_KINDS];
    for (unsigned i = 0; i < DF_KINDS; i++)
        kinds[i] = df_kind_name((uint8_t)i);
    lines(out, "entries by opcode", kinds, report->by_kind, DF_KINDS);
    lines(out, "entries by flag", flag_names, report->by_flag, 8);
    lines(out, "cancels by key", key_names, report->by_key, DF_KEYS);
    lines(out, "objects", object_names, report->by_object, DF_OBJECT_KINDS);
    lines(out, "programs that register", registered_names, report->by_registered, 4);
    const char *registrations[DF_REGISTRATIONS];
    for (unsigned i = 0; i < DF_REGISTRATIONS; i++)
        registrations[i] = df_registration_name((uint8_t)i);
    lines(out, "registrations between rounds", registrations, report->by_registration, DF_REGISTRATIONS);
    fprintf(out, "\nrounds\n");
    line(out, "all", report->rounds);
    line(out, "with a partial submission", report->left_out);
    line(out, "pokes from outside", report->pokes);
    line(out, "entries that go on after a CQE", report->multishots);
    line(out, "programs with CQ overflow", report->overflows);
    line(out, "in order over the host too", report->host_order);
    lines(out, "programs by size of the set of outcomes", size_names, report->sizes, DF_SIZES);
    lines(out, "programs by verdict", verdict_names, report->verdicts, DF_VERDICTS);
    double programs = report->programs > 0 ? (double)report->programs : 1;
    fprintf(
        out,
        "\n%llu programs, %.1f entries each, %.1f %% determined, %.1f runs of the engine each, %llu repeated for "
        "lateness\n%.0f s, %.0f programs per second, %llu different, %llu open\n",
        (unsigned long long)report->programs, (double)report->entries / programs,
        df_report_determined(report), (double)report->runs / programs, (unsigned long long)report->repeated,
        report->seconds, report->seconds > 0 ? programs / report->seconds : 0,
        (unsigned long long)report->verdicts[DF_DIFFERS], (unsigned long long)report->verdicts[DF_OPEN]);
}

static void object(FILE *out, const char *key, const char *const *names, const uint64_t *counts,
                   unsigned count)
{
    fprintf(out, "  \"%s\": {", key);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "%s\"%s\": %llu", i > 0 ? ", " : "", names[i], (unsigned long long)counts[i]);
    fputs("},\n", out);
}

void df_report_json(FILE *out, const struct df_report *report)
{
    const char *kinds[DF_KINDS];
    for (unsigned i = 0; i < DF_KINDS; i++)
        kinds[i] = df_kind_name((uint8_t)i);
    fputs("{\n", out);
    object(out, "opcodes", kinds, report->by_kind, DF_KINDS);
    object(out, "flags", flag_names, report->by_flag, 8);
    object(out, "cancel_keys", key_names, report->by_key, DF_KEYS);
    object(out, "objects", object_names, report->by_object, DF_OBJECT_KINDS);
    object(out, "registered", registered_names, report->by_registered, 4);
    object(out, "set_sizes", size_names, report->sizes, DF_SIZES);
    object(out, "verdicts", verdict_keys, report->verdicts, DF_VERDICTS);
    fprintf(
        out,
        "  \"programs\": %llu, \"entries\": %llu, \"rounds\": %llu, \"partial\": %llu, \"overflows\": %llu, \"host_order\": %llu,\n"
        "  \"runs\": %llu, \"repeated\": %llu, \"determined_percent\": %.2f, \"seconds\": %.1f\n}\n",
        (unsigned long long)report->programs, (unsigned long long)report->entries,
        (unsigned long long)report->rounds, (unsigned long long)report->left_out,
        (unsigned long long)report->overflows, (unsigned long long)report->host_order,
        (unsigned long long)report->runs, (unsigned long long)report->repeated, df_report_determined(report),
        report->seconds);
}
