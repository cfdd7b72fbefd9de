/*
 * The report of a campaign. Makes text only.
 */
#include "explore/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

void sri_text_add(struct sri_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && text->size + (size_t)length + 1 > text->capacity) {
        size_t capacity = (text->size + (size_t)length + 1) * 2;
        char *grown = sri_realloc(text->text, capacity);
        if (grown != NULL) {
            text->text = grown;
            text->capacity = capacity;
        }
    }
    if (length < 0 || text->size + (size_t)length + 1 > text->capacity)
        text->failed = true;
    else
        text->size += (size_t)vsnprintf(text->text + text->size, text->capacity - text->size, format, again);
    va_end(again);
}

void sri_text_fini(struct sri_text *text)
{
    sri_free(text->text);
    memset(text, 0, sizeof *text);
}

static uint64_t per_second(uint64_t count, uint64_t elapsed_ns)
{
    return elapsed_ns == 0 ? 0 : (uint64_t)((double)count * 1e9 / (double)elapsed_ns);
}

static bool has_simulated(const struct sri_campaign *campaign)
{
    for (uint32_t i = 0; i < campaign->backend_count; i++)
        if (campaign->backends[i].simulated)
            return true;
    return false;
}

static void add_rules(const struct sri_report *report, struct sri_text *out)
{
    sri_text_add(out, "%-8s %14s %8s  %s\n", "rule", "exercised", "broken", "what must hold");
    for (uint32_t i = 0; i < SRI_RULES; i++) {
        const struct sri_tally *tally = report->tally;
        if (i >= SRI_RULES_WATCHED && tally->broken[i] == 0)
            continue;
        sri_text_add(out, "%-8s %14llu %8llu  %s\n", sri_rule_infos[i].name,
                     (unsigned long long)tally->exercised[i], (unsigned long long)tally->broken[i],
                     sri_rule_infos[i].text);
    }
}

static void add_points(const struct sri_report *report, struct sri_text *out)
{
    sri_text_add(out, "\n%-32s %14s %12s\n", "fault point", "reached", "fired");
    for (uint32_t i = 0; i < SRI_POINTS; i++)
        sri_text_add(out, "%-32s %14llu %12llu\n", sri_point_infos[i].name,
                     (unsigned long long)sri_point_reached(&report->tally->points, (enum sri_point)i),
                     (unsigned long long)report->tally->points.fired[i]);
}

uint32_t sri_report_missed(const struct sri_report *report, uint32_t all_scenarios, struct sri_text *out)
{
    const struct sri_campaign *campaign = report->campaign;
    uint32_t missed = 0;
    if (!has_simulated(campaign) || campaign->kind || report->go_on != NULL ||
        campaign->seeds < SRI_FULL_SEEDS || campaign->scenario_count < all_scenarios)
        return 0;
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        bool reached = sri_point_reached(&report->tally->points, (enum sri_point)i) > 0;
        if (reached && report->tally->points.fired[i] > 0)
            continue;
        missed++;
        sri_text_add(out, "MISSED %s: never %s in a full campaign\n", sri_point_infos[i].name,
                     reached ? "fired" : "reached");
    }
    return missed;
}

void sri_report_table(const struct sri_report *report, struct sri_text *out)
{
    const struct sri_tally *tally = report->tally;
    add_rules(report, out);
    if (has_simulated(report->campaign))
        add_points(report, out);
    uint64_t broken = 0;
    for (uint32_t i = 0; i < SRI_RULES; i++)
        broken += tally->broken[i];
    sri_text_add(out,
                 "\n%llu runs (%llu per second), %llu operations (%llu per second), %llu runs made twice\n",
                 (unsigned long long)tally->runs,
                 (unsigned long long)per_second(tally->runs, report->elapsed_ns),
                 (unsigned long long)tally->operations,
                 (unsigned long long)per_second(tally->operations, report->elapsed_ns),
                 (unsigned long long)tally->repeated);
    if (tally->hash != 0)
        sri_text_add(out, "hash of all traces %016llx\n", (unsigned long long)tally->hash);
    sri_text_add(out, broken == 0 ? "no violation\n" : "%llu violations\n", (unsigned long long)broken);
}

void sri_report_findings(const struct sri_report *report, struct sri_text *out)
{
    const struct sri_campaign *campaign = report->campaign;
    for (uint32_t i = 0; i < report->tally->found; i++) {
        const struct sri_finding *finding = &report->tally->findings[i];
        sri_text_add(out, "VIOLATION %s: %s\n", sri_rule_infos[finding->rule].name,
                     sri_rule_infos[finding->rule].text);
        sri_text_add(out, "  %s\n", finding->text);
        sri_text_add(out, "  operation %#llx at %llu ns, scenario %s on %s, %s %llu\n",
                     (unsigned long long)finding->operation, (unsigned long long)finding->now_ns,
                     campaign->scenarios[finding->scenario]->name, campaign->backends[finding->backend].name,
                     finding->kind ? "kind run" : "seed", (unsigned long long)finding->seed);
        if (finding->tape[0] != 0)
            sri_text_add(out, "  again: safer-ring replay %s\n", finding->tape);
        else if (finding->tape_code != 0)
            sri_text_add(out, "  no tape: it can't be written: %s; name another folder with --tape-dir DIR\n",
                         strerrordesc_np(-finding->tape_code));
    }
}

static void add_json_string(struct sri_text *out, const char *text)
{
    sri_text_add(out, "\"");
    for (const char *c = text; *c != 0; c++) {
        if (*c == '"' || *c == '\\')
            sri_text_add(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            sri_text_add(out, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            sri_text_add(out, "%c", *c);
    }
    sri_text_add(out, "\"");
}

static void add_json_finding(const struct sri_report *report, const struct sri_finding *finding,
                             struct sri_text *out)
{
    const struct sri_campaign *campaign = report->campaign;
    sri_text_add(out, "{\"rule\":\"%s\",\"seed\":%llu,\"scenario\":\"%s\",\"backend\":\"%s\",\"text\":",
                 sri_rule_infos[finding->rule].name, (unsigned long long)finding->seed,
                 campaign->scenarios[finding->scenario]->name, campaign->backends[finding->backend].name);
    add_json_string(out, finding->text);
    sri_text_add(out, ",\"tape\":");
    add_json_string(out, finding->tape);
    if (finding->tape_code != 0) {
        sri_text_add(out, ",\"tape_error\":");
        add_json_string(out, strerrordesc_np(-finding->tape_code));
    }
    sri_text_add(out, "}");
}

void sri_report_json(const struct sri_report *report, struct sri_text *out)
{
    const struct sri_tally *tally = report->tally;
    sri_text_add(out, "{\"runs\":%llu,\"operations\":%llu,\"elapsed_ns\":%llu,\"violations\":[",
                 (unsigned long long)tally->runs, (unsigned long long)tally->operations,
                 (unsigned long long)report->elapsed_ns);
    for (uint32_t i = 0; i < tally->found; i++) {
        sri_text_add(out, i == 0 ? "\n " : ",\n ");
        add_json_finding(report, &tally->findings[i], out);
    }
    sri_text_add(out, "],\"rules\":[");
    for (uint32_t i = 0; i < SRI_RULES_WATCHED; i++)
        sri_text_add(out, "%s{\"id\":\"%s\",\"exercised\":%llu,\"broken\":%llu}", i == 0 ? "\n " : ",\n ",
                     sri_rule_infos[i].name, (unsigned long long)tally->exercised[i],
                     (unsigned long long)tally->broken[i]);
    sri_text_add(out, "],\"points\":[");
    for (uint32_t i = 0; i < SRI_POINTS; i++)
        sri_text_add(out, "%s{\"name\":\"%s\",\"reached\":%llu,\"fired\":%llu}", i == 0 ? "\n " : ",\n ",
                     sri_point_infos[i].name,
                     (unsigned long long)sri_point_reached(&tally->points, (enum sri_point)i),
                     (unsigned long long)tally->points.fired[i]);
    sri_text_add(out, "],\"interrupted\":%s", report->go_on != NULL ? "true" : "false");
    if (report->go_on != NULL) {
        sri_text_add(out, ",\"go_on\":");
        add_json_string(out, report->go_on);
    }
    sri_text_add(out, ",\"hash\":\"%016llx\"}\n", (unsigned long long)tally->hash);
}
