/*
 * The table of delays, the one constant that choosers and the engine share.
 */
#include "engine/chooser.h"

const uint64_t sri_delay_ns[SRI_DELAYS] = {
    0,
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(1000000000),
    UINT64_C(3600000000000),
};
