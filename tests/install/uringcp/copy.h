/*
 * Copies a file with several blocks in flight. Plain liburing: nothing here knows what kernel is below.
 */
#ifndef COPY_H
#define COPY_H

#include <liburing.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COPY_BLOCKS 4 /* in flight at most; the ring needs as many entries */

/*
 * Copies what `from` holds to the same places of `to`, in blocks of so many bytes, and syncs it. 0 or -errno. End the ring
 * after an error.
 */
int copy_file(struct io_uring *ring, int from, int to, unsigned block_size);

#ifdef __cplusplus
}
#endif

#endif
