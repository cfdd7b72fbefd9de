/*
 * What a campaign found, as a table for people and as JSON for programs. Makes text and hands it over; prints nothing.
 */
#ifndef SRI_EXPLORE_REPORT_H
#define SRI_EXPLORE_REPORT_H

#include <stddef.h>

#include "explore/campaign.h"

/* Text that grows. Zeroed is empty; `text` is NULL while it is. */
struct sri_text {
    char *text;
    size_t size;
    size_t capacity;
    bool failed; /* there was no memory: the text is cut */
};

void sri_text_add(struct sri_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sri_text_fini(struct sri_text *text);

struct sri_report {
    const struct sri_campaign *campaign;
    const struct sri_tally *tally;
    uint64_t elapsed_ns;
    const char *go_on; /* the command that goes on where this one was interrupted; NULL: it was not */
};

void sri_report_table(const struct sri_report *report, struct sri_text *out);
void sri_report_findings(const struct sri_report *report, struct sri_text *out);
/*
 * In a full campaign (every scenario on the simulated kernel, SRI_FULL_SEEDS seeds or more) each fault point is reached, and
 * fires: those that do not are told. How many; 0 also of a campaign that is not full.
 */
#define SRI_FULL_SEEDS 2000u
uint32_t sri_report_missed(const struct sri_report *report, uint32_t all_scenarios, struct sri_text *out);
void sri_report_json(const struct sri_report *report, struct sri_text *out);

#endif
