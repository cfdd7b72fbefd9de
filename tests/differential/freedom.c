/*
 * The restricted chooser. It looks at what is due inside the engine to tell what a kernel may reorder from what it does in
 * order: the oldest of all that stays in order, or any of those that float.
 */
#include "freedom.h"

#include <string.h>

#include "engine/request.h"

#define LATER 5u /* index into sri_delay_ns: 10 ms, after a timeout that expires */
#define CANDIDATES 64u

static uint32_t choose(struct df_freedom *freedom, uint32_t n)
{
    if (n > 1)
        freedom->asked++;
    return sri_branch_choose(freedom->branch, n);
}

static bool floats(const struct df_freedom *freedom, const struct sri_request *request)
{
    return (request->user_data < 256 && freedom->floats[request->user_data]);
}

/* Of all that is due: the oldest first, then whatever else could be next. */
static uint32_t candidates(const struct df_freedom *freedom, struct sri_request **found)
{
    const struct sri_due *due = &freedom->engine->due;
    bool ordered = false;
    uint32_t count = 0;
    for (struct sri_node *node = due->fifo.next; node != &due->fifo && count < CANDIDATES;
         node = node->next) {
        struct sri_request *request = sri_request_of_node(node);
        bool is_free = floats(freedom, request);
        if (is_free || !ordered)
            found[count++] = request;
        ordered = ordered || !is_free;
    }
    return count;
}

/* The answer that makes the engine take this one (due.c). */
static uint32_t answer_for(const struct sri_due *due, const struct sri_request *request)
{
    const struct sri_request *oldest = sri_request_of_node(due->fifo.next);
    if (request == oldest)
        return 0;
    return request->position == 0 ? oldest->position : request->position;
}

static uint32_t pick_order(struct df_freedom *freedom)
{
    struct sri_request *found[CANDIDATES];
    uint32_t count = candidates(freedom, found);
    return answer_for(&freedom->engine->due, found[choose(freedom, count)]);
}

static bool is_in(const bool set[256], const struct sri_question *question)
{
    return question->user_data < 256 && set[question->user_data];
}

/* Whether a worker is needed for a write to a file is the file system's business. */
static uint32_t pick_worker(struct df_freedom *freedom, const struct sri_question *question)
{
    if (!is_in(freedom->floats, question))
        return 0;
    bool may_be_inline = question->opcode == IORING_OP_WRITE || question->opcode == IORING_OP_WRITEV;
    if (!is_in(freedom->delays, question))
        return may_be_inline ? choose(freedom, 2) : 0;
    return may_be_inline ? choose(freedom, 3) : 2 * choose(freedom, 2);
}

static uint32_t pick(void *self, const struct sri_question *question)
{
    struct df_freedom *freedom = self;
    switch ((uint32_t)question->why) {
    case SRI_WHY_ORDER: return pick_order(freedom);
    case SRI_WHY_WORKER: return pick_worker(freedom, question);
    case SRI_WHY_TOGETHER: return choose(freedom, question->n);
    case SRI_WHY_LATE: return freedom->program->brief ? choose(freedom, 2) : 0;
    case SRI_WHY_REPORT: return is_in(freedom->reports, question) ? LATER * choose(freedom, 2) : 0;
    case SRI_WHY_CANCEL: return is_in(freedom->floats, question) ? choose(freedom, question->n) : 0;
    case SRI_WHY_CANCEL_ORDER: return is_in(freedom->floats, question) ? choose(freedom, 2) : 0;
    case SRI_WHY_WORLD:
        if (question->freedom == SRI_FREEDOM_WAKE)
            return choose(freedom, question->n);
        return question->freedom == SRI_FREEDOM_TRANSIT ? choose(freedom, 2) : 0;
    default: break;
    }
    return 0;
}

static bool has_object(uint8_t kind)
{
    return (kind >= DF_READ && kind <= DF_POLL) || kind == DF_ACCEPT || kind == DF_CONNECT;
}

/* The kernel lets go of a closed descriptor's object a little later, when it leaves for user space. */
static bool is_closed_under(const struct df_program *program, const struct df_entry *entry)
{
    if (!has_object(entry->kind) || program->object[entry->object] == DF_FILE)
        return false;
    for (uint32_t i = 0; i < program->entries; i++) {
        if (program->entry[i].kind == DF_CLOSE && program->entry[i].object == entry->object)
            return true;
    }
    return false;
}

static bool is_of_file(const struct df_program *program, const struct df_entry *entry)
{
    return entry->kind == DF_FSYNC || entry->kind == DF_OPENAT || entry->kind == DF_NOP ||
           (has_object(entry->kind) && program->object[entry->object] == DF_FILE);
}

static void set_round(struct df_freedom *freedom, const struct df_program *program,
                      const struct df_round *round)
{
    for (uint32_t i = 0; i < round->count; i++) {
        const struct df_entry *entry = &program->entry[round->first + i];
        bool is_free = entry->floats || is_closed_under(program, entry);
        freedom->floats[entry->user_data] |= is_free;
        freedom->delays[entry->user_data] |= is_free && !round->settles;
        freedom->reports[entry->user_data] |= is_free && (!round->settles || !is_of_file(program, entry));
    }
}

void df_freedom_set(struct df_freedom *freedom, struct sri_engine *engine, const struct df_program *program,
                    struct sri_branch *branch)
{
    memset(freedom, 0, sizeof *freedom);
    freedom->engine = engine;
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
