/*
 * What is owed when a run has ended: no buffer, no descriptor, no byte written where nobody may (ORPH-3,
 * ORPH-4, RING-5). Judges by the heap, the kernel's events and counts it is given.
 */
#ifndef SRI_ORACLE_OWED_H
#define SRI_ORACLE_OWED_H

#include "oracle/heap.h"
#include "oracle/verdict.h"

struct sri_owed {
    uint64_t serial;      /* of the heap when the run began */
    uint32_t descriptors; /* open then */
};

void sri_owed_begin(struct sri_owed *owed, const struct sri_heap *heap, uint32_t descriptors);
void sri_owed_judge(const struct sri_owed *owed, struct sri_verdict *verdict, struct sri_heap *heap,
                    uint32_t descriptors);

#endif
