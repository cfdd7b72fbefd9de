/*
 * What this kernel does not have: because it was hidden, or because nobody has written it.
 */
#ifndef SRI_ENGINE_REFUSAL_H
#define SRI_ENGINE_REFUSAL_H

#include "engine/request.h"

/* Says once of each operation, registration or flag (as the number of its bit) that it is not simulated. */
void sri_tell_refusal(struct sri_engine *engine, enum sri_refusal kind, uint32_t number);
/* The same for each bit of `flags`. */
void sri_tell_refused_flags(struct sri_engine *engine, enum sri_refusal kind, uint32_t flags);

static inline bool sri_hides_feature(const struct sri_engine *engine, uint32_t feature)
{
    return (engine->options.hidden_features & feature) != 0;
}

/* Of a number below 64. */
static inline bool sri_hides_operation(const struct sri_engine *engine, uint8_t opcode)
{
    return (engine->options.hidden_operations >> opcode & 1) != 0;
}

static inline bool sri_hides_registration(const struct sri_engine *engine, uint32_t opcode)
{
    return opcode < 64 && (engine->options.hidden_registrations >> opcode & 1) != 0;
}

#endif
