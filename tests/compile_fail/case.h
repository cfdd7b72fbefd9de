/*
 * What every case of this folder begins with. A case is one function, twice: with WRONG defined it has the mistake its name
 * says, without it is the right program, which differs in the marked lines only.
 *
 * The first line of a case says who rejects it and what is said: `// COMPILER OPTIONS: a regular expression`.
 */
#include <stdlib.h>

#include <safer_ring.h>

static inline void release(struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    if (sr_buffer_release(buffer) != 0)
        abort();
}
