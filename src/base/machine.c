/*
 * Who is told of transitions, in builds that measure coverage; in others nothing.
 */
#include "base/machine.h"

#ifdef SRI_COUNT_TRANSITIONS
void (*sri_on_transition)(const int16_t *cell);
#endif
