/*
 * The last oracle of a run. Judges what is still owed; changes nothing.
 */
#include "oracle/owed.h"

void sri_owed_begin(struct sri_owed *owed, const struct sri_heap *heap, uint32_t descriptors)
{
    owed->serial = heap->serial;
    owed->descriptors = descriptors;
}

void sri_owed_judge(const struct sri_owed *owed, struct sri_verdict *verdict, struct sri_heap *heap,
                    uint32_t descriptors)
{
    uint64_t bytes = 0;
    uint64_t buffers = sri_heap_owed(heap, SRI_PURPOSE_BUFFER, owed->serial, &bytes);
    sri_judge(verdict, SRI_RULE_ORPH_3, 0, buffers == 0, "owed: %llu buffers (%llu bytes) never came home",
              (unsigned long long)buffers, (unsigned long long)bytes);
    sri_judge(verdict, SRI_RULE_ORPH_4, 0, descriptors <= owed->descriptors,
              "owed: %u descriptors were open at the beginning, %u are at the end", owed->descriptors,
              descriptors);
    uint64_t stains = sri_heap_take_stains(heap, owed->serial);
    sri_judge(verdict, SRI_RULE_BUF_3, 0, stains == 0, "owed: %llu released blocks were written into",
              (unsigned long long)stains);
}
