/*
 * The restricted chooser: whether a worker has something, when it begins and when its end is seen; which timers are seen
 * together. All else a kernel does in one order.
 */
#include "freedom.h"

#include <string.h>

#define LATER 5u /* index into sri_delay_ns: 10 ms, after a timeout that expires */

static uint32_t choose(struct df_freedom *freedom, uint32_t n)
{
    if (n > 1)
        freedom->asked++;
    return sri_branch_choose(freedom->branch, n);
}

static bool is_in(const bool set[256], const struct sri_question *question)
{
    return question->user_data < 256 && set[question->user_data];
}

/* Whether a worker is needed for a write to a file or to open or close one is the file system's business. */
static uint32_t pick_worker(struct df_freedom *freedom, const struct sri_question *question)
{
    if (!is_in(freedom->floats, question))
        return 0;
    bool may_be_inline = question->opcode == IORING_OP_WRITE || question->opcode == IORING_OP_WRITEV ||
                         question->opcode == IORING_OP_OPENAT || question->opcode == IORING_OP_CLOSE;
    return may_be_inline ? choose(freedom, 3) : 2 * choose(freedom, 2);
}

static uint32_t pick(void *self, const struct sri_question *question)
{
    struct df_freedom *freedom = self;
    switch ((uint32_t)question->why) {
    case SRI_WHY_WORKER: return pick_worker(freedom, question);
    case SRI_WHY_TOGETHER: return choose(freedom, question->n);
    case SRI_WHY_COMES:
    case SRI_WHY_BREAK: return choose(freedom, 2);
    case SRI_WHY_LATE: return freedom->program->brief ? choose(freedom, 2) : 0;
    case SRI_WHY_REPORT: return is_in(freedom->reports, question) ? LATER * choose(freedom, 2) : 0;
    case SRI_WHY_CANCEL: return is_in(freedom->floats, question) ? choose(freedom, question->n) : 0;
    case SRI_WHY_CANCEL_ORDER: return is_in(freedom->floats, question) ? choose(freedom, 2) : 0;
    case SRI_WHY_WORLD: return question->freedom == SRI_FREEDOM_TRANSIT ? choose(freedom, 2) : 0;
    default: break;
    }
    return 0;
}

static bool has_object(uint8_t kind)
{
    return (kind >= DF_READ && kind <= DF_POLL) || kind == DF_ACCEPT || kind == DF_CONNECT;
}

static bool is_of_file(const struct df_program *program, const struct df_entry *entry)
{
    return entry->kind == DF_FSYNC || entry->kind == DF_OPENAT || entry->kind == DF_NOP ||
           (has_object(entry->kind) && program->object[entry->object] == DF_FILE);
}

/*
 * May something behind a link, which an earlier round left waiting, come to the same object? Or a cancel, which finds what
 * a worker has, at work or not?
 */
static bool is_met(const struct df_program *program, const struct df_round *round,
                   const struct df_entry *entry)
{
    for (uint32_t i = 1; i < round->first; i++) {
        const struct df_entry *other = &program->entry[i];
        if ((other[-1].flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0 &&
            (other->kind == DF_CANCEL || (has_object(other->kind) && other->object == entry->object)))
            return true;
    }
    return false;
}

static void set_round(struct df_freedom *freedom, const struct df_program *program,
                      const struct df_round *round)
{
    for (uint32_t i = 0; i < round->count; i++) {
        const struct df_entry *entry = &program->entry[round->first + i];
        freedom->floats[entry->user_data] |= entry->floats;
        bool watched = !round->settles || is_met(program, round, entry);
        freedom->reports[entry->user_data] |= entry->floats && (watched || !is_of_file(program, entry));
    }
}

void df_freedom_set(struct df_freedom *freedom, const struct df_program *program, struct sri_branch *branch)
{
    memset(freedom, 0, sizeof *freedom);
    freedom->program = program;
    freedom->branch = branch;
    for (uint32_t i = 0; i < program->rounds; i++)
        set_round(freedom, program, &program->round[i]);
}

struct sri_chooser df_freedom_chooser(struct df_freedom *freedom)
{
    static const struct sri_chooser_vtable vtable = {.pick = pick, .orderly = true};
    return (struct sri_chooser){.vtable = &vtable, .self = freedom};
}
