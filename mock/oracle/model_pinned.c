/*
 * Pinned buffers as the program knows them, judged: where they are, whether they are lent, what is refused meanwhile (PIN-1,
 * PIN-2).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

struct sri_pin *sri_model_pin(struct sri_model *model, size_t size)
{
    struct sri_pin *pin = NULL;
    uint8_t *bytes = NULL;
    uint64_t serial = model->heap != NULL ? model->heap->serial : 0;
    for (uint32_t i = 0; pin == NULL && i < SRI_PINS; i++)
        if (model->pins[i].pinned == NULL)
            pin = &model->pins[i];
    if (pin == NULL || sr_pinned_new(&pin->pinned, size) != 0)
        return NULL;
    int rc = sr_pinned_as_mut_slice(pin->pinned, &bytes);
    sri_judge(model->verdict, SRI_RULE_PIN_1, 0,
              rc == 0 && bytes != NULL && sr_pinned_len(pin->pinned) == size,
              "a new pinned buffer of %zu bytes holds %zu, or can't be touched: %d", size,
              sr_pinned_len(pin->pinned), rc);
    struct sri_block *block = model->heap != NULL ? sri_heap_find(model->heap, bytes, serial) : NULL;
    if (block != NULL)
        block->purpose = SRI_PURPOSE_BUFFER; /* owed at the end of the run (PIN-1) */
    sri_model_code(model, "/* A pinned buffer: what is done with it is not shown. */");
    pin->bytes = bytes;
    pin->size = size;
    return pin;
}

struct sri_pin *sri_pin_pick(struct sri_model *model, uint32_t n)
{
    for (uint32_t i = 0; i < SRI_PINS; i++)
        if (model->pins[(n + i) % SRI_PINS].pinned != NULL)
            return &model->pins[(n + i) % SRI_PINS];
    return NULL;
}

/* The operation that has it, or (pin NULL) has any; *certain: it has not ended, whatever the library has passed. */
static const struct sri_act *borrower(const struct sri_model *model, const struct sri_pin *pin, bool *certain)
{
    *certain = false;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->pin == NULL || (pin != NULL && act->pin != pin))
            continue;
        *certain = act->hand != SRI_HAND_DROPPED || (model->sees && !act->posted);
        return act;
    }
    return NULL;
}

void sri_model_judge_borrowed(const struct sri_model *model, int rc)
{
    bool certain;
    const struct sri_act *act = borrower(model, NULL, &certain);
    sri_judge(model->verdict, SRI_RULE_PIN_2, act != NULL ? act->id : 0,
              rc == SR_ERING_BORROWED ? act != NULL : !certain,
              "a borrowing call was answered %d, and %s is pending", rc, act != NULL ? "one" : "none");
}

static void probe_lent(const struct sri_model *model, const struct sri_pin *pin, uint64_t id)
{
    uint8_t *bytes = NULL;
    const uint8_t *view = NULL;
    struct sr_pinned *copy = pin->pinned;
    int touched = sr_pinned_as_mut_slice(pin->pinned, &bytes);
    int looked = sr_pinned_as_slice(pin->pinned, &view);
    sri_judge(model->verdict, SRI_RULE_PIN_2, id,
              touched == SR_EBUFFER_IN_FLIGHT && looked == SR_EBUFFER_IN_FLIGHT && bytes == NULL &&
                  view == NULL,
              "a lent buffer was opened: %d, %d", touched, looked);
    int freed = sr_pinned_free(&copy);
    sri_judge(model->verdict, SRI_RULE_PIN_2, id,
              freed == SR_EBUFFER_IN_FLIGHT && copy == pin->pinned && sr_pinned_is_borrowed(copy),
              "a lent buffer was freed: %d", freed);
}

void sri_model_probe_pin(struct sri_model *model, const struct sri_pin *pin)
{
    bool certain;
    uint8_t *bytes = NULL;
    const struct sri_act *act = borrower(model, pin, &certain);
    if (act != NULL && certain) {
        probe_lent(model, pin, act->id);
        return;
    }
    int rc = sr_pinned_as_mut_slice(pin->pinned, &bytes);
    if (act == NULL || rc == 0)
        sri_judge(model->verdict, SRI_RULE_PIN_1, 0, rc == 0 && bytes == pin->bytes,
                  "a buffer that is not lent can't be touched (%d), or was moved", rc);
}

bool sri_model_unpin(struct sri_model *model, struct sri_pin *pin)
{
    bool certain;
    const struct sri_act *act = borrower(model, pin, &certain);
    if (act != NULL)
        return false;
    int rc = sr_pinned_free(&pin->pinned);
    sri_judge(model->verdict, SRI_RULE_PIN_2, 0, rc == 0 && pin->pinned == NULL,
              "a buffer that is not lent was not freed: %d", rc);
    pin->pinned = NULL;
    return true;
}
