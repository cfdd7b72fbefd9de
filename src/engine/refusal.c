/*
 * One line for each thing that is refused because it is not simulated at all, and only the first time: a program that
 * probes for it need not be told, and who wonders why a program fails is.
 */
#include "engine/refusal.h"

#include <string.h>

#include "base/text.h"

static_assert(IORING_OP_LAST <= 64, "an opcode is a bit of hidden_operations");

/* True: it was told before. */
static bool was_told(struct sri_engine *engine, enum sri_refusal kind, uint32_t number)
{
    uint64_t *word = &engine->told[kind][number / 64 % SRI_TOLD_WORDS];
    uint64_t bit = UINT64_C(1) << (number % 64);
    bool before = (*word & bit) != 0;
    *word |= bit;
    return before;
}

void sri_tell_refusal(struct sri_engine *engine, enum sri_refusal kind, uint32_t number)
{
    static const char *const formats[SRI_REFUSALS] = {
        [SRI_REFUSAL_OPERATION] = "operation %u (%s) is not simulated: -EINVAL",
        [SRI_REFUSAL_REGISTRATION] = "registration %u%s is not simulated: -EINVAL",
        [SRI_REFUSAL_SETUP] = "io_uring_setup: the flag 1 << %u%s is not simulated: -EINVAL",
        [SRI_REFUSAL_ENTER] = "io_uring_enter: the flag 1 << %u%s is not simulated: -EINVAL",
        [SRI_REFUSAL_GUEST] =
            "operation %u (%s) by another process than the ring's is not simulated: -EOPNOTSUPP",
        [SRI_REFUSAL_GUEST_REGISTRATION] =
            "registration %u%s by another process than the ring's is not simulated: -EINVAL",
    };
    char text[112];
    if (engine->options.refused == NULL || was_told(engine, kind, number))
        return;
    const char *name =
        kind == SRI_REFUSAL_OPERATION || kind == SRI_REFUSAL_GUEST ? sri_opcode_name((uint8_t)number) : "";
    sri_format(text, sizeof text, formats[kind], number, name);
    engine->options.refused(engine->options.refused_self, text);
}

void sri_tell_refused_flags(struct sri_engine *engine, enum sri_refusal kind, uint32_t flags)
{
    for (uint32_t bit = 0; bit < 32; bit++) {
        if (flags >> bit & 1)
            sri_tell_refusal(engine, kind, bit);
    }
}

void sri_engine_set_options(struct sri_engine *engine, const struct sri_engine_options *options)
{
    SRI_REQUIRE(sri_list_empty(&engine->rings));
    engine->options = *options;
    memset(engine->told, 0, sizeof engine->told);
}
