/*
 * The picture of a run as a page: one SVG, its legend, and the timeline in text. Makes text only.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "explore/picture.h"

#define STEPS_MAX 800u /* the last ones; more can't be read */
#define NAME_WIDTH 250u
#define STEP_WIDTH 16u
#define LANE_HEIGHT 22u
#define TOP 44u

static const struct {
    const char *name;
    const char *colour;
    const char *text;
} owners[SRI_OWNERS_AT] = {
    [SRI_AT_NOBODY] = {"nobody", "#ffffff", ""},
    [SRI_AT_PROGRAM] = {"program", "#2e7d32", "the program's"},
    [SRI_AT_GUARD] = {"guard", "#00838f", "opened by a guard"},
    [SRI_AT_QUEUE] = {"queue", "#90a4ae", "queued, not taken by the kernel"},
    [SRI_AT_KERNEL] = {"kernel", "#1565c0", "the kernel's"},
    [SRI_AT_ORPHAN] = {"orphan", "#8e24aa", "the kernel's, and an orphan's"},
    [SRI_AT_COMPLETION] = {"completion", "#f9a825", "ended, not taken"},
};

void sri_page_text(struct sri_text *out, const char *text)
{
    const char *from = text;
    for (; *text != 0; text++) {
        const char *entity = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity == NULL)
            continue;
        sri_text_add(out, "%.*s%s", (int)(text - from), from, entity);
        from = text + 1;
    }
    sri_text_add(out, "%s", from);
}

static void add_style(struct sri_text *out)
{
    sri_text_add(
        out,
        "<style>\nbody{font:14px/1.45 'DejaVu Sans',sans-serif;margin:24px;color:#212121;background:#fff}\n"
        "h1{font-size:20px;margin:0 0 4px}h2{font-size:16px;margin:24px 0 6px}\n"
        ".violation{border-left:5px solid #c62828;background:#ffebee;padding:8px 12px;margin:8px 0}\n"
        ".fine{border-left:5px solid #2e7d32;background:#e8f5e9;padding:8px 12px;margin:8px 0}\n"
        ".legend span{display:inline-block;margin:0 18px 4px 0;white-space:nowrap}\n"
        ".legend i{display:inline-block;width:14px;height:14px;margin-right:6px;vertical-align:-2px;border-radius:2px}\n"
        ".scroll{overflow-x:auto;border:1px solid #cfd8dc}\n"
        "pre{font:12px/1.35 'DejaVu Sans Mono',monospace;background:#fafafa;border:1px solid #cfd8dc;padding:10px;overflow-x:auto}\n"
        "text{font:12px 'DejaVu Sans',sans-serif}\n");
    for (uint32_t i = SRI_AT_PROGRAM; i < SRI_OWNERS_AT; i++)
        sri_text_add(out, ".%s{fill:%s;background:%s}\n", owners[i].name, owners[i].colour, owners[i].colour);
    sri_text_add(out, "</style>\n");
}

static void add_legend(struct sri_text *out)
{
    sri_text_add(out, "<p class=\"legend\">");
    for (uint32_t i = SRI_AT_PROGRAM; i < SRI_OWNERS_AT; i++)
        sri_text_add(out, "<span><i class=\"%s\"></i>%s</span>", owners[i].name, owners[i].text);
    sri_text_add(
        out, "<span><svg width=\"14\" height=\"14\"><path d=\"M1 13 7 1 13 13Z\" fill=\"#e65100\"/></svg> "
             "a fault</span><span><svg width=\"14\" height=\"14\"><rect x=\"5\" width=\"4\" height=\"14\" "
             "fill=\"#c62828\"/></svg> a rule is broken</span><span>&#9650; submitted, &#10005; given up: "
             "cancelled or dropped</span></p>\n");
}

static void add_operation(const struct sri_picture *picture, uint64_t operation, struct sri_text *out)
{
    const struct sri_lane *lane = sri_picture_lane(picture, operation);
    if (lane == NULL) {
        if (operation != 0)
            sri_text_add(out, "<br>operation %#llx", (unsigned long long)operation);
        return;
    }
    sri_text_add(out, "<br>operation %s: started at step %llu", lane->name,
                 (unsigned long long)(lane->span_count > 0 ? lane->spans[0].from : 0));
    if (lane->consumed != 0)
        sri_text_add(out, ", submitted at step %llu (%llu ns)", (unsigned long long)lane->consumed,
                     (unsigned long long)lane->consumed_ns);
    if (lane->ended)
        sri_text_add(out, ", ended with %d", lane->result);
}

static void add_verdict(const struct sri_picture *picture, const struct sri_verdict *verdict,
                        struct sri_text *out)
{
    for (uint32_t i = 0; i < verdict->kept; i++) {
        const struct sri_violation *violation = &verdict->violations[i];
        sri_text_add(out, "<div class=\"violation\"><b>%s</b>: ", sri_rule_infos[violation->rule].name);
        sri_page_text(out, sri_rule_infos[violation->rule].text);
        sri_text_add(out, "<br>");
        sri_page_text(out, violation->text);
        add_operation(picture, violation->operation, out);
        sri_text_add(out, "</div>\n");
    }
    if (verdict->kept == 0)
        sri_text_add(out, "<div class=\"fine\">no rule was broken</div>\n");
}

static uint64_t x_of(uint64_t step, uint64_t first)
{
    return NAME_WIDTH + (step > first ? step - first : 0) * STEP_WIDTH;
}

static void add_lane(const struct sri_lane *lane, uint64_t first, uint64_t last, uint32_t y,
                     struct sri_text *out)
{
    sri_text_add(out, "<g class=\"lane\"><text x=\"6\" y=\"%u\">", y + 15);
    sri_page_text(out, lane->name);
    sri_text_add(out, "</text><line x1=\"%u\" x2=\"%llu\" y1=\"%u\" y2=\"%u\" stroke=\"#eceff1\"/>\n",
                 NAME_WIDTH, (unsigned long long)x_of(last + 1, first), y + LANE_HEIGHT, y + LANE_HEIGHT);
    for (uint32_t i = 0; i < lane->span_count; i++) {
        const struct sri_span *span = &lane->spans[i];
        if (span->to <= first)
            continue;
        uint64_t from = x_of(span->from, first);
        sri_text_add(
            out,
            "<rect class=\"%s\" x=\"%llu\" y=\"%u\" width=\"%llu\" height=\"%u\" rx=\"2\"><title>%s: steps %llu "
            "to %llu, %s</title></rect>\n",
            owners[span->owner].name, (unsigned long long)from, y + 3,
            (unsigned long long)(x_of(span->to, first) - from), LANE_HEIGHT - 6, lane->name,
            (unsigned long long)span->from, (unsigned long long)(span->to - 1), owners[span->owner].text);
    }
    if (lane->consumed > first)
        sri_text_add(out, "<text x=\"%llu\" y=\"%u\" fill=\"#fff\">&#9650;</text>",
                     (unsigned long long)x_of(lane->consumed, first) + 2, y + 16);
    if (lane->cancelled > first)
        sri_text_add(out, "<text x=\"%llu\" y=\"%u\" fill=\"#fff\">&#10005;</text>",
                     (unsigned long long)x_of(lane->cancelled, first) + 3, y + 16);
    if (lane->ended && !lane->buffer)
        sri_text_add(out, "<text x=\"%llu\" y=\"%u\">%d</text>",
                     (unsigned long long)x_of(lane->seen + 1, first) + 4, y + 15, lane->result);
    sri_text_add(out, "</g>\n");
}

static void add_marks(const struct sri_picture *picture, uint64_t first, uint32_t height,
                      struct sri_text *out)
{
    for (uint32_t i = 0; i < picture->mark_count; i++) {
        const struct sri_mark_at *mark = &picture->marks[i];
        if (mark->step < first)
            continue;
        unsigned long long x = x_of(mark->step, first) + STEP_WIDTH / 2;
        if (mark->violation)
            sri_text_add(
                out,
                "<rect class=\"broken\" x=\"%llu\" y=\"4\" width=\"4\" height=\"%u\" fill=\"#c62828\"><title>",
                x - 2, height - 4);
        else
            sri_text_add(out, "<path class=\"fault\" d=\"M%llu %u l6 -12 l6 12 Z\" fill=\"#e65100\"><title>",
                         x - 6, TOP - 8);
        sri_text_add(out, "step %llu: ", (unsigned long long)mark->step);
        sri_page_text(out, mark->text);
        sri_text_add(out, mark->violation ? "</title></rect>\n" : "</title></path>\n");
    }
}

static void add_scale(uint64_t first, uint64_t last, uint32_t height, struct sri_text *out)
{
    sri_text_add(out, "<text x=\"6\" y=\"16\">step</text><text x=\"6\" y=\"%u\">faults</text>\n", TOP - 8);
    for (uint64_t step = first + (10 - first % 10) % 10; step <= last; step += 10)
        sri_text_add(
            out,
            "<text x=\"%llu\" y=\"16\" fill=\"#607d8b\">%llu</text><line x1=\"%llu\" x2=\"%llu\" y1=\"20\" "
            "y2=\"%u\" stroke=\"#eceff1\"/>\n",
            (unsigned long long)x_of(step, first), (unsigned long long)step,
            (unsigned long long)x_of(step, first), (unsigned long long)x_of(step, first), height);
}

static void add_svg(const struct sri_picture *picture, struct sri_text *out)
{
    uint64_t last = picture->step;
    uint64_t first = last > STEPS_MAX ? last - STEPS_MAX : 0;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < picture->lane_count; i++)
        shown += picture->lanes[i].seen >= first ? 1 : 0;
    uint32_t height = TOP + (shown + 1) * LANE_HEIGHT;
    sri_text_add(out, "<div class=\"scroll\"><svg id=\"lanes\" width=\"%llu\" height=\"%u\">\n",
                 (unsigned long long)x_of(last + 1, first) + 80, height);
    add_scale(first, last, height, out);
    uint32_t y = TOP;
    for (int buffers = 0; buffers < 2; buffers++)
        for (uint32_t i = 0; i < picture->lane_count; i++) {
            const struct sri_lane *lane = &picture->lanes[i];
            if (lane->buffer != (buffers == 1) || lane->seen < first)
                continue;
            add_lane(lane, first, last, y, out);
            y += LANE_HEIGHT;
        }
    add_marks(picture, first, height, out);
    sri_text_add(out, "</svg></div>\n");
    if (first > 0 || picture->cut)
        sri_text_add(out, "<p>%s</p>\n",
                     picture->cut ? "There was no memory for all of it." : "Only the last steps are drawn.");
}

void sri_page_begin(struct sri_text *out, const char *title)
{
    sri_text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>safer-ring: ");
    sri_page_text(out, title);
    sri_text_add(out, "</title>\n");
    add_style(out);
    sri_text_add(out, "</head><body>\n");
}

void sri_page_problem(struct sri_text *out, const char *name, const char *text)
{
    sri_text_add(out, "<div class=\"violation\"><b>%s</b>: ", name);
    sri_page_text(out, text);
    sri_text_add(out, "</div>\n");
}

void sri_page_fine(struct sri_text *out, const char *text)
{
    sri_text_add(out, "<div class=\"fine\">%s</div>\n", text);
}

void sri_page_picture(struct sri_text *out, const struct sri_picture *picture, size_t lines)
{
    sri_text_add(out, "<h2>Who has what</h2>\n");
    add_legend(out);
    add_svg(picture, out);
    sri_text_add(out, "<h2>Faults</h2>\n<ul id=\"faults\">");
    for (uint32_t i = 0; i < picture->mark_count; i++) {
        if (picture->marks[i].violation)
            continue;
        sri_text_add(out, "<li>step %llu: ", (unsigned long long)picture->marks[i].step);
        sri_page_text(out, picture->marks[i].text);
        sri_text_add(out, "</li>");
    }
    sri_text_add(out, "</ul>\n<h2>Timeline</h2>\n<pre>");
    if (picture->timeline != NULL)
        sri_page_text(out, sri_timeline_tail(picture->timeline, lines));
    sri_text_add(out, "</pre>\n");
}

void sri_page_end(struct sri_text *out)
{
    sri_text_add(out, "</body></html>\n");
}

void sri_picture_page(const struct sri_picture *picture, const struct sri_run *run,
                      const struct sri_outcome *outcome, const char *world, struct sri_text *out)
{
    char title[120];
    snprintf(title, sizeof title, "%s on %s", run->scenario->name, world);
    sri_page_begin(out, title);
    sri_text_add(out, "<h1>%s on %s, seed %llu</h1>\n<p>%llu operations, %llu steps, trace %016llx</p>\n",
                 run->scenario->name, world, (unsigned long long)run->seed,
                 (unsigned long long)outcome->verdict->operations, (unsigned long long)picture->step,
                 (unsigned long long)outcome->hash);
    add_verdict(picture, outcome->verdict, out);
    sri_page_picture(out, picture, SIZE_MAX);
    sri_page_end(out);
}
