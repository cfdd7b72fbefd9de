/*
 * Requests that are held until somebody lets go of them: by scripts alone. They stand on the wheel at a time that never comes.
 */
#include "engine/request.h"
#include "engine/steps.h"

/* Also from within an event: nothing is touched here. More than there is room for are let go with the next. */
void sri_engine_let_go(struct sri_engine *engine, uint64_t number)
{
    if (engine->let_go_count < SRI_LET_GO)
        engine->let_go[engine->let_go_count++] = number;
}

static struct sri_request *find(const struct sri_engine *engine, uint64_t number)
{
    const struct sri_table *table = &engine->table;
    for (uint32_t i = 0; table->buckets != NULL && i <= table->mask; i++)
        for (struct sri_request *request = table->buckets[i]; request != NULL; request = request->hash_next)
            if (request->number == number && request->place == SRI_PLACE_WHEEL &&
                request->entry.due_ns == SRI_HELD_NS)
                return request;
    return NULL;
}

void sri_let_go(struct sri_engine *engine)
{
    for (uint32_t i = 0; i < engine->let_go_count; i++) {
        struct sri_request *request = find(engine, engine->let_go[i]);
        if (request == NULL)
            continue; /* it was cancelled */
        sri_wheel_remove(&engine->wheel, &request->entry);
        request->place = SRI_PLACE_NONE;
        sri_due_push(request, (enum sri_step)request->step);
    }
    engine->let_go_count = 0;
}
