/*
 * The kernel's side of a small program: its choices are the walk's, and what it does is noted and judged. Makes no call of
 * the library.
 */
#include <errno.h>

#include "explore/small.h"

static struct sri_piece *piece_of(struct sri_exhaust *exhaust, uint64_t id)
{
    for (uint32_t i = 0; i < exhaust->small->count; i++)
        if (exhaust->pieces[i].started && exhaust->pieces[i].id == id)
            return &exhaust->pieces[i];
    return NULL;
}

/* ---- Choices ---- */

#define MARGIN_NS 200u

/* The delay in the middle of those that end between the two; the first of all when there is none, which is told. */
static uint32_t delay_between(struct sri_exhaust *exhaust, uint64_t now, uint64_t low, uint64_t high)
{
    uint32_t first = 0;
    uint32_t last = 0;
    for (uint32_t i = 1; i < SRI_DELAYS; i++) {
        uint64_t due = now + sri_delay_ns[i];
        if (due < low + MARGIN_NS || due > high - MARGIN_NS)
            continue;
        first = first == 0 ? i : first;
        last = i;
    }
    if (first == 0)
        exhaust->branch.cut = true;
    return (first + last) / 2;
}

/* Which of the operations under way ends when: a new one behind all others (the kindest), before the last of them, … */
static uint32_t choose_delay(struct sri_exhaust *exhaust, struct sri_piece *piece)
{
    uint64_t now = sri_sim_world_now(sri_sim_world(exhaust->sim));
    uint64_t dues[SRI_SMALL_OPERATIONS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        uint64_t due = exhaust->pieces[i].due_ns;
        if (due == 0)
            continue;
        uint32_t at = count++;
        for (; at > 0 && dues[at - 1] > due; at--)
            dues[at] = dues[at - 1];
        dues[at] = due;
    }
    uint32_t place = count - sri_branch_choose(&exhaust->branch, count + 1);
    uint32_t delay = delay_between(exhaust, now, place > 0 ? dues[place - 1] : now,
                                   place < count ? dues[place] : UINT64_MAX);
    piece->due_ns = now + sri_delay_ns[delay];
    return delay;
}

static uint32_t pick(void *self, const struct sri_question *question)
{
    struct sri_exhaust *exhaust = self;
    bool outcomes = (exhaust->small->walk & SRI_WALK_OUTCOMES) != 0;
    struct sri_piece *piece;
    switch (question->why) {
    case SRI_WHY_DELAY:
        piece = piece_of(exhaust, question->user_data);
        return piece != NULL ? choose_delay(exhaust, piece) : 0;
    case SRI_WHY_ERRNO:
    case SRI_WHY_SHORT: return outcomes ? sri_branch_choose(&exhaust->branch, 2) : 0;
    case SRI_WHY_CANCEL:
    case SRI_WHY_CANCEL_ORDER:
    case SRI_WHY_ORDER: return sri_branch_choose(&exhaust->branch, question->n);
    case SRI_WHY_SETUP:
    case SRI_WHY_REGISTER:
    case SRI_WHY_ENTER:
    case SRI_WHY_CONSUME:
    case SRI_WHY_INTERRUPT:
    case SRI_WHY_COPY:
    case SRI_WHY_REPORT:
    case SRI_WHY_BUFFER:
    case SRI_WHY_GIVE:
    case SRI_WHY_SHOT:
    case SRI_WHY_NOTIFIES:
    case SRI_WHY_NOTIFY:
    case SRI_WHY_USAGE:
    case SRI_WHY_REREAD:
    case SRI_WHY_WORLD:
    case SRI_WHY_WORKER:
    case SRI_WHY_TOGETHER:
    case SRI_WHY_COMES:
    case SRI_WHY_LATE:
    case SRI_WHY_BREAK:
    case SRI_WHYS: break;
    }
    return 0;
}

struct sri_chooser sri_small_chooser(struct sri_exhaust *exhaust)
{
    static const struct sri_chooser_vtable vtable = {.pick = pick};
    return (struct sri_chooser){.vtable = &vtable, .self = exhaust};
}

/* ---- Events ---- */

static void consumed(struct sri_exhaust *exhaust, const struct sri_event *event)
{
    if (event->opcode == IORING_OP_ASYNC_CANCEL)
        return;
    struct sri_piece *piece = piece_of(exhaust, event->user_data);
    exhaust->verdict.operations++;
    bool new = piece != NULL && !piece->consumed;
    sri_judge(&exhaust->verdict, SRI_RULE_OP_1, event->user_data, new,
              "the kernel was given an entry of no operation, or one twice");
    if (!new)
        return;
    sri_judge(&exhaust->verdict, SRI_RULE_ORPH_2, event->user_data, !piece->over && !piece->seen,
              "the kernel was given an entry that was withdrawn");
    piece->consumed = true;
    piece->lent = event->segment_count > 0 ? event->segments[0].iov_base : NULL;
    if (piece->lent == NULL)
        return;
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        const struct sri_piece *other = &exhaust->pieces[i];
        sri_judge(&exhaust->verdict, SRI_RULE_BUF_4, event->user_data,
                  other == piece || other->lent != piece->lent,
                  "the kernel was lent bytes that another operation has");
    }
}

static void completed(struct sri_exhaust *exhaust, const struct sri_event *event)
{
    struct sri_piece *piece = piece_of(exhaust, event->user_data);
    if (piece == NULL)
        return;
    if (piece->posted)
        sri_violated(&exhaust->verdict, SRI_RULE_OP_1, event->user_data, "an operation ended twice");
    piece->posted = true;
    piece->result = (int32_t)event->result;
    piece->due_ns = 0;
    piece->lent = NULL;
    sri_small_say(exhaust, "kernel: operation %u ends: %d", (unsigned)(piece - exhaust->pieces),
                  piece->result);
}

static void observe(void *self, const struct sri_event *event)
{
    struct sri_exhaust *exhaust = self;
    exhaust->verdict.step++;
    exhaust->verdict.now_ns = event->now_ns;
    if (event->kind == SRI_EVENT_CONSUMED)
        consumed(exhaust, event);
    else if (event->kind == SRI_EVENT_COMPLETED)
        completed(exhaust, event);
    else if (event->kind == SRI_EVENT_CANCELLING)
        sri_small_say(exhaust, "kernel: a cancel answers %d", (int)event->result);
    else if (event->kind == SRI_EVENT_STALL)
        sri_violated(&exhaust->verdict, SRI_RULE_OP_8, 0, "the ring waits for ever");
}

struct sri_observer sri_small_observer(struct sri_exhaust *exhaust)
{
    return (struct sri_observer){.observe = observe, .self = exhaust};
}

/* A block of the library's is about to be released. */
void sri_small_release(void *user, const struct sri_block *block)
{
    struct sri_exhaust *exhaust = user;
    if (!block->live) {
        sri_violated(&exhaust->verdict, SRI_RULE_BUF_1, 0, "a block of %llu bytes was released twice",
                     (unsigned long long)block->size);
        return;
    }
    for (uint32_t i = 0; exhaust->small != NULL && i < exhaust->small->count; i++) {
        const struct sri_piece *piece = &exhaust->pieces[i];
        if (piece->lent == NULL || piece->lent < block->bytes || piece->lent >= block->bytes + block->size)
            continue;
        sri_violated(&exhaust->verdict, SRI_RULE_BUF_3, piece->id, "freed in flight: operation %u's bytes",
                     i);
        if (piece->dropped)
            sri_violated(&exhaust->verdict, SRI_RULE_ORPH_6, piece->id,
                         "freed in flight: the bytes of an orphan, operation %u", i);
    }
}
